"""SPARK 2022, stream 1 (University of Luxembourg): one box an image and the name of the craft.

    labels/{train,val}.csv   filename,class,bbox; the bbox is the text "[ymin, xmin, ymax, xmax]", row first
    images/{train,val}/<filename>, or {train,val}/<filename> with the tables in the root, as its tools unpack it

Images are 1024x1024.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from afss_ros.datasets.form import WHOLE, Dataset, Instance, Sample
from afss_ros.datasets.gather import first_file, gather, heading, literal, rows
from afss_ros.datasets.paths import inside
from afss_ros.labels import CLASS_NAMES

SIDE = 1024
_COLUMNS = ("filename", "class", "bbox")


def recognises(root: Path) -> bool:
    """Whether `root` is a folder of this form."""
    return bool(_tables(root))


def load(root: Path) -> Dataset:
    """Read the set; the attribute `craft` is the class.

    Raises:
        DatasetError: a table cannot be read.
    """
    records = [(where, (path.stem, row)) for path in _tables(root) for where, row in rows(path, _COLUMNS)]
    return gather(root, dict(CLASS_NAMES), records, lambda record: _sample(root, *record))


def _tables(root: Path) -> list[Path]:
    found = [p for folder in (root / "labels", root) for p in sorted(folder.glob("*.csv"))]
    return [p for p in found if {c.strip().lower() for c in heading(p).split(",")} >= set(_COLUMNS)]


def _sample(root: Path, split: str, row: dict[str, str]) -> Sample:
    name, craft = row["filename"], row["class"]
    folders = (root / "images" / split, root / split, root / "images" / craft / split, root / "images", root)
    y0, x0, y1, x1 = (float(v) for v in literal(row["bbox"]))
    return Sample(
        key=f"{split}/{Path(name).stem}",
        image=first_file(inside(folder, name) for folder in folders),
        labels=None,
        width=SIDE,
        height=SIDE,
        instances=(Instance(WHOLE, np.array([x0, y0, x1, y1], np.float32)),),
        split=split,
        attributes={"craft": craft},
        one_craft=True,
    )
