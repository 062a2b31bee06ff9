"""The forms of data sets on disk, and `load`: whatever the form, one form in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from afss_ros.datasets import coco, native, yolo
from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.form import Dataset
from afss_ros.datasets.paths import elsewhere
from afss_ros.datasets.public import (
    box_csv,
    pairs,
    pose_bowl,
    spacecraft_parts,
    spark2022,
    spark2024,
    speed_plus,
    tango,
)

FORMS: dict[str, tuple[Callable[[Path], bool], Callable[[Path], Dataset]]] = {
    "afss": (native.recognises, native.load),
    "pairs": (pairs.recognises, pairs.load),
    "box_csv": (box_csv.recognises, box_csv.load),
    "speed_plus": (speed_plus.recognises, speed_plus.load),
    "spark2024": (spark2024.recognises, spark2024.load),
    "spark2022": (spark2022.recognises, spark2022.load),
    "spacecraft_parts": (spacecraft_parts.recognises, spacecraft_parts.load),
    "pose_bowl": (pose_bowl.recognises, pose_bowl.load),
    "yolo": (yolo.recognises, yolo.load),
    # Last but one: people lay COCO annotations into the folders of other sets, as AFSS does with TANGO and SPEED+.
    "coco": (coco.recognises, coco.load_folder),
    "tango": (tango.recognises, tango.load),
}
"""Form name -> (does it recognise this folder, read it). Asked in this order."""


def load(path: str | Path, split: str | None = None, form: str | None = None) -> Dataset:
    """Read the data set at `path`, recognising its form.

    Args:
        path: a folder in one of `FORMS`, or a COCO instances .json file.
        split: keep only this split.
        form: a name in `FORMS`, for a folder that looks like several.

    Raises:
        DatasetError: nothing there, no form recognises it, or there is no such split. Files that cannot be used do
            not raise: they are named in `Dataset.problems` and skipped.
    """
    root = Path(path)
    if form is not None and form not in FORMS:
        raise DatasetError(f"no form {form!r}; the forms are {', '.join(FORMS)}")
    if root.is_file() and root.suffix == ".json":
        dataset = coco.load(root)
    elif root.is_dir():
        dataset = FORMS[form or recognise(root)][1](root)
    else:
        raise DatasetError(f"{root}: no such folder; give a data set folder or a COCO .json file")
    if outside := elsewhere(dataset.root, dataset.samples):
        dataset = replace(dataset, notes=(*dataset.notes, outside))
    return dataset.only(split)


def recognise(root: Path) -> str:
    """The name of the form that the folder `root` has.

    Raises:
        DatasetError: none that is known.
    """
    for name, (recognises, _) in FORMS.items():
        if recognises(root):
            return name
    raise DatasetError(f"{root}: no data set is recognised here; the forms are {', '.join(FORMS)}")
