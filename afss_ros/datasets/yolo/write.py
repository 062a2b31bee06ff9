"""YOLO segmentation: a data.yaml, and a text file of polygons beside every image.

    data.yaml                    path, train, val, test (image folders), names {0: spacecraft, ...}
    images/<split>/<key>.jpg
    labels/<split>/<key>.txt     a line an object: class x0 y0 x1 y1 ..., or class cx cy w h for a box; all in 0..1

Polygons are YOLO's only masks, and they are not lossless: holes are lost, pieces of one object are joined by a
line, and edges move by up to a pixel. Keep our own form or COCO as the master.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.files import write_atomically
from afss_ros.datasets.form import WHOLE, Dataset, Instance, Sample
from afss_ros.datasets.gather import gather
from afss_ros.datasets.pictures import encode_picture, picture_size
from afss_ros.datasets.rle import box_of, decode, from_polygons
from afss_ros.labels import CLASS_IDS, CLASS_NAMES, PART_IDS

CRAFT = (WHOLE,)
PARTS = tuple(CLASS_NAMES[i] for i in PART_IDS)
_SPLITS = ("train", "val", "test")
_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")


def recognises(root: Path) -> bool:
    """Whether `root` is a folder of this form."""
    return _declaration(root) is not None


def load(root: Path) -> Dataset:
    """Read the set. An image without a text file has nothing in it, as YOLO takes it.

    Raises:
        DatasetError: data.yaml cannot be read.
    """
    path = _declaration(root)
    if path is None:
        raise DatasetError(f"{root}: no data.yaml with `names`")
    declared = yaml.safe_load(path.read_text())
    names = declared["names"]
    numbered = enumerate(names) if isinstance(names, list) else names.items()
    classes = {int(i): n.lower() if n.lower() in CLASS_IDS else n for i, n in numbered}
    records = [
        (str(image), (image, split))
        for split in _SPLITS
        if declared.get(split)
        for image in sorted(_folder(root, declared, split).rglob("*"))
        if image.suffix.lower() in _SUFFIXES
    ]
    known = dict(CLASS_NAMES) if set(classes.values()) <= set(CLASS_IDS) else {0: "background"}
    known |= {max(known) + 1 + i: name for i, name in enumerate(sorted(set(classes.values()) - set(known.values())))}
    return gather(root, known, records, lambda record: _sample(*record, classes))


def write(dataset: Dataset, root: Path, *, names: Sequence[str] = CRAFT, link: bool = False, smallest: int = 1) -> None:
    """Write the samples whose objects are known as a YOLO segmentation set.

    Args:
        names: the classes, in YOLO's numbering: whole craft (`CRAFT`), each connected piece of a part in the label maps
            (`PARTS`), or both.
        link: put symbolic links to the pictures there instead of copies in JPEG.
        smallest: pieces of a part with fewer pixels are left out.

    Raises:
        DatasetError: `root` is the folder of the set itself, or a picture cannot be read.
    """
    if root.resolve() == dataset.root.resolve():
        raise DatasetError(f"{root}: is the set itself; write to another folder")
    for sample in dataset.samples:
        objects = _objects(sample, names, smallest)
        if objects is None:
            continue
        lines = [_line(o, names.index(o.class_name), sample) for o in objects if o.class_name in names]
        split = sample.split or "train"
        _write_image(sample, root / "images" / split, link)
        text = root / "labels" / split / f"{sample.key}.txt"
        text.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(text, "".join(lines).encode())
    splits = {s: f"images/{s}" for s in _SPLITS if (root / "images" / s).is_dir()}
    declaration = {"path": ".", **splits, "names": dict(enumerate(names))}
    write_atomically(root / "data.yaml", yaml.safe_dump(declaration, sort_keys=False).encode())


def _declaration(root: Path) -> Path | None:
    for name in ("data.yaml", "dataset.yaml", "data.yml"):
        path = root / name
        if path.is_file():
            try:
                declared = yaml.safe_load(path.read_text())
            except yaml.YAMLError as err:
                raise DatasetError(f"{path}: is not YAML ({err})") from err
            if isinstance(declared, dict) and declared.get("names"):
                return path
    return None


def _folder(root: Path, declared: dict[str, Any], split: str) -> Path:
    """The image folder of a split. Exports often carry a `path` of another machine, or `..` that lead nowhere."""
    named = Path(str(declared[split]))
    inside = Path(*(part for part in named.parts if part != ".."))
    candidates = [root / str(declared.get("path", ".")) / named, root / named, root / inside]
    return next((c for c in candidates if c.is_dir()), candidates[0])


def _sample(image: Path, split: str, classes: dict[int, str]) -> Sample:
    width, height = picture_size(image)
    above, _, below = image.as_posix().rpartition("/images/")
    text = Path(f"{above}/labels/{below}").with_suffix(".txt")
    lines = text.read_text().splitlines() if text.is_file() else []
    instances = tuple(_instance(line.split(), width, height, classes) for line in lines if line.strip())
    key = f"{split}/{Path(below.removeprefix(f'{split}/')).with_suffix('').as_posix()}"
    return Sample(key, image, None, width, height, instances, split)


def _instance(words: list[str], width: int, height: int, classes: dict[int, str]) -> Instance:
    if int(words[0]) not in classes:
        raise DatasetError(f"class {words[0]} is not among the names {classes}")
    values = np.array([float(w) for w in words[1:]])
    if len(values) == 4:
        cx, cy, w, h = values * (width, height, width, height)
        return Instance(classes[int(words[0])], np.array([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], np.float32))
    if len(values) < 6 or len(values) % 2:
        raise DatasetError(
            f"an object needs 4 numbers for a box or an even 6 and more for a polygon, got {len(values)}"
        )
    points = values.reshape(-1, 2) * (width, height)
    rle = from_polygons([points.ravel().tolist()], height, width)
    box = np.concatenate([points.min(0), points.max(0)]).astype(np.float32)
    return Instance(classes[int(words[0])], box, rle)


def _write_image(sample: Sample, folder: Path, link: bool) -> None:
    linked = link and sample.image.suffix.lower() in _SUFFIXES
    path = folder / f"{sample.key}{sample.image.suffix if linked else '.jpg'}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not linked:
        write_atomically(path, encode_picture(sample.read_image(), ".jpg"))
    elif not path.is_symlink():
        path.symlink_to(sample.image.resolve())


def _objects(sample: Sample, names: Sequence[str], smallest: int) -> tuple[Instance, ...] | None:
    """The objects of the classes that are asked for; None when some of them are unknown."""
    parts = _parts(sample, smallest) if set(names) & set(PARTS) else ()
    crafts = sample.read_instances() if WHOLE in names else ()
    return None if parts is None or crafts is None else (*crafts, *parts)


def _parts(sample: Sample, smallest: int) -> tuple[Instance, ...] | None:
    if sample.labels is None:
        return None
    labels = sample.read_labels()
    found: list[Instance] = []
    for part in PART_IDS:
        count, pieces, facts, _ = cv2.connectedComponentsWithStats((labels == part).astype(np.uint8))
        large = [i for i in range(1, count) if facts[i, cv2.CC_STAT_AREA] >= smallest]
        found += [Instance.from_mask(CLASS_NAMES[part], pieces == i) for i in large]
    return tuple(found)


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
