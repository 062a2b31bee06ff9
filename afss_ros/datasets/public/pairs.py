"""Sets of (image, label map) pairs listed in a `manifest.json`: `{"classes": {id: name}, "pairs": [{image, mask}]}`.

A pair may also give `box_xyxy` (pixels, corner convention), which is its only craft; what else it says
is kept as attributes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from afss_ros.datasets.errors import MALFORMED, DatasetError, told
from afss_ros.datasets.files import read_json
from afss_ros.datasets.form import WHOLE, Dataset, Instance, Sample
from afss_ros.datasets.gather import gather
from afss_ros.datasets.keys import is_split
from afss_ros.datasets.paths import inside
from afss_ros.datasets.pictures import picture_size
from afss_ros.datasets.record import number
from afss_ros.labels import UNLABELLED


def recognises(root: Path) -> bool:
    """Whether `root` is a folder of this form."""
    manifest = root / "manifest.json"
    if not manifest.is_file():
        return False
    with manifest.open("rb") as file:
        return any(b'"pairs"' in line for line in file)


def load(root: Path) -> Dataset:
    """Read the set; pairs with a missing or unreadable picture become problems.

    Raises:
        DatasetError: manifest.json cannot be read.
    """
    path = root / "manifest.json"
    manifest = read_json(path)
    try:
        class_names = {int(i): str(n) for i, n in manifest["classes"].items()}
        pairs = manifest["pairs"]
        if not isinstance(pairs, list) or not all(0 <= i < UNLABELLED for i in class_names):
            raise DatasetError("pairs are a list, classes have ids from 0 to 254")
    except MALFORMED as err:
        raise DatasetError(f"{path}: not a manifest of pairs ({told(err)})") from err
    records = [(f"{path}: pair {number}", pair) for number, pair in enumerate(pairs)]
    ids = frozenset(class_names)
    return gather(root, class_names, records, lambda pair: _sample(root, pair, ids))


def _sample(root: Path, pair: dict[str, Any], ids: frozenset[int]) -> Sample:
    image, labels = inside(root, pair["image"]), inside(root, pair["mask"])
    size = picture_size(image)
    if picture_size(labels) != size:
        raise DatasetError(f"{labels} is {picture_size(labels)}, its image is {size} (width, height)")
    box = pair.get("box_xyxy")
    instances = None if box is None else (Instance(WHOLE, np.array([number(v) for v in box], np.float32)),)
    rest = {k: v for k, v in pair.items() if k not in ("image", "mask", "box_xyxy")}
    return Sample(
        key=image.stem,
        image=image,
        labels=labels,
        width=size[0],
        height=size[1],
        instances=instances,
        split=_split(rest.pop("split", "")),
        attributes=rest,
        label_ids=ids,
        one_craft=instances is not None,
    )


def _split(name: Any) -> str:
    if not is_split(name):
        raise DatasetError(f"split {name!r} is no name of letters and digits")
    return str(name)
