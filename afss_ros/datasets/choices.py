"""`choices.json`: what a person decided about the samples of a set, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from afss_ros.datasets.errors import MALFORMED, DatasetError
from afss_ros.datasets.files import read_json

FORMAT = "afss-choices"


@dataclass(frozen=True, slots=True)
class Choices:
    """Keys of samples that were looked at and are to be kept, and of those to be dropped."""

    keep: frozenset[str] = frozenset()
    drop: frozenset[str] = frozenset()


def read_choices(root: Path) -> Choices:
    """The choices saved beside the set at `root`; none when there is no such file.

    Raises:
        DatasetError: the file is not what the report page saves.
    """
    path = root / "choices.json"
    return read_choices_file(path) if path.exists() else Choices()


def read_choices_file(path: Path) -> Choices:
    """The choices in a file of any name.

    Raises:
        DatasetError: there is none, or it is not what the report page saves.
    """
    try:
        content = read_json(path)
        if content["format"] != FORMAT or content["version"] != 1:
            raise ValueError(f"format {content['format']!r} version {content['version']!r}")
        return Choices(*(frozenset(map(str, content[name])) for name in ("keep", "drop")))
    except MALFORMED as err:
        raise DatasetError(f"{path}: cannot be read as choices ({err}); save it from the report again") from err
