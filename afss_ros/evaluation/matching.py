"""Average precision of many draws from the same images: objects are matched once, each draw only sorts and counts.

The figures are those of `detection.average_precision`, which asks COCO's own code; a test holds the two together. A
bootstrap of some hundred draws takes a second instead of a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets import Instance
from afss_ros.evaluation.detection import ImageObjects, box_iou

THRESHOLDS = np.linspace(0.5, 0.95, 10)
_RECALLS = np.linspace(0.0, 1.0, 101)
_MOST = 100  # objects of an image that COCO looks at


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """What one image contributes.

    Attributes:
        scores: float64 (N,) of what was found, best first.
        hits: bool (10, N): whether it is a true object at each of `THRESHOLDS`.
        truths: how many objects are there.
    """

    scores: NDArray[np.float64]
    hits: NDArray[np.bool_]
    truths: int


def match(image: ImageObjects, kind: str) -> Matched:
    """Match what was found with what is true, best score first, each with the best that is left (COCO's rule).

    Args:
        kind: "bbox" or "segm"; for the latter every true object needs a mask.
    """
    found = [f for f in image.found if kind == "bbox" or f.rle is not None]
    found = sorted(found, key=lambda f: -f.score)[:_MOST]
    overlaps = _overlaps(found, image.truth, kind)
    hits = np.zeros((len(THRESHOLDS), len(found)), np.bool_)
    for row, threshold in enumerate(THRESHOLDS):
        free = np.ones(len(image.truth), np.bool_)
        for column, overlap in enumerate(overlaps):
            left = np.where(free, overlap, -1.0)
            if left.size and left.max() >= threshold - 1e-10:
                free[int(left.argmax())] = False
                hits[row, column] = True
    return Matched(np.array([f.score for f in found], np.float64), hits, len(image.truth))


def average_precision(images: Sequence[Matched]) -> float | None:
    """Mean precision over recall 0, 0.01, ..., 1 and IoU 0.50 to 0.95; None when there is no object."""
    truths = sum(image.truths for image in images)
    if not truths:
        return None
    scores = np.concatenate([image.scores for image in images])
    hits = np.concatenate([image.hits for image in images], axis=1)
    hits = hits[:, np.argsort(-scores, kind="stable")]
    right = hits.cumsum(1)
    recall = right / truths
    precision = right / np.arange(1, hits.shape[1] + 1)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    total = 0.0
    for row in range(len(THRESHOLDS)):
        places = np.searchsorted(recall[row], _RECALLS, side="left")
        reached = places[places < best.shape[1]]
        total += float(best[row, reached].sum())
    return total / (len(THRESHOLDS) * len(_RECALLS))


def _overlaps(found: Sequence[Instance], truth: Sequence[Instance], kind: str) -> NDArray[np.float64]:
    """IoU of each found with each true object: float64 (N, M)."""
    table = np.zeros((len(found), len(truth)))
    if kind == "bbox":
        return np.array([[box_iou(f.box_xyxy, t.box_xyxy) for t in truth] for f in found]).reshape(table.shape)
    masks = [t.mask() for t in truth]
    for row, one in enumerate(found):
        mask = one.mask()
        for column, other in enumerate(masks):
            if mask is not None and other is not None:
                union = np.count_nonzero(mask | other)
                table[row, column] = np.count_nonzero(mask & other) / union if union else 0.0
    return table
