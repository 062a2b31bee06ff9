"""Boxes against boxes: float64 (N, 4) and (M, 4), xyxy; answers are (N, M)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]


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


def at_border(box: NDArray[np.float64], size: tuple[int, int], near: float = 1.5) -> bool:
    """Whether a box touches the border of a frame of `size` (H, W)."""
    x0, y0, x1, y1 = (float(v) for v in box)
    return x0 <= near or y0 <= near or x1 >= size[1] - near or y1 >= size[0] - near
