"""Pose Bowl (DrivenData, 2024), detection track: one box an image.

train_labels.csv   image_id,xmin,ymin,xmax,ymax
images/<image_id>.png
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from afss_ros.datasets.form import WHOLE, Dataset, Instance, Sample
from afss_ros.datasets.gather import first_file, gather, heading, rows
from afss_ros.datasets.paths import inside
from afss_ros.datasets.pictures import picture_size
from afss_ros.labels import CLASS_NAMES

_COLUMNS = ("image_id", "xmin", "ymin", "xmax", "ymax")


def recognises(root: Path) -> bool:
    """Whether `root` is a folder of this form."""
    return bool(_tables(root))


def load(root: Path) -> Dataset:
    """Read the set.

    Raises:
        DatasetError: the table cannot be read.
    """
    records = [record for path in _tables(root) for record in rows(path, _COLUMNS)]
    return gather(root, dict(CLASS_NAMES), records, lambda row: _sample(root, row))


def _tables(root: Path) -> list[Path]:
    return [p for p in sorted(root.glob("*.csv")) if heading(p).strip().split(",") == list(_COLUMNS)]


def _sample(root: Path, row: dict[str, str]) -> Sample:
    key = row["image_id"]
    image = first_file(inside(root / "images", f"{key}{suffix}") for suffix in (".png", ".jpg"))
    width, height = picture_size(image)
    box = np.array([float(row[c]) for c in _COLUMNS[1:]], np.float32)
    return Sample(key, image, None, width, height, (Instance(WHOLE, box),), one_craft=True)
