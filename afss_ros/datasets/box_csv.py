"""Sets of boxes in one table, `boxes.csv`: `image,xmin,ymin,xmax,ymax` and maybe `class_id`, pictures in `images/`.

One row is one craft; an image may have several rows. Boxes are in pixels, corner convention. `class_id` (which craft
it is) becomes the attribute `craft`; every box is a "spacecraft" here.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.files import picture_size
from afss_ros.datasets.form import Dataset, Instance, Problem, Sample
from afss_ros.labels import CLASS_NAMES

_COLUMNS = ("image", "xmin", "ymin", "xmax", "ymax")


def recognises(root: Path) -> bool:
    """Whether `root` is a folder of this form."""
    return (root / "boxes.csv").is_file()


def load(root: Path) -> Dataset:
    """Read the set; rows that are no boxes and missing pictures become problems.

    Raises:
        DatasetError: boxes.csv cannot be read or lacks a column.
    """
    path = root / "boxes.csv"
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            missing = [c for c in _COLUMNS if c not in (reader.fieldnames or ())]
            if missing:
                raise DatasetError(f"{path}: lacks the columns {missing}; it has {reader.fieldnames}")
            rows = list(reader)
    except OSError as err:
        raise DatasetError(f"{path}: cannot be read ({err})") from err
    problems: list[Problem] = []
    boxes: dict[str, list[Instance]] = {}
    crafts: dict[str, str] = {}
    for number, row in enumerate(rows, 2):
        try:
            box = np.array([float(row[c]) for c in _COLUMNS[1:]], np.float32)
            boxes.setdefault(row["image"], []).append(Instance("spacecraft", box))
            crafts[row["image"]] = row.get("class_id") or ""
        except (TypeError, ValueError) as err:
            problems.append(Problem(f"{path}: line {number}", str(err)))
    samples: list[Sample] = []
    for name, instances in boxes.items():
        image = root / "images" / name
        try:
            width, height = picture_size(image)
        except DatasetError as err:
            problems.append(Problem(f"{path}: {name}", str(err)))
            continue
        attributes = {"craft": crafts[name]} if crafts[name] else {}
        key = Path(name).stem
        samples.append(Sample(key, image, None, width, height, tuple(instances), attributes=attributes))
    return Dataset(root, dict(CLASS_NAMES), tuple(samples), tuple(problems))
