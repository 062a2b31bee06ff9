"""Writes COCO instances. Pictures stay where they are; `info.pictures` says which folder file names start from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.files import write_atomically
from afss_ros.datasets.form import Dataset, Instance, Problem, Sample

PICTURES = "pictures"
"""In `info`: the folder, from that of the file, below which the pictures lie."""


def from_samples(
    samples: Iterable[Sample], class_names: dict[int, str], root: Path
) -> tuple[dict[str, Any], list[Problem]]:
    """The COCO document of the samples whose instances are all known; file names are relative to `root`.

    Returns:
        The document, and what was left out and why: samples that cannot be read, and those whose instances are None or
        not all, since in COCO what is not annotated is not there.
    """
    ids = {name: i for i, name in class_names.items()}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    left_out: list[Problem] = []
    for sample in samples:
        try:
            rows = [_annotation(i) for i in known_instances(sample)]
        except DatasetError as err:
            left_out.append(Problem(sample.key, str(err)))
            continue
        file_name = Path(os.path.relpath(sample.image, root)).as_posix()
        size = {"width": sample.width, "height": sample.height}
        images.append({"id": len(images) + 1, "file_name": file_name, **size})
        for name, row in rows:
            category = ids.setdefault(name, max(ids.values(), default=0) + 1)
            own = {"id": len(annotations) + 1, "image_id": len(images), "category_id": category}
            annotations.append({**own, **row})
    categories = [{"id": i, "name": name} for name, i in ids.items() if i != 0]
    return {"images": images, "annotations": annotations, "categories": categories}, left_out


def known_instances(sample: Sample) -> tuple[Instance, ...]:
    """All the instances of a sample.

    Raises:
        DatasetError: they are not, or not all, known; or a mask cannot be read.
    """
    instances = sample.read_instances()
    if instances is None:
        raise DatasetError("which objects it shows is unknown, which this form cannot say")
    if not sample.complete:
        raise DatasetError("it shows more objects than are known, which this form cannot say")
    return instances


def _annotation(instance: Instance) -> tuple[str, dict[str, Any]]:
    """The name of an instance's category, and its annotation without ids."""
    x0, y0, x1, y1 = (float(v) for v in instance.box_xyxy)
    mask = instance.mask()
    out: dict[str, Any] = {
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": (x1 - x0) * (y1 - y0) if mask is None else int(mask.sum()),
        "iscrowd": 0,
        "score": instance.score,
    }
    if instance.rle is not None:
        out["segmentation"] = instance.rle
    return instance.class_name, out


def write(dataset: Dataset, path: Path) -> list[Problem]:
    """Write the instances of a data set as one COCO file, whole or not at all. Pictures stay where they are.

    Returns:
        The samples that were left out, and why.
    """
    document, left_out = from_samples(dataset.samples, dataset.class_names, path.parent)
    folders = {s.image.parent.absolute() for s in dataset.samples}
    if folders:
        # Readers of ours take pictures from outside of a file's folder only where the file says so.
        base = os.path.relpath(os.path.commonpath(folders), path.parent.absolute())
        document["info"] = {PICTURES: Path(base).as_posix()}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(document).encode())
    return left_out
