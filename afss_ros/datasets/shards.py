"""The files that list the samples of a set: found, locked, merged."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

from afss_ros.datasets import coco
from afss_ros.datasets.choices import read_choices
from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.files import write_atomically
from afss_ros.datasets.record import read_lines, to_line, to_sample


def line_files(root: Path) -> list[Path]:
    """The files that list the samples of a set: the merged one first, then the shards in order."""
    merged = root / "samples.jsonl"
    shards = sorted(root.glob("samples-*.jsonl"), key=lambda p: (len(p.name), p.name))
    return ([merged] if merged.exists() else []) + shards


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
    records = {record["key"]: record for path in paths for record in read_lines(path)[0]}
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
    class_names = {int(i): n for i, n in json.loads((root / "dataset.json").read_text())["class_names"].items()}
    records = {record["key"]: record for path in line_files(root) for record in read_lines(path)[0]}
    dropped = read_choices(root).drop
    samples = [to_sample(root, record) for key, record in records.items() if key not in dropped]
    write_atomically(root / "instances.json", json.dumps(coco.from_samples(samples, class_names, root)).encode())


def lock(descriptor: int, path: Path, cure: str) -> None:
    """Take the file for this writer; the system frees it when the descriptor closes, however the process ends."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as err:
        raise DatasetError(f"{path}: somebody is writing it; {cure}") from err
