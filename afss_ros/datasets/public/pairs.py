"""Sets of (image, label map) pairs listed in a `manifest.json`: `{"classes": {id: name}, "pairs": [{image, mask}]}`.

A pair may also give `box_xyxy` (pixels, corner convention), which is its only craft; what else it says
is kept as attributes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.form import WHOLE, Dataset, Instance, Sample
from afss_ros.datasets.gather import gather
from afss_ros.datasets.pictures import picture_size


def recognises(root: Path) -> bool:
    """Whether `root` is a folder of this form."""
    manifest = root / "manifest.json"
    return manifest.is_file() and '"pairs"' in manifest.read_text()


def load(root: Path) -> Dataset:
    """Read the set; pairs with a missing or unreadable picture become problems.

    Raises:
        DatasetError: manifest.json cannot be read.
    """
    path = root / "manifest.json"
    try:
        manifest = json.loads(path.read_text())
        class_names = {int(i): str(n) for i, n in manifest["classes"].items()}
        pairs = list(manifest["pairs"])
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as err:
        raise DatasetError(f"{path}: not a manifest of pairs ({type(err).__name__}: {err})") from err
    records = [(f"{path}: pair {number}", pair) for number, pair in enumerate(pairs)]
    return gather(root, class_names, records, lambda pair: _sample(root, pair))


def _sample(root: Path, pair: dict[str, Any]) -> Sample:
    image, labels = root / pair["image"], root / pair["mask"]
    size = picture_size(image)
    if picture_size(labels) != size:
        raise DatasetError(f"{labels} is {picture_size(labels)}, its image is {size} (width, height)")
    box = pair.get("box_xyxy")
    instances = None if box is None else (Instance(WHOLE, np.asarray(box, np.float32)),)
    rest = {k: v for k, v in pair.items() if k not in ("image", "mask", "box_xyxy")}
    return Sample(
        key=image.stem,
        image=image,
        labels=labels,
        width=size[0],
        height=size[1],
        instances=instances,
        split=str(rest.pop("split", "")),
        attributes=rest,
        one_craft=instances is not None,
    )
