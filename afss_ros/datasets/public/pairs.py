"""Sets of (image, label map) pairs listed in a `manifest.json`: `{"classes": {id: name}, "pairs": [{image, mask}]}`.

A pair may also give `box_xyxy` (pixels, corner convention), which is its only craft, or `boxes_xyxy`, a list of all of
its craft, empty where there is none. `only`, of the manifest or of a pair, lists the parts that are labelled where the
rest of the craft is not: `"only": ["panel"]`. What else a pair says is kept as attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
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
        only = _names(manifest.get("only"), class_names)
        if not isinstance(pairs, list) or not all(0 <= i < UNLABELLED for i in class_names):
            raise DatasetError("pairs are a list, classes have ids from 0 to 254")
    except MALFORMED as err:
        raise DatasetError(f"{path}: not a manifest of pairs ({told(err)})") from err
    records = [(f"{path}: pair {number}", pair) for number, pair in enumerate(pairs)]
    return gather(root, class_names, records, lambda pair: _sample(root, pair, class_names, only))


def _names(only: Any, class_names: Mapping[int, str]) -> tuple[str, ...] | None:
    """The parts of `only`; None where it is not said.

    Raises:
        DatasetError: it is no list of classes of the set.
    """
    if only is None:
        return None
    if not isinstance(only, list) or not only or not set(map(str, only)) <= set(class_names.values()):
        raise DatasetError(f"only must list parts of {sorted(class_names.values())}, got {only!r}")
    return tuple(str(name) for name in only)


def _boxes(pair: Mapping[str, Any]) -> tuple[Instance, ...] | None:
    one, several = pair.get("box_xyxy"), pair.get("boxes_xyxy")
    if one is not None and several is not None:
        raise DatasetError("gives box_xyxy and boxes_xyxy; keep the second alone")
    if several is None:
        several = None if one is None else [one]
    elif not isinstance(several, list):
        raise DatasetError(f"boxes_xyxy must be a list of boxes, got {several!r}")
    if several is None:
        return None
    return tuple(Instance(WHOLE, np.array([number(v) for v in box], np.float32)) for box in several)


def _sample(root: Path, pair: dict[str, Any], class_names: Mapping[int, str], only: tuple[str, ...] | None) -> Sample:
    image, labels = inside(root, pair["image"]), inside(root, pair["mask"])
    size = picture_size(image)
    if picture_size(labels) != size:
        raise DatasetError(f"{labels} is {picture_size(labels)}, its image is {size} (width, height)")
    instances = _boxes(pair)
    rest = {k: v for k, v in pair.items() if k not in ("image", "mask", "box_xyxy", "boxes_xyxy", "only")}
    return Sample(
        key=image.stem,
        image=image,
        labels=labels,
        width=size[0],
        height=size[1],
        instances=instances,
        split=_split(rest.pop("split", "")),
        attributes=rest,
        only=_names(pair.get("only"), class_names) or only,
        label_ids=frozenset(class_names),
        one_craft=instances is not None and len(instances) == 1,
    )


def _split(name: Any) -> str:
    if not is_split(name):
        raise DatasetError(f"split {name!r} is no name of letters and digits")
    return str(name)
