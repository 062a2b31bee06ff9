"""TANGO (Bechini et al. 2022): semantic segmentation of one craft before Earth and deep space.

    {train,test}_SS_img/<name>_mask.<ext>   RGB: red is spacecraft, green Earth, blue deep space

The image of a mask is `<name>.<ext>` beside it, in `images/{train,test}/` or `{train,test}_img/`. Boxes come from the
masks; the *_ROI.json of the set are not read.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets.form import Dataset, Sample
from afss_ros.datasets.gather import first_file, gather
from afss_ros.datasets.pictures import picture_size, read_rgb
from afss_ros.labels import CLASS_NAMES

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif")


def recognises(root: Path) -> bool:
    """Whether `root` is a folder of this form."""
    return any(root.glob("*_SS_img"))


def load(root: Path) -> Dataset:
    """Read the set: the whole craft, no parts."""
    records = [(str(m), m) for folder in sorted(root.glob("*_SS_img")) for m in sorted(folder.glob("*_mask.*"))]
    return gather(root, dict(CLASS_NAMES), records, lambda mask: _sample(root, mask))


def read_red(path: Path) -> NDArray[np.bool_]:
    """Where a picture is red rather than green or blue: bool (H, W)."""
    rgb = read_rgb(path)
    return np.asarray((rgb[..., 0] > 127) & (rgb[..., 0] > rgb[..., 1:].max(-1)), bool)


def _sample(root: Path, mask: Path) -> Sample:
    name = mask.stem.removesuffix("_mask")
    split = mask.parent.name.removesuffix("_SS_img")
    folders = (mask.parent, root / "images" / split, root / f"{split}_img")
    image = first_file(folder / f"{name}{suffix}" for folder in folders for suffix in (mask.suffix, *_SUFFIXES))
    width, height = picture_size(image)
    return Sample(
        key=f"{split}/{name}",
        image=image,
        labels=None,
        width=width,
        height=height,
        split=split,
        craft_mask=mask,
        decode_craft=read_red,
        one_craft=True,
    )
