"""Sets of boxes in one table, `boxes.csv`: `image,xmin,ymin,xmax,ymax` and maybe `class_id`, pictures in `images/`.

One row is one craft; an image may have several rows. A row whose four numbers are left empty says that the image shows
no craft. Boxes are in pixels, corner convention. `class_id` (which craft it is) becomes the attribute `craft`; every
box is a "spacecraft" here.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from afss_ros.datasets.errors import MALFORMED, told
from afss_ros.datasets.form import WHOLE, Dataset, Instance, Problem, Sample
from afss_ros.datasets.gather import gather, rows
from afss_ros.datasets.paths import inside
from afss_ros.datasets.pictures import picture_size
from afss_ros.labels import CLASS_NAMES

_COLUMNS = ("image", "xmin", "ymin", "xmax", "ymax")


def recognises(root: Path) -> bool:
    """Whether `root` is a folder of this form."""
    return (root / "boxes.csv").is_file()


def load(root: Path) -> Dataset:
    """Read the set; an image that is missing, and a row that is no box, become problems.

    Raises:
        DatasetError: boxes.csv cannot be read or lacks a column.
    """
    path = root / "boxes.csv"
    images: dict[str, list[tuple[str, dict[str, str]]]] = {}
    problems: list[Problem] = []
    for where, row in rows(path, _COLUMNS):
        of_image = images.setdefault(str(row["image"]), [])
        if any(row == before for _, before in of_image):
            problems.append(Problem(where, "occurs twice; read once"))
        else:
            of_image.append((where, row))
    records = [(f"{path}: {name}", of_image) for name, of_image in images.items()]
    found: list[Problem] = []
    loaded = gather(root, dict(CLASS_NAMES), records, lambda of_image: _sample(root, of_image, found))
    return replace(loaded, problems=(*problems, *found, *loaded.problems))


def _says_empty(row: dict[str, str]) -> bool:
    # A row that was cut off lacks cells, which are None: nobody said that anything is empty.
    return all(row.get(column) is not None and not row[column].strip() for column in _COLUMNS[1:])


def _sample(root: Path, of_image: list[tuple[str, dict[str, str]]], problems: list[Problem]) -> Sample:
    name, craft = of_image[0][1]["image"], of_image[0][1].get("class_id")
    image = inside(root / "images", name)
    width, height = picture_size(image)
    empty = [where for where, row in of_image if _says_empty(row)]
    rest = [(where, row) for where, row in of_image if not _says_empty(row)]
    if empty and rest:
        problems.append(
            Problem(empty[0], f"{name} has no craft by this row, and a box by another; the box is believed")
        )
    instances: list[Instance] = []
    for where, row in rest:
        try:
            instances.append(Instance(WHOLE, np.array([float(row[c]) for c in _COLUMNS[1:]], np.float32)))
        except MALFORMED as err:
            problems.append(Problem(where, told(err)))
    attributes = {"craft": craft} if craft else {}
    complete = len(instances) == len(rest)
    known = tuple(instances) if instances or complete else None
    return Sample(
        str(Path(name).with_suffix("")), image, None, width, height, known, attributes=attributes,
        complete=complete or not instances,
    )  # fmt: skip
