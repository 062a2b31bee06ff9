"""Writes YOLO segmentation sets."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from afss_ros.datasets.coco.write import known_instances
from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.files import write_atomically
from afss_ros.datasets.form import WHOLE, Dataset, Instance, Problem, Sample
from afss_ros.datasets.keys import is_key, is_split
from afss_ros.datasets.pictures import encode_picture, is_upright
from afss_ros.datasets.rle import box_of, decode
from afss_ros.labels import BODY, CLASS_NAMES, PANEL, PART_IDS

_log = logging.getLogger(__name__)

CRAFT = (WHOLE,)
PARTS = tuple(CLASS_NAMES[i] for i in PART_IDS)
_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")
"""Pictures that may be linked to: what every tool of YOLO reads."""


def write(
    dataset: Dataset, root: Path, *, names: Sequence[str] = CRAFT, link: bool = False, smallest: int = 1
) -> list[Problem]:
    """Write the samples whose objects are all known as a YOLO segmentation set.

    Args:
        names: the classes, in YOLO's numbering: whole craft (`CRAFT`), each connected piece of a part in the label maps
            (`PARTS`), or both.
        link: put symbolic links to the pictures there instead of copies in JPEG.
        smallest: pieces of a part with fewer pixels are left out.

    Returns:
        The samples that were left out, and why: what they show is unknown, or they cannot be read.

    Raises:
        DatasetError: `root` is the folder of the set itself, or cannot be written.
    """
    if root.resolve() == dataset.root.resolve():
        raise DatasetError(f"{root}: is the set itself; write to another folder")
    left_out: list[Problem] = []
    splits: dict[str, str] = {}
    unsought: Counter[str] = Counter()
    for sample in dataset.samples:
        split = sample.split or "train"
        if not is_key(sample.key) or not is_split(split):
            left_out.append(Problem(repr(sample.key), f"its key, or its split {split!r}, can name no file"))
            continue
        try:
            objects = _objects(sample, names, smallest)
            lines = [_line(o, names.index(o.class_name), sample) for o in objects if o.class_name in names]
            content = None if link and _may_be_linked(sample) else encode_picture(sample.read_image(), ".jpg")
        except DatasetError as err:
            left_out.append(Problem(sample.key, str(err)))
            continue
        _write_image(sample, root / "images" / split, content)
        text = root / "labels" / split / f"{sample.key}.txt"
        text.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(text, "".join(lines).encode())
        splits[split] = f"images/{split}"
        unsought.update(part for part in set(names) & set(PARTS) if _may_be_missing(sample, part))
    for part, count in sorted(unsought.items()):
        _log.warning(
            "%s: nobody looked for %s in %d of its pictures, and a label file of YOLO cannot say so: it reads as"
            " %r is not there", root, part, count, part,
        )  # fmt: skip
    root.mkdir(parents=True, exist_ok=True)
    declaration = {"path": ".", **splits, "names": dict(enumerate(names))}
    write_atomically(root / "data.yaml", yaml.safe_dump(declaration, sort_keys=False).encode())
    return left_out


def _may_be_linked(sample: Sample) -> bool:
    return sample.image.suffix.lower() in _SUFFIXES and is_upright(sample.image)


def _write_image(sample: Sample, folder: Path, content: bytes | None) -> None:
    """Write the content of a JPEG, or link to the sample's own picture for None."""
    path = folder / f"{sample.key}{sample.image.suffix if content is None else '.jpg'}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if content is not None:
        write_atomically(path, content)
    elif not path.is_symlink():
        path.symlink_to(sample.image.resolve())


def _objects(sample: Sample, names: Sequence[str], smallest: int) -> tuple[Instance, ...]:
    """The objects of the classes that are asked for.

    Raises:
        DatasetError: some of them are unknown.
    """
    parts = _parts(sample, smallest) if set(names) & set(PARTS) else ()
    crafts = known_instances(sample) if WHOLE in names else ()
    return (*crafts, *parts)


def _parts(sample: Sample, smallest: int) -> tuple[Instance, ...]:
    if sample.labels is None:
        raise DatasetError("its parts are unknown")
    if sample.parts is not None and CLASS_NAMES[PANEL] not in sample.parts:
        raise DatasetError("nobody looked for panels in it, so what is labelled body may be any part")
    if sample.only is not None:
        raise DatasetError(f"{', '.join(sample.only)} alone is labelled in it, and YOLO takes the rest for background")
    labels = sample.read_labels()
    found: list[Instance] = []
    for part in PART_IDS:
        count, pieces, facts, _ = cv2.connectedComponentsWithStats((labels == part).astype(np.uint8))
        large = [i for i in range(1, count) if facts[i, cv2.CC_STAT_AREA] >= smallest]
        found += [Instance.from_mask(CLASS_NAMES[part], pieces == i) for i in large]
    return tuple(found)


def _may_be_missing(sample: Sample, part: str) -> bool:
    """Whether a sample may show a part that its label map calls body: it was not looked for."""
    return sample.parts is not None and part != CLASS_NAMES[BODY] and part not in sample.parts


def _line(instance: Instance, class_index: int, sample: Sample) -> str:
    size = np.array([sample.width, sample.height])
    if instance.rle is None:
        x0, y0, x1, y1 = instance.box_xyxy.tolist()
        points: NDArray[Any] = np.array([[(x0 + x1) / 2, (y0 + y1) / 2], [x1 - x0, y1 - y0]])
    else:
        points = polygon(decode(instance.rle))
    return " ".join([str(class_index), *(f"{v:.6f}" for v in (points / size).ravel())]) + "\n"


def polygon(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """One polygon around a mask (H, W): float64 (N, 2), x and y in pixels, corner convention.

    Pieces are visited one after the other and joined by lines of no width; holes are filled.
    """
    left, top, right, bottom = (int(v) for v in box_of(mask))
    if right <= left:
        return box_of(mask).reshape(2, 2).astype(np.float64)
    # Contours run through pixel centres; at twice the size, they run a quarter of a pixel inside the edge.
    inside = mask[top:bottom, left:right].astype(np.uint8)
    twice = cv2.resize(inside, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(twice, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    pieces = [np.concatenate([c[:, 0], c[:1, 0]]) for c in contours]
    path = np.concatenate([*pieces, *(p[:1] for p in pieces[-2::-1])])
    return np.asarray((path + 0.5) / 2 + (left, top), np.float64)
