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
from afss_ros.evaluation.metrics.detection import ImageObjects, box_iou

THRESHOLDS = np.linspace(0.5, 0.95, 10)
_RECALLS = np.linspace(0.0, 1.0, 101)
_MOST = 100  # objects of an image that COCO looks at
_SLACK = 1e-10  # an IoU that falls short by less than this reaches a threshold, as in COCO's code
_AT_ONCE = 4_000_000  # findings times draws that are held in memory


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
    near = np.flatnonzero((overlaps >= THRESHOLDS[0] - _SLACK).any(1))
    for row, threshold in enumerate(THRESHOLDS):
        free = np.ones(len(image.truth), np.bool_)
        for column in near:
            left = np.where(free, overlaps[column], -1.0)
            if left.max() >= threshold - _SLACK:
                free[len(left) - 1 - int(left[::-1].argmax())] = False  # of equals the last, as in COCO's code
                hits[row, column] = True
    return Matched(np.array([f.score for f in found], np.float64), hits, len(image.truth))


def average_precision(images: Sequence[Matched]) -> float | None:
    """Mean precision over recall 0, 0.01, ..., 1 and IoU 0.50 to 0.95; None when there is no object."""
    if not sum(image.truths for image in images):
        return None
    return float(average_precisions(images, np.ones((1, len(images)))).mean())


def average_precisions(images: Sequence[Matched], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average precision at each of `THRESHOLDS` in R draws of the same N images.

    Args:
        weights: float64 (R, N), how often each draw holds each image.

    Returns:
        float64 (R, 10); NaN for a draw without an object.
    """
    truths = weights @ np.array([image.truths for image in images], np.float64)
    owner = np.repeat(np.arange(len(images)), [len(image.scores) for image in images])
    order = np.argsort(-np.concatenate([image.scores for image in images]), kind="stable")
    hits = np.concatenate([image.hits for image in images], axis=1)[:, order]
    result = np.zeros((len(weights), len(THRESHOLDS)))
    rows = max(1, _AT_ONCE // max(1, len(owner)))
    for first in range(0, len(weights), rows):
        part = slice(first, first + rows)
        drawn = weights[part, owner[order]]
        seen = drawn.cumsum(1)
        for column, hit in enumerate(hits):
            places = np.flatnonzero(hit)
            result[part, column] = _areas(drawn[:, places].cumsum(1), seen[:, places], truths[part])
    result[truths == 0] = np.nan
    return result


def _areas(right: NDArray[np.float64], seen: NDArray[np.float64], truths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area under precision over recall, by COCO's 101 points: float64 (R,).

    An image that is drawn w times adds w findings of one score. Recall grows at hits alone, and precision is best at
    the last of them, so that counting w at once gives what counting one by one would.

    Args:
        right, seen: float64 (R, H), findings that are right, and findings, up to each hit; best score first.
        truths: float64 (R,), how many objects there are.
    """
    precision = right / np.maximum(seen, 1)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    reached = np.searchsorted(_RECALLS, right / np.maximum(truths, 1)[:, None], side="right")
    gained = np.diff(reached, axis=1, prepend=0)
    return np.asarray((best * gained).sum(1) / len(_RECALLS), np.float64)


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
