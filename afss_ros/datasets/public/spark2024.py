"""SPARK 2024, stream 1 (SPARK 2026 alike): box, craft name, and masks of body and panels.

    labels/<split>.csv   Class, Image name, Mask name, Bounding box; the box is "(xmin, ymin, xmax, ymax)"
    images/<Class>/<split>/*_img.jpg
    mask/<Class>/<split>/*_layer.jpg    red is body, blue is panel; JPEG, so a channel counts from 128

Images are 1024x1024. There is no antenna class: antennas are body.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets.form import WHOLE, Dataset, Instance, Sample
from afss_ros.datasets.gather import gather, heading, literal, require, rows
from afss_ros.datasets.paths import inside
from afss_ros.datasets.pictures import read_rgb
from afss_ros.labels import BACKGROUND, BODY, CLASS_NAMES, PANEL, SPACECRAFT

SIDE = 1024
CLASSES = {i: CLASS_NAMES[i] for i in (BACKGROUND, BODY, PANEL, SPACECRAFT)}
_COLUMNS = ("Class", "Image name", "Mask name", "Bounding box")


def recognises(root: Path) -> bool:
    """Whether `root` is a folder of this form."""
    return bool(_tables(root))


def load(root: Path) -> Dataset:
    """Read the set; the attribute `craft` is the class.

    Raises:
        DatasetError: a table cannot be read.
    """
    records = [(where, (path.stem, row)) for path in _tables(root) for where, row in rows(path, _COLUMNS)]
    return gather(root, dict(CLASSES), records, lambda record: _sample(root, *record))


def read_layers(path: Path) -> NDArray[np.uint8]:
    """A mask picture as label ids, uint8 (H, W): red is body, blue is panel, the stronger one where both are."""
    rgb = read_rgb(path)
    red, blue = rgb[..., 0], rgb[..., 2]
    labels = np.zeros(red.shape, np.uint8)
    labels[red > 127] = BODY
    labels[(blue > 127) & (blue >= red)] = PANEL
    return labels


def _tables(root: Path) -> list[Path]:
    return [p for p in sorted((root / "labels").glob("*.csv")) if "Image name" in heading(p)]


def _sample(root: Path, split: str, row: dict[str, str]) -> Sample:
    craft = row["Class"].strip()
    box = np.array(literal(row["Bounding box"]), np.float32)
    return Sample(
        key=f"{craft}/{split}/{Path(row['Image name']).stem}".replace(" ", "_"),
        image=require(inside(root / "images", f"{craft}/{split}/{row['Image name'].strip()}")),
        labels=require(inside(root / "mask", f"{craft}/{split}/{row['Mask name'].strip()}")),
        width=SIDE,
        height=SIDE,
        instances=(Instance(WHOLE, box),),
        split=split,
        attributes={"craft": craft},
        decode_labels=read_layers,
        parts=(CLASS_NAMES[PANEL],),
        one_craft=True,
    )
