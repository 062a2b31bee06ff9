"""Whether a score means what it says: expected calibration error of detections (Guo et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from afss_ros.evaluation.metrics.detection import ImageObjects, box_iou

BINS = 10
RIGHT_IOU = 0.5
_SURE = 1e-4
"""Scores are kept so far from 0 and 1, whose logits are infinite."""
_ROUNDS = 50
Line = tuple[float, float]
"""Slope and offset of the logit of a chance over the logit of a score."""


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


def fit(judged: Sequence[tuple[float, bool]]) -> Line | None:
    """The line through logits that makes scores chances (Platt, 1999): fit on one set, judge it on others.

    Two numbers, by Newton's method on the likelihood, with Platt's smoothed targets, so that a set whose scores part
    right from wrong has a fit too. None where all are right, all are wrong, or all scores are the same.
    """
    scores = np.array([score for score, _ in judged], np.float64)
    right = np.array([r for _, r in judged], np.bool_)
    if right.all() or not right.any() or np.ptp(scores) == 0:
        return None
    yes, no = int(right.sum()), int((~right).sum())
    wanted = np.where(right, (yes + 1) / (yes + 2), 1 / (no + 2))
    columns = np.stack([_logit(scores), np.ones_like(scores)], 1)
    line = np.array([1.0, 0.0])
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(-np.clip(columns @ line, -30, 30)))
        slope = columns.T @ (chance - wanted)
        curve = (columns * (chance * (1 - chance))[:, None]).T @ columns + 1e-6 * np.eye(2)
        step = np.linalg.solve(curve, slope)
        line = line - step * min(1.0, 5.0 / (float(np.abs(step).max()) + 1e-12))
        if np.abs(step).max() < 1e-9:
            break
    return float(line[0]), float(line[1])


def calibrated(judged: Sequence[tuple[float, bool]], line: Line) -> list[tuple[float, bool]]:
    """The same judgements with scores moved by a line of `fit`."""
    scores = np.array([score for score, _ in judged], np.float64)
    chances = 1 / (1 + np.exp(-(line[0] * _logit(scores) + line[1])))
    return [(float(c), right) for c, (_, right) in zip(chances, judged, strict=True)]


def _logit(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(scores, _SURE, 1 - _SURE)
    return np.asarray(np.log(inside / (1 - inside)), np.float64)
