"""Weighted boxes fusion over views, in which a view that sees nothing counts as evidence.

After Solovyev, Wang and Gabruseva, "Weighted boxes fusion" (arXiv 1910.13302), section 3, with `models` read as
`views`. Boxes, best first, join the fused box that they overlap most (IoU above a threshold) or found a new one; a
fused box is the mean of its members weighted by their scores. Two points are settled here that the paper leaves open:

- the score is the mean over *all* views of each view's best member, 0 for a view without one. The paper's
  C * min(T, N) / N is the same where each view gives one box, but lets one view that stutters (T boxes on one object)
  stand in for the silent ones;
- boxes of different classes never fuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afss_ros.teacher.values import Box


@dataclass(frozen=True, slots=True, eq=False)
class FusedBox:
    """One object on which views agreed.

    Attributes:
        box: class, fused xyxy, fused score.
        agreement: mean over all views of the IoU of the view's best member with the fused box, 0..1.
        members: by view index, that view's best box; silent views are absent.
    """

    box: Box
    agreement: float
    members: dict[int, Box]


def box_iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Intersection over union of two boxes (4,) xyxy; 0 where either is empty."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    inside = float(width * height)
    areas = float((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]))
    return inside / (areas - inside)


def fuse_boxes(views: Sequence[Sequence[Box]], *, iou: float = 0.55, skip: float = 0.05) -> list[FusedBox]:
    """Fuse the boxes of several views of one image, all in that image's pixels.

    Args:
        views: for each view, what it saw; an empty list is a view that saw nothing, and it counts.
        iou: boxes that overlap more than this are one object (AFSS: 0.55).
        skip: boxes scored below this are ignored (AFSS: 0.05).

    Returns:
        Best score first.
    """
    candidates = [(box, view) for view, boxes in enumerate(views) for box in boxes if box.score >= skip]
    candidates.sort(key=lambda candidate: -candidate[0].score)
    clusters: list[list[tuple[Box, int]]] = []
    means: list[NDArray[np.float32]] = []
    for box, view in candidates:
        overlaps = [
            box_iou(mean, box.xyxy) if cluster[0][0].class_name == box.class_name else 0.0
            for mean, cluster in zip(means, clusters, strict=True)
        ]
        best = int(np.argmax(overlaps)) if overlaps else -1
        if best >= 0 and overlaps[best] > iou:
            clusters[best].append((box, view))
            means[best] = _weighted_mean([member for member, _ in clusters[best]])
        else:
            clusters.append([(box, view)])
            means.append(box.xyxy)
    fused = [_fused(cluster, mean, len(views)) for cluster, mean in zip(clusters, means, strict=True)]
    return sorted(fused, key=lambda f: -f.box.score)


def vote(masks: Sequence[NDArray[np.bool_]], weights: Sequence[float]) -> NDArray[np.bool_]:
    """The mask (H, W) of the pixels for which at least half of the weight votes.

    Where two masks of different weight disagree, the heavier one decides; of equal weight, their union is taken.
    """
    elected: NDArray[np.bool_] = shares(masks, weights) >= 0.5 - 1e-6
    return elected


def shares(masks: Sequence[NDArray[np.bool_]], weights: Sequence[float]) -> NDArray[np.float32]:
    """The share of the weight that votes for each pixel: float32 (H, W), 0..1."""
    total = float(sum(weights))
    if total <= 0:
        weights, total = [1.0] * len(masks), float(len(masks))
    votes = np.zeros(masks[0].shape, np.float32)
    for mask, weight in zip(masks, weights, strict=True):
        votes[mask] += np.float32(weight / total)
    return votes


def undecided(votes: NDArray[np.float32], margin: float) -> NDArray[np.bool_] | None:
    """The pixels (H, W) on which neither side has more than 1 - `margin` of the votes; None where there is none.

    >>> undecided(np.array([0.1, 0.4, 0.9], np.float32), 0.25).tolist()
    [False, True, False]
    """
    split: NDArray[np.bool_] = (votes > margin + 1e-6) & (votes < 1 - margin - 1e-6)
    return split if margin > 0 and split.any() else None


def _weighted_mean(boxes: Sequence[Box]) -> NDArray[np.float32]:
    weights = np.array([box.score for box in boxes])
    corners = np.stack([box.xyxy for box in boxes]).astype(np.float64)
    mean: NDArray[np.float32] = (weights @ corners / weights.sum()).astype(np.float32)
    return mean


def _fused(cluster: list[tuple[Box, int]], mean: NDArray[np.float32], views: int) -> FusedBox:
    members: dict[int, Box] = {}
    for box, view in cluster:  # best first, so the first of a view is its best
        members.setdefault(view, box)
    score = sum(box.score for box in members.values()) / views
    agreement = sum(box_iou(box.xyxy, mean) for box in members.values()) / views
    return FusedBox(Box(cluster[0][0].class_name, mean, score), agreement, members)
