"""Whether a score means what it says: expected calibration error of detections (Guo et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from afss_ros.evaluation.detection import ImageObjects, box_iou

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


def expected_error(judged: Sequence[tuple[float, bool]]) -> float | None:
    """Mean distance between score and share of right detections, over ten bins of scores weighted by their content.

    0 is a score that can be read as a probability. None without detections.

    >>> expected_error([(1.0, True), (1.0, False)])
    0.5
    """
    if not judged:
        return None
    scores = np.array([score for score, _ in judged])
    right = np.array([r for _, r in judged], np.float64)
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    gaps = [abs(scores[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    return float(sum(gaps))
