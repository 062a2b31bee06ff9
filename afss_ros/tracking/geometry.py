"""Boxes against boxes: float64 (N, 4) and (M, 4), xyxy; answers are (N, M)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]
_NEAR = 1.5
"""Pixels from the border within which a box touches it."""


def _common(a: Boxes, b: Boxes) -> Boxes:
    sides = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    sides = np.maximum(sides, 0.0)
    return np.asarray(sides[..., 0] * sides[..., 1], np.float64)


def area(boxes: Boxes) -> NDArray[np.float64]:
    """Areas (N,), never 0."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-6)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float64)


def iou(a: Boxes, b: Boxes) -> Boxes:
    """Intersection over union."""
    common = _common(a, b)
    return np.asarray(common / (area(a)[:, None] + area(b)[None] - common), np.float64)


def within(a: Boxes, b: Boxes) -> Boxes:
    """The share of each box of `a` that lies within each box of `b`."""
    return np.asarray(_common(a, b) / area(a)[:, None], np.float64)


def around(boxes: Boxes) -> NDArray[np.float64]:
    """The box (4,) around all."""
    return np.concatenate([boxes[:, :2].min(0), boxes[:, 2:].max(0)])


def at_border(box: NDArray[np.float64], size: tuple[int, int]) -> bool:
    """Whether a box touches the border of a frame of `size` (H, W)."""
    return any(cut_sides(box, size))


def cut_sides(box: NDArray[np.float64], size: tuple[int, int]) -> tuple[bool, bool, bool, bool]:
    """Which sides of a box, left, top, right, bottom, the border of a frame of `size` (H, W) may cut off."""
    x0, y0, x1, y1 = (float(v) for v in box)
    return x0 <= _NEAR, y0 <= _NEAR, x1 >= size[1] - _NEAR, y1 >= size[0] - _NEAR
