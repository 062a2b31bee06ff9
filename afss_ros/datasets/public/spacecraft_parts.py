"""Spacecraft parts (Hoang et al. 2021): label maps as colours, and the boxes of several craft an image.

    images/{train,val}/img_resize_N.png
    mask/{train,val}/img_resize_N_mask.png   green is body, red is panel, blue is antenna
    all_bbox.txt                             a Python dict: N -> list of [max_x, max_y, min_x, min_y]

Box coordinates are taken to be pixel indices, so the far edges are one further on in our corner convention.
"""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets.errors import MALFORMED, DatasetError
from afss_ros.datasets.files import read_text
from afss_ros.datasets.form import WHOLE, Dataset, Instance, Problem, Sample
from afss_ros.datasets.gather import gather, require
from afss_ros.datasets.pictures import picture_size, read_rgb
from afss_ros.labels import ANTENNA, BODY, CLASS_NAMES, PANEL

Boxes = dict[str, list[list[float]]]

_PREFIX = "img_resize_"


def recognises(root: Path) -> bool:
    """Whether `root` is a folder of this form."""
    return (root / "all_bbox.txt").is_file() and (root / "mask").is_dir()


def load(root: Path) -> Dataset:
    """Read the set: parts, and the box of each craft.

    Raises:
        DatasetError: all_bbox.txt is no dict of boxes.
    """
    path = root / "all_bbox.txt"
    text = read_text(path)
    try:
        boxes: Boxes = {str(k): list(v) for k, v in ast.literal_eval(text).items()}
    except (*MALFORMED, SyntaxError, MemoryError) as err:
        raise DatasetError(f"{path}: not a dict of boxes ({err})") from err
    images = sorted((root / "images").glob(f"*/{_PREFIX}*.png"), key=lambda p: (p.parent.name, len(p.name), p.name))
    numbers = {_number(p) for p in images}
    problems = [Problem(f"{path}: {n}", "has no picture") for n in boxes if n not in numbers]
    problems += [
        Problem(str(mask), "has no picture")
        for mask in sorted((root / "mask").glob(f"*/{_PREFIX}*_mask.png"))
        if not (root / "images" / mask.parent.name / f"{mask.stem.removesuffix('_mask')}.png").is_file()
    ]
    records = [(str(p), p) for p in images]
    return gather(root, dict(CLASS_NAMES), records, lambda image: _sample(root, image, boxes), problems=problems)


def _number(image: Path) -> str:
    return image.stem.removeprefix(_PREFIX)


def read_colors(path: Path) -> NDArray[np.uint8]:
    """A mask picture as label ids, uint8 (H, W), by its strongest channel where that is above 127."""
    rgb = read_rgb(path)
    ids = np.array([PANEL, BODY, ANTENNA], np.uint8)[rgb.argmax(-1)]
    return np.asarray(np.where(rgb.max(-1) > 127, ids, np.uint8(0)), np.uint8)


def _sample(root: Path, image: Path, boxes: Boxes) -> Sample:
    split, number = image.parent.name, _number(image)
    width, height = picture_size(image)
    craft = None
    if number in boxes:
        craft = tuple(
            Instance(WHOLE, np.array([x0, y0, x1 + 1, y1 + 1], np.float32)) for x1, y1, x0, y0 in boxes[number]
        )
    return Sample(
        key=f"{split}/{image.stem}",
        image=image,
        labels=require(root / "mask" / split / f"{image.stem}_mask.png"),
        width=width,
        height=height,
        instances=craft,
        split=split,
        decode_labels=read_colors,
        one_craft=craft is not None and len(craft) == 1,
    )
