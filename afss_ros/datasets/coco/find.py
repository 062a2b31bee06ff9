"""The COCO files of a folder, in the places where people and exporters put them."""

from __future__ import annotations

from pathlib import Path

from afss_ros.datasets.form import Problem
from afss_ros.datasets.splits import split_of

_OTHER_TASKS = ("captions", "person_keypoints", "stuff", "panoptic", "image_info", "lvis", "densepose")
"""What COCO itself publishes beside instances; nobody expects these to be read."""


def is_coco(path: Path) -> bool:
    """Whether a JSON file looks like COCO instances, from its first 4 kB and its last."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(max(0, path.stat().st_size - 4096))
        text = head + file.read(4096)
    return b'"images"' in text or b'"annotations"' in text or b'"categories"' in text


def recognises(root: Path) -> bool:
    """Whether a folder holds COCO files."""
    return bool(find(root)[0])


def find(root: Path) -> tuple[list[Path], list[Problem]]:
    """The COCO files of a folder: in `annotations/`, in itself, and in folders with the name of a split (Roboflow).

    Where some are named `instances*`, these are the set.

    Returns:
        The files to read, and those that look as if they belonged to the set and are not read.
    """
    splits = sorted(p for p in root.iterdir() if p.is_dir() and split_of(p.name))
    files = [p for folder in (root / "annotations", root, *splits) for p in sorted(folder.glob("*.json"))]
    found = [p for p in files if is_coco(p)]
    problems = [Problem(str(p), "is no regular file") for p in files if not p.is_file()]
    instances = [p for p in found if p.name.startswith("instances")]
    if instances:
        others = [p for p in found if p not in instances and not p.name.startswith(_OTHER_TASKS)]
        problems += [Problem(str(p), f"is not read: the set is {instances[0].name} and its like") for p in others]
    return instances or found, problems
