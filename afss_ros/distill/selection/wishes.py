"""What a person decided about the images of the sets, by the keys that these have in the new one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from afss_ros.datasets.choices import Choices, read_choices, read_choices_file
from afss_ros.datasets.record import read_lines
from afss_ros.datasets.shards import line_files
from afss_ros.distill.errors import DistillError
from afss_ros.distill.selection.candidates import Candidate

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wishes:
    """A person's choices.

    Attributes:
        choices: what to keep and what to drop.
        gone: images that loading a set has left out already, as the `choices.json` beside it wishes; sorted.
    """

    choices: Choices
    gone: tuple[str, ...] = ()


def read_wishes(sets: Sequence[Path], file: Path | None, candidates: Sequence[Candidate]) -> Wishes:
    """The choices in `file`, or beside each set. Keys of no image are warned of: the choices may be of another set.

    Raises:
        DistillError: `file` is given for several sets, or speaks of no image of its set.
        DatasetError: choices cannot be read.
    """
    if file is not None and len(sets) > 1:
        raise DistillError(f"{file}: choices belong to one set; put each beside its set as choices.json")
    looked_at = {c.key for c in candidates}
    keep: set[str] = set()
    drop: set[str] = set()
    gone: set[str] = set()
    for path in sets:
        prefix = f"{path.resolve().name}/" if len(sets) > 1 else ""
        beside = read_choices(path) if path.is_dir() else Choices()
        chosen = beside if file is None else read_choices_file(file)
        written, seen = _keys(path)
        gone |= {prefix + key for key in beside.drop & written} - looked_at
        _say_foreign(chosen, {key.removeprefix(prefix) for key in looked_at} | written | seen, path, file)
        keep |= {prefix + key for key in chosen.keep}
        drop |= {prefix + key for key in chosen.drop}
    return Wishes(Choices(frozenset(keep), frozenset(drop)), tuple(sorted(gone)))


def _say_foreign(chosen: Choices, known: set[str], path: Path, file: Path | None) -> None:
    keys = chosen.keep | chosen.drop
    foreign = sorted(keys - known)
    if not foreign:
        return
    said = f"{file or path / 'choices.json'}: {len(foreign)} of {len(keys)} keys are of no image of {path}"
    if file is not None and len(foreign) == len(keys):
        raise DistillError(f"{said} (the first: {foreign[0]}); give the choices that were saved from its report")
    _LOG.warning("%s (the first: %s); was it saved from the report of another set?", said, foreign[0])


def _keys(path: Path) -> tuple[set[str], set[str]]:
    """The keys of the samples that a set of our form holds, dropped or not, and of the frames that its labeller saw."""
    if not path.is_dir():
        return set(), set()
    written = {record["key"] for lines in line_files(path) for record in read_lines(lines)[0]}
    manifest = path / "manifest.jsonl"
    return written, {record["key"] for record in read_lines(manifest)[0]} if manifest.is_file() else set()
