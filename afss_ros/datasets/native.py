"""Reads our own form on disk (see `writer` for the layout)."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from afss_ros.datasets.choices import read_choices
from afss_ros.datasets.errors import MALFORMED, DatasetError, told
from afss_ros.datasets.files import read_json
from afss_ros.datasets.form import Dataset, Problem, Sample
from afss_ros.datasets.record import read_lines, to_sample
from afss_ros.datasets.shards import line_files
from afss_ros.datasets.sought import Sought
from afss_ros.datasets.writer import FORMAT, VERSION
from afss_ros.labels import UNLABELLED

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
    declaration = read_json(path)
    try:
        found = (declaration["format"], declaration["version"])
        class_names = {int(i): str(n) for i, n in declaration["class_names"].items()}
        provenance = declaration.get("provenance") or {}
        if not isinstance(provenance, dict) or not all(0 <= i < UNLABELLED for i in class_names):
            raise DatasetError("class_names are ids from 0 to 254, provenance is an object")
    except MALFORMED as err:
        raise DatasetError(f"{path}: cannot be read ({told(err)})") from err
    if found != (FORMAT, VERSION):
        raise DatasetError(f"{path}: is {found[0]!r} version {found[1]!r}; this package reads {FORMAT!r} {VERSION}")
    choices = read_choices(root)
    ids = frozenset(class_names)
    sought = Sought(provenance)
    samples: dict[str, Sample] = {}
    dropped = 0
    problems: list[Problem] = []
    notes: list[str] = []
    for lines in line_files(root):
        records, wrong, complete = read_lines(lines)
        problems += [Problem(str(lines), reason) for reason in wrong]
        if torn := lines.stat().st_size - complete:
            notes.append(f"{lines}: its last line is torn ({torn} bytes), as a killed writer leaves it; passed over")
        for record in records:
            if record["key"] in choices.drop:
                dropped += 1
                continue
            where = f"{lines}: {record['key']!r}"
            try:
                of_sample: list[str] = []
                sample = to_sample(root, record, of_sample)
                _require_files(sample)
                if sample.key in samples:
                    raise DatasetError("occurs twice; the first is kept")
                parts = sought.by(sample) if sample.parts is None else sample.parts
                samples[sample.key] = replace(sample, label_ids=ids, parts=parts)
                problems += [Problem(where, reason) for reason in of_sample]
            except DatasetError as err:
                problems.append(Problem(where, str(err)))
    if dropped:
        _log.info("%s: %d samples are left out, as choices.json wishes", root, dropped)
    if not line_files(root):
        problems.append(Problem(str(root), "has no samples.jsonl"))
    return Dataset(root, class_names, tuple(samples.values()), tuple(problems), provenance, tuple(notes))


def _require_files(sample: Sample) -> None:
    for path in (sample.image, sample.labels):
        if path is not None and not path.is_file():
            raise DatasetError(f"{path} is missing{', or no regular file' if path.exists() else ''}")
