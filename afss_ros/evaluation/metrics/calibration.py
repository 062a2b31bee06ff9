"""Whether a score means what it says: expected calibration error of detections (Guo et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from afss_ros.evaluation.metrics.detection import ImageObjects, box_iou

BINS = 10
RIGHT_IOU = 0.5


def judged_scores(images: Sequence[ImageObjects]) -> list[tuple[float, bool]]:
    """Each detection's score, and whether it is right: best first, it takes the free true box it overlaps most, if by
    an IoU of 0.5 or more."""
    judged: list[tuple[float, bool]] = []
    for image in images:
        free = list(image.truth)
        for found in sorted(image.found, key=lambda f: -f.score):
            best = max(free, key=lambda t: box_iou(t.box_xyxy, found.box_xyxy), default=None)
            right = best is not None and box_iou(best.box_xyxy, found.box_xyxy) >= RIGHT_IOU
            if right and best is not None:
                free = [t for t in free if t is not best]
            judged.append((found.score, right))
    return judged


def reliability(judged: Sequence[tuple[float, bool]]) -> list[dict[str, float]]:
    """Ten bins of scores, without those that are empty, from the lowest.

    Returns:
        Of each bin the mean `score`, the share of detections that is `right`, and their `count`.

    >>> reliability([(1.0, True), (1.0, False)])
    [{'score': 1.0, 'right': 0.5, 'count': 2}]
    """
    scores = np.array([score for score, _ in judged], np.float64)
    right = np.array([r for _, r in judged], np.float64)
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    inside = [bins == b for b in np.unique(bins)]
    return [
        {"score": float(scores[i].mean()), "right": float(right[i].mean()), "count": int(np.count_nonzero(i))}
        for i in inside
    ]


def expected_error(judged: Sequence[tuple[float, bool]]) -> float | None:
    """Mean distance between score and share of right detections, over the bins, weighted by their content.

    0 is a score that can be read as a probability. None without detections.

    >>> expected_error([(1.0, True), (1.0, False)])
    0.5
    """
    if not judged:
        return None
    return sum(abs(b["score"] - b["right"]) * b["count"] for b in reliability(judged)) / len(judged)
