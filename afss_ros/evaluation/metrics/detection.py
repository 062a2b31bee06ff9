"""Detection metrics for whole craft: COCO average precision of boxes and masks, and the Pose Bowl's mean box IoU."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from numpy.typing import NDArray

from afss_ros.datasets import Instance

# It logs a table of its own for every evaluation, at the level of news.
logging.getLogger("faster_coco_eval").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True, eq=False)
class ImageObjects:
    """The craft of one image, true and found.

    Attributes:
        height, width: pixels.
        truth: what is there.
        found: what the student says, with scores; best first.
    """

    height: int
    width: int
    truth: tuple[Instance, ...]
    found: tuple[Instance, ...]


def box_iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Intersection over union of two boxes (4,) xyxy; 0 when both are empty.

    >>> box_iou(np.array([0, 0, 2, 2], np.float32), np.array([1, 0, 3, 2], np.float32)) == 2 / 6
    True
    """
    x0, y0, x1, y1 = (float(v) for v in a)
    u0, v0, u1, v1 = (float(v) for v in b)
    shared = max(0.0, min(x1, u1) - max(x0, u0)) * max(0.0, min(y1, v1) - max(y0, v0))
    union = (x1 - x0) * (y1 - y0) + (u1 - u0) * (v1 - v0) - shared
    return shared / union if union > 0 else 0.0


def top_box_iou(image: ImageObjects) -> float | None:
    """IoU of the best scored box with the only true one; 0 when nothing was found; None unless truth is one craft.

    The measure of the Pose Bowl (DrivenData, 2024), which has one spacecraft an image.
    """
    if len(image.truth) != 1:
        return None
    if not image.found:
        return 0.0
    best = max(image.found, key=lambda instance: instance.score)
    return box_iou(best.box_xyxy, image.truth[0].box_xyxy)


def average_precision(images: Sequence[ImageObjects], kind: str) -> dict[str, float | None]:
    """COCO average precision over all images, of boxes (`kind="bbox"`) or masks (`kind="segm"`).

    Returns:
        "ap" (mean over IoU 0.50 to 0.95), "ap50", "ap75"; None where truth has no object, or an object without a mask
        when masks are asked for.
    """
    precision = precision_curves(images, kind)
    if precision is None:
        return {"ap": None, "ap50": None, "ap75": None}
    return {"ap": float(precision.mean()), "ap50": float(precision[0].mean()), "ap75": float(precision[5].mean())}


def precision_curves(images: Sequence[ImageObjects], kind: str) -> NDArray[np.float64] | None:
    """Precision at recall 0, 0.01, ..., 1 for the IoU thresholds 0.50, 0.55, ..., 0.95: float64 (10, 101).

    None where `average_precision` is None.
    """
    truths = [t for image in images for t in image.truth]
    if not truths or (kind == "segm" and any(t.rle is None for t in truths)):
        return None
    truth = COCO(_document(images))
    rows = [
        _annotation(found, number, image_id, with_mask=kind == "segm")
        for number, (image_id, found) in enumerate(
            ((i, f) for i, image in enumerate(images, 1) for f in image.found if kind == "bbox" or f.rle is not None), 1
        )
    ]
    if not rows:
        return np.zeros((10, 101))
    judge = COCOeval_faster(truth, truth.loadRes(rows), kind)
    judge.evaluate()
    judge.accumulate()
    # (IoU threshold, recall, class, area range, detections an image); -1 where a class has no truth.
    return np.asarray(judge.eval["precision"][:, :, 0, 0, -1], np.float64)


def _document(images: Sequence[ImageObjects]) -> dict[str, Any]:
    owned = [(i, t) for i, image in enumerate(images, 1) for t in image.truth]
    return {
        "images": [{"id": i, "height": image.height, "width": image.width} for i, image in enumerate(images, 1)],
        "categories": [{"id": 1, "name": "spacecraft"}],
        "annotations": [_annotation(t, n, i, with_mask=t.rle is not None) for n, (i, t) in enumerate(owned, 1)],
    }


def _annotation(instance: Instance, identifier: int, image_id: int, *, with_mask: bool) -> dict[str, Any]:
    x0, y0, x1, y1 = (float(v) for v in instance.box_xyxy)
    row: dict[str, Any] = {
        "id": identifier,
        "image_id": image_id,
        "category_id": 1,
        "score": instance.score,
        "iscrowd": 0,
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": (x1 - x0) * (y1 - y0),
    }
    if with_mask:
        row["segmentation"] = instance.rle
    return row
