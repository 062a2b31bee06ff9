"""The files that list the samples of a set: found, locked, merged."""

from __future__ import annotations

import fcntl
import json
import logging
from pathlib import Path
from typing import Any

from afss_ros.datasets import coco
from afss_ros.datasets.choices import read_choices
from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.files import read_json, write_atomically
from afss_ros.datasets.record import read_lines, to_line, to_sample

_log = logging.getLogger(__name__)


def line_files(root: Path) -> list[Path]:
    """The files that list the samples of a set: the merged one first, then the shards in order."""
    merged = root / "samples.jsonl"
    shards = sorted((p for p in root.glob("samples-*.jsonl") if p.is_file()), key=lambda p: (len(p.name), p.name))
    return ([merged] if merged.is_file() else []) + shards


def merge_shards(root: str | Path) -> int:
    """Make one samples.jsonl, in the order of keys, of a set written in shards, and write instances.json.

    Killed half-way and called again, it loses and repeats nothing.

    Returns:
        How many samples the set has.

    Raises:
        DatasetError: a writer of the set is still open.
    """
    root = Path(root)
    paths = line_files(root)
    for path in paths:
        with path.open("rb") as file:
            lock(file.fileno(), path, "close every writer before merging")
    records = _records(paths)
    ordered = [records[key] for key in sorted(records)]
    write_atomically(root / "samples.jsonl", b"".join(to_line(r) for r in ordered))
    for path in paths:
        if path.name != "samples.jsonl":
            path.unlink()
    write_instances(root)
    return len(ordered)


def write_instances(root: Path) -> None:
    """Write instances.json (COCO) of the set at `root` from its samples, but for those that a person dropped.

    Raises:
        DatasetError: the choices beside the set cannot be read.
    """
    class_names = {int(i): n for i, n in read_json(root / "dataset.json")["class_names"].items()}
    records = _records(line_files(root))
    dropped = read_choices(root).drop
    samples = []
    for key, record in records.items():
        if key not in dropped:
            try:
                samples.append(to_sample(root, record, []))
            except DatasetError as err:
                _log.warning("%s: %r is left out of instances.json: %s", root, key, err)
    document, left_out = coco.from_samples(samples, class_names, root)
    for problem in left_out:
        _log.debug("left out of instances.json: %s", problem)
    write_atomically(root / "instances.json", json.dumps(document).encode())


def _records(paths: list[Path]) -> dict[str, dict[str, Any]]:
    """The records of all files by key, the first of each; what is left out is warned of."""
    records: dict[str, dict[str, Any]] = {}
    for path in paths:
        found, wrong, _ = read_lines(path)
        for reason in wrong:
            _log.warning("%s: %s; left out", path, reason)
        for record in found:
            if records.setdefault(record["key"], record) is not record:
                _log.warning("%s: %r occurs twice; the first is kept", path, record["key"])
    return records


def lock(descriptor: int, path: Path, cure: str) -> None:
    """Take the file for this writer; the system frees it when the descriptor closes, however the process ends."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as err:
        raise DatasetError(f"{path}: somebody is writing it; {cure}") from err
