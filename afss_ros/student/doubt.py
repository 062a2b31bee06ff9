"""How doubtful a frame is, from what the student said about it and about the frame before.

Five reasons, each in 0..1, of which the strongest counts:

- `confidence`: the student gives its labels of the craft a low probability; 1 at a half, a coin's toss.
- `threshold`: a detection, published or not, scores close to the threshold; 1 on it, 0 from `margin` on.
- `presence`: a craft appears or vanishes between two frames, away from the frame's border; its score.
- `box`: a craft's box changes its shape, its motion taken out; 1 at an IoU of a half.
- `labels`: the label maps of a craft disagree, its motion and size taken out; 1 when half of its pixels do.

The last three need two frames not far apart. They find what a student is wrongly sure of: craft do not flicker.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

import numpy as np
from numpy.typing import NDArray

from afss_ros import labels
from afss_ros.perception import Detection, Perception, Reasons

REASONS = ("confidence", "threshold", "presence", "box", "labels")

_PATCH = 48
"""Side of the grid on which the label maps of a craft are compared."""
_MOST_CRAFT = 8
"""Craft compared in one frame, best score first: bounds the time."""
_REACH = 1.0
"""How far a craft moves between two frames at most, in diagonals of its box."""
_AT_BORDER_PX = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Craft:
    """What is remembered of one detection until the next frame.

    Attributes:
        detection: as perceived.
        patch: uint8 (n, n), the label map inside its box, stretched to a square; None without label map.
        at_border: whether its box touches the frame's border, where craft come and go.
    """

    detection: Detection
    patch: NDArray[np.uint8] | None
    at_border: bool


@dataclass(frozen=True, slots=True, eq=False)
class Glance:
    """What is remembered of a frame until the next one."""

    craft: tuple[Craft, ...]


@dataclass(frozen=True, slots=True)
class Doubt(Reasons):
    """How doubtful a frame is: `reasons` has a value in 0..1 for each of `REASONS`."""


def glance(perception: Perception, size: tuple[int, int]) -> Glance:
    """What to remember of a perception of a frame of `size` (H, W) pixels."""
    return Glance(
        tuple(
            Craft(d, None if perception.labels is None else _patch(perception.labels, d.box_xyxy), _at_border(d, size))
            for d in perception.detections[:_MOST_CRAFT]
        )
    )


def doubt(
    perception: Perception, now: Glance, before: Glance | None, *, threshold: float, margin: float = 0.15
) -> Doubt:
    """Judge one frame.

    Args:
        perception: of the frame.
        now: its glance.
        before: the glance of a frame shortly before; None without one, which leaves its three reasons at 0.
        threshold: from which detections are published.
        margin: around the threshold, within which a score is doubtful.
    """
    scores = [d.score for d in perception.detections]
    if perception.best_rejected > 0:
        scores.append(perception.best_rejected)
    sure = 1.0 if perception.craft_confidence is None else perception.craft_confidence
    reasons = dict.fromkeys(REASONS, 0.0)
    reasons["confidence"] = _unit(2 * (1 - sure))
    reasons["threshold"] = max((_unit(1 - abs(score - threshold) / margin) for score in scores), default=0.0)
    if before is not None:
        pairs, single = _match(before.craft, now.craft)
        reasons["presence"] = max((c.detection.score for c in single if not c.at_border), default=0.0)
        reasons["box"] = max((_unit(2 * (1 - _shape_iou(a, b))) for a, b in pairs), default=0.0)
        reasons["labels"] = max((_unit(2 * (1 - _agreement(a, b))) for a, b in pairs), default=0.0)
    return Doubt(reasons)


def _match(before: tuple[Craft, ...], now: tuple[Craft, ...]) -> tuple[list[tuple[Craft, Craft]], tuple[Craft, ...]]:
    """Pair each craft with the nearest one of its class within reach, nearest pairs first; and those left over."""
    distances = {
        (i, j): _distance(a.detection, b.detection)
        for i, a in enumerate(before)
        for j, b in enumerate(now)
        if a.detection.class_name == b.detection.class_name
    }
    near = sorted((pair for pair, distance in distances.items() if distance <= _REACH), key=lambda p: distances[p])
    old, new = set(range(len(before))), set(range(len(now)))
    pairs = []
    for i, j in near:
        if i in old and j in new:
            old.remove(i)
            new.remove(j)
            pairs.append((before[i], now[j]))
    return pairs, (*(before[i] for i in sorted(old)), *(now[j] for j in sorted(new)))


def _distance(a: Detection, b: Detection) -> float:
    """Between the centres of two boxes, in diagonals of the larger box."""
    ax0, ay0, ax1, ay1 = (float(v) for v in a.box_xyxy)
    bx0, by0, bx1, by1 = (float(v) for v in b.box_xyxy)
    apart = hypot(ax0 + ax1 - bx0 - bx1, ay0 + ay1 - by0 - by1) / 2
    return apart / max(hypot(ax1 - ax0, ay1 - ay0), hypot(bx1 - bx0, by1 - by0), 1.0)


def _shape_iou(a: Craft, b: Craft) -> float:
    """IoU of two boxes laid centre on centre; 1 for boxes at the border, which cuts them off."""
    if a.at_border or b.at_border:
        return 1.0
    aw, ah = (float(v) for v in a.detection.box_xyxy[2:] - a.detection.box_xyxy[:2])
    bw, bh = (float(v) for v in b.detection.box_xyxy[2:] - b.detection.box_xyxy[:2])
    common = min(aw, bw) * min(ah, bh)
    return common / max(aw * ah + bw * bh - common, 1e-6)


def _agreement(a: Craft, b: Craft) -> float:
    """The part of the pixels that are craft in either patch on whose label both agree; 1 without patches."""
    if a.patch is None or b.patch is None or a.at_border or b.at_border:
        return 1.0
    craft = (a.patch | b.patch) != labels.BACKGROUND
    either = np.count_nonzero(craft)
    return np.count_nonzero((a.patch == b.patch) & craft) / either if either else 1.0


def _patch(label_map: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The label under every point of a grid laid over the box: uint8 (n, n)."""
    height, width = label_map.shape
    steps = (np.arange(_PATCH) + 0.5) / _PATCH
    x0, y0, x1, y1 = (float(v) for v in box)
    cols = np.clip(x0 + steps * (x1 - x0), 0, width - 1).astype(np.intp)
    rows = np.clip(y0 + steps * (y1 - y0), 0, height - 1).astype(np.intp)
    return label_map[rows[:, None], cols]


def _at_border(detection: Detection, size: tuple[int, int]) -> bool:
    x0, y0, x1, y1 = (float(v) for v in detection.box_xyxy)
    near = _AT_BORDER_PX
    return x0 <= near or y0 <= near or x1 >= size[1] - near or y1 >= size[0] - near


def _unit(value: float) -> float:
    return min(max(value, 0.0), 1.0)
