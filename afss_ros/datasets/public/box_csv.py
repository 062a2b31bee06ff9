"""Sets of boxes in one table, `boxes.csv`: `image,xmin,ymin,xmax,ymax` and maybe `class_id`, pictures in `images/`.

One row is one craft; an image may have several rows. Boxes are in pixels, corner convention. `class_id` (which craft
it is) becomes the attribute `craft`; every box is a "spacecraft" here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from afss_ros.datasets.form import WHOLE, Dataset, Instance, Sample
from afss_ros.datasets.gather import gather, rows
from afss_ros.datasets.pictures import picture_size
from afss_ros.labels import CLASS_NAMES

_COLUMNS = ("image", "xmin", "ymin", "xmax", "ymax")


def recognises(root: Path) -> bool:
    """Whether `root` is a folder of this form."""
    return (root / "boxes.csv").is_file()


def load(root: Path) -> Dataset:
    """Read the set; an image with a row that is no box, or that is missing, becomes a problem.

    Raises:
        DatasetError: boxes.csv cannot be read or lacks a column.
    """
    path = root / "boxes.csv"
    images: dict[str, list[dict[str, str]]] = {}
    for _, row in rows(path, _COLUMNS):
        images.setdefault(row["image"], []).append(row)
    records = [(f"{path}: {name}", of_image) for name, of_image in images.items()]
    return gather(root, dict(CLASS_NAMES), records, lambda of_image: _sample(root, of_image))


def _sample(root: Path, of_image: list[dict[str, str]]) -> Sample:
    name, craft = of_image[0]["image"], of_image[0].get("class_id")
    width, height = picture_size(root / "images" / name)
    boxes = [np.array([float(row[c]) for c in _COLUMNS[1:]], np.float32) for row in of_image]
    instances = tuple(Instance(WHOLE, box) for box in boxes)
    attributes = {"craft": craft} if craft else {}
    return Sample(Path(name).stem, root / "images" / name, None, width, height, instances, attributes=attributes)
