"""`load`: whatever form a data set has on disk, one form in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from afss_ros.datasets import box_csv, coco, native, pairs
from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.form import Dataset


def _load_coco_folder(root: Path) -> Dataset:
    parts = [coco.load(p, split=p.stem.removeprefix("instances").lstrip("_")) for p in coco.find(root)]
    if len(parts) == 1:
        return parts[0]
    samples = tuple(s for part in parts for s in part.samples)
    problems = tuple(p for part in parts for p in part.problems)
    return Dataset(root, parts[0].class_names, samples, problems)


FORMS: dict[str, tuple[Callable[[Path], bool], Callable[[Path], Dataset]]] = {
    "afss": (native.recognises, native.load),
    "pairs": (pairs.recognises, pairs.load),
    "box_csv": (box_csv.recognises, box_csv.load),
    "coco": (lambda root: bool(coco.find(root)), _load_coco_folder),
}
"""Form name -> (does it recognise this folder, read it). Asked in this order."""


def load(path: str | Path, split: str | None = None) -> Dataset:
    """Read the data set at `path`, recognising its form.

    Args:
        path: a folder in one of `FORMS`, or a COCO instances .json file.
        split: keep only this split.

    Raises:
        DatasetError: nothing there, no form recognises it, or there is no such split. Files that cannot be used do
            not raise: they are named in `Dataset.problems` and skipped.
    """
    root = Path(path)
    if root.is_file() and root.suffix == ".json":
        return coco.load(root).only(split)
    if not root.is_dir():
        raise DatasetError(f"{root}: no such folder; give a data set folder or a COCO .json file")
    for recognises, read in FORMS.values():
        if recognises(root):
            return read(root).only(split)
    raise DatasetError(f"{root}: no data set is recognised here; the forms are {', '.join(FORMS)}")
