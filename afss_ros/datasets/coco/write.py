"""COCO instances: `images`, `annotations`, `categories`. Boxes are xywh with corners at pixel edges, masks are RLE."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.files import write_atomically
from afss_ros.datasets.form import Dataset, Instance, Problem, Sample
from afss_ros.datasets.gather import first_file
from afss_ros.datasets.rle import Rle, from_polygons
from afss_ros.labels import CLASS_IDS, CLASS_NAMES


def from_samples(samples: Iterable[Sample], class_names: dict[int, str], root: Path) -> dict[str, Any]:
    """The COCO document of the samples whose instances are known; file names are relative to `root`.

    A sample whose instances are None is left out: in COCO an image without annotations says "nothing there".
    """
    ids = {name: i for i, name in class_names.items()}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for sample in samples:
        instances = sample.read_instances()
        if instances is None:
            continue
        image_id = len(images) + 1
        file_name = os.path.relpath(sample.image, root)
        images.append({"id": image_id, "file_name": file_name, "width": sample.width, "height": sample.height})
        for instance in instances:
            category = ids.setdefault(instance.class_name, max(ids.values(), default=0) + 1)
            annotations.append(_annotation(instance, len(annotations) + 1, image_id, category))
    categories = [{"id": i, "name": name} for name, i in ids.items() if i != 0]
    return {"images": images, "annotations": annotations, "categories": categories}


def _annotation(instance: Instance, identifier: int, image_id: int, category: int) -> dict[str, Any]:
    x0, y0, x1, y1 = (float(v) for v in instance.box_xyxy)
    mask = instance.mask()
    out: dict[str, Any] = {
        "id": identifier,
        "image_id": image_id,
        "category_id": category,
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": (x1 - x0) * (y1 - y0) if mask is None else int(mask.sum()),
        "iscrowd": 0,
        "score": instance.score,
    }
    if instance.rle is not None:
        out["segmentation"] = instance.rle
    return out


def is_coco(path: Path) -> bool:
    """Whether a JSON file looks like COCO instances, from its first 4 kB and its last."""
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(max(0, path.stat().st_size - 4096))
        text = head + file.read()
    return b'"images"' in text or b'"annotations"' in text or b'"categories"' in text


def recognises(root: Path) -> bool:
    """Whether a folder holds COCO files."""
    return bool(find(root))


def find(root: Path) -> list[Path]:
    """The COCO files of a folder, in the places where people put them."""
    found = [p for folder in (root / "annotations", root) for p in sorted(folder.glob("*.json")) if is_coco(p)]
    instances = [p for p in found if p.name.startswith("instances")]
    return instances or found


def write(dataset: Dataset, path: Path) -> None:
    """Write the instances of a data set as one COCO file, whole or not at all. Pictures stay where they are."""
    document = from_samples(dataset.samples, dataset.class_names, path.parent)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(document).encode())


def load_folder(root: Path) -> Dataset:
    """Read every COCO file of a folder as one set: `annotations/instances_<split>[_<subset>].json`, or any .json."""
    parts = [load(path) for path in find(root)]
    names = {name: None for part in parts for name in part.class_names.values()}
    class_names = parts[0].class_names if len(parts) == 1 else dict(enumerate(names))
    samples = tuple(s for part in parts for s in part.samples)
    return Dataset(root, class_names, samples, tuple(p for part in parts for p in part.problems))


def load(path: Path) -> Dataset:
    """Read one COCO instances file.

    The name tells the split: `instances_train_tango.json` is split "train", its pictures lie in `images/train_tango/`
    or `images/train/`, else in `images/` or beside the file.
    `spacecraft` in the class names of any letter case is ours; a set with a single category of another name keeps it.

    Raises:
        DatasetError: it is no COCO file.
    """
    try:
        document = json.loads(path.read_text())
        categories = {int(c["id"]): str(c["name"]) for c in document["categories"]}
        images = {int(i["id"]): i for i in document["images"]}
        annotations = document["annotations"]
    except (OSError, KeyError, TypeError, ValueError) as err:
        raise DatasetError(f"{path}: not COCO instances ({type(err).__name__}: {err})") from err
    categories = {i: n.lower() if n.lower() in CLASS_IDS else n for i, n in categories.items()}
    problems: list[Problem] = []
    instances = _instances_by_image(annotations, categories, images, path, problems)
    root = path.parent.parent if path.parent.name == "annotations" else path.parent
    subset = path.stem.removeprefix("instances").lstrip("_")
    samples: list[Sample] = []
    for image_id, entry in images.items():
        try:
            samples.append(_sample(root, subset, entry, tuple(instances.get(image_id, ()))))
        except (DatasetError, KeyError, TypeError, ValueError) as err:
            problems.append(Problem(f"{path}: image {image_id}", str(err)))
    info = dict(document.get("info") or {})
    return Dataset(root, _class_names(categories), tuple(samples), tuple(problems), info)


def _class_names(categories: dict[int, str]) -> dict[int, str]:
    if set(categories.values()) <= set(CLASS_IDS):
        return dict(CLASS_NAMES)
    return {0: "background", **categories}


def _instances_by_image(
    annotations: list[dict[str, Any]],
    categories: dict[int, str],
    images: dict[int, dict[str, Any]],
    path: Path,
    problems: list[Problem],
) -> dict[int, list[Instance]]:
    by_image: dict[int, list[Instance]] = {}
    for annotation in annotations:
        where = f"{path}: annotation {annotation.get('id')}"
        try:
            if annotation.get("iscrowd"):
                raise DatasetError("iscrowd regions are not instances")
            image = images[int(annotation["image_id"])]
            x, y, w, h = (float(v) for v in annotation["bbox"])
            rle = _rle(annotation.get("segmentation"), int(image["height"]), int(image["width"]))
            box = np.array([x, y, x + w, y + h], np.float32)
            name = categories[int(annotation["category_id"])]
            instance = Instance(name, box, rle, float(annotation.get("score", 1.0)))
            by_image.setdefault(int(annotation["image_id"]), []).append(instance)
        except (KeyError, TypeError, ValueError) as err:
            problems.append(Problem(where, f"{type(err).__name__}: {err}"))
    return by_image


def _rle(segmentation: Any, height: int, width: int) -> Rle | None:
    if not segmentation:
        return None
    if isinstance(segmentation, dict):
        if tuple(segmentation["size"]) != (height, width):
            raise DatasetError(f"mask is {segmentation['size']}, image is {[height, width]}")
        return segmentation
    return from_polygons(segmentation, height, width)


def _sample(root: Path, subset: str, entry: dict[str, Any], instances: tuple[Instance, ...]) -> Sample:
    name = str(entry["file_name"])
    words = subset.split("_")
    prefixes = ["_".join(words[:n]) for n in range(len(words), 0, -1)]
    folders = [root / "images" / p for p in prefixes] + [root / p for p in prefixes] + [root / "images", root]
    split = words[0] if words[0] in ("train", "val", "test") else ""
    key = Path(name).with_suffix("").as_posix()
    return Sample(
        key=f"{subset}/{key}" if split else key,
        image=first_file(folder / name for folder in [*folders, root / "annotations"]),
        labels=None,
        width=int(entry["width"]),
        height=int(entry["height"]),
        instances=instances,
        split=split,
    )
