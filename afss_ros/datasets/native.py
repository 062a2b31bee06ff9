"""Reads our own form on disk (see `writer` for the layout)."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from afss_ros.datasets.choices import read_choices
from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.form import Dataset, Problem, Sample
from afss_ros.datasets.record import read_lines, to_sample
from afss_ros.datasets.shards import line_files
from afss_ros.datasets.writer import FORMAT, VERSION

_log = logging.getLogger(__name__)


def recognises(root: Path) -> bool:
    """Whether `root` is a folder of our form."""
    return (root / "dataset.json").is_file()


def load(root: Path) -> Dataset:
    """Read the set, shards that are not merged yet included.

    Samples that a person dropped (see `choices`) are left out, which is logged: it is a wish, not a problem.
    A line that is no sample and a sample with a missing file become problems. A line torn by a kill is passed over.

    Raises:
        DatasetError: dataset.json cannot be read, or is of another format or a newer version.
    """
    path = root / "dataset.json"
    try:
        declaration = json.loads(path.read_text())
        found = (declaration["format"], declaration["version"])
        class_names = {int(i): str(n) for i, n in declaration["class_names"].items()}
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as err:
        raise DatasetError(f"{path}: cannot be read ({type(err).__name__}: {err})") from err
    if found != (FORMAT, VERSION):
        raise DatasetError(f"{path}: is {found[0]!r} version {found[1]!r}; this package reads {FORMAT!r} {VERSION}")
    choices = read_choices(root)
    samples: dict[str, Sample] = {}
    dropped = 0
    problems: list[Problem] = []
    for lines in line_files(root):
        records, wrong, _ = read_lines(lines)
        problems += [Problem(str(lines), reason) for reason in wrong]
        for record in records:
            if record["key"] in choices.drop:
                dropped += 1
                continue
            try:
                sample = to_sample(root, record)
                _require_files(sample)
                samples.setdefault(sample.key, sample)
            except DatasetError as err:
                problems.append(Problem(f"{lines}: {record['key']}", str(err)))
    if dropped:
        _log.info("%s: %d samples are left out, as choices.json wishes", root, dropped)
    return Dataset(root, class_names, tuple(samples.values()), tuple(problems), declaration.get("provenance") or {})


def _require_files(sample: Sample) -> None:
    for path in (sample.image, sample.labels):
        if path is not None and not path.is_file():
            raise DatasetError(f"{path} is missing")
