"""Boxes from overlapping tiles: what several tiles saw of one craft becomes one box.

Tiles see their shared region alike. So two boxes of two tiles show one craft if what they cover of that region agrees,
however much of the craft either tile cuts off. The usual non-maximum suppression would keep both halves of a craft that
is cut in two, because they hardly overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]
"""float32 (n, 4): x_min, y_min, x_max, y_max."""

AGREEMENT = 0.5
"""Least IoU, within the region that two tiles share, of two boxes of one craft."""
_PIECE = 0.8
"""A box that is cut by a seam, and of which so much lies in another tile's box, is a piece of that one."""
_NEAR_SEAM = 0.01
"""How close to its tile's border a cut box ends, as a fraction of the tile."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Boxes with what is known of each.

    Attributes:
        boxes: float32 (n, 4) xyxy, pixels of the canvas.
        scores: float32 (n,).
        classes: int (n,).
    """

    boxes: Boxes
    scores: NDArray[np.float32]
    classes: NDArray[Any]


def merge(found: Found, tiles: NDArray[np.intp], windows: Boxes) -> Found:
    """Merge the boxes that show one craft: their hull, with the best score among them.

    Args:
        found: of all tiles.
        tiles: (n,) the tile that each box comes from.
        windows: float32 (tiles, 4) xyxy of every tile.

    Example:
        A craft from x = 3 to 9, y = 1 to 3, seen by the tiles x 0..6 and x 4..10: the boxes (3, 1, 6, 3) and
        (4, 1, 9, 3) agree between x = 4 and 6, and become (3, 1, 9, 3).
    """
    count = len(found.scores)
    if count < 2:
        return found
    group = np.arange(count)
    for i, j in zip(*np.nonzero(np.triu(_same_craft(found, tiles, windows), 1)), strict=True):
        group[group == group[j]] = group[i]
    members = [np.flatnonzero(group == g) for g in dict.fromkeys(group.tolist())]
    hulls = [(*found.boxes[m, :2].min(0), *found.boxes[m, 2:].max(0)) for m in members]
    best = np.array([m[found.scores[m].argmax()] for m in members])
    return Found(np.array(hulls, np.float32), found.scores[best], found.classes[best])


def without_pieces_of(found: Found, large: Found) -> Found:
    """Drop the boxes that lie mostly inside a `large` one of their class: pieces of a craft that no tile holds."""
    inside = _intersection(found.boxes[:, None], large.boxes[None])
    is_piece = (inside >= AGREEMENT * _area(found.boxes)[:, None]) & (found.classes[:, None] == large.classes[None])
    kept = ~is_piece.any(axis=1)
    return Found(found.boxes[kept], found.scores[kept], found.classes[kept])


def concatenate(parts: list[Found]) -> Found:
    """All boxes of `parts`, in order."""
    return Found(
        np.concatenate([p.boxes for p in parts]),
        np.concatenate([p.scores for p in parts]),
        np.concatenate([p.classes for p in parts]),
    )


def _same_craft(found: Found, tiles: NDArray[np.intp], windows: Boxes) -> NDArray[np.bool_]:
    """bool (n, n): whether two boxes show one craft; symmetric."""
    boxes, own = found.boxes, windows[tiles]
    shared = _overlap(own[:, None], own[None])
    a, b = _overlap(shared, boxes[:, None]), _overlap(shared, boxes[None])
    common = _intersection(a, b)
    united = _area(a) + _area(b) - common
    agree = (common > 0) & (common >= AGREEMENT * united)
    inside = _intersection(boxes[:, None], boxes[None]) >= _PIECE * _area(boxes)[:, None]
    piece = inside & _is_cut(boxes, own, windows)[:, None]
    comparable = (tiles[:, None] != tiles[None]) & (found.classes[:, None] == found.classes[None])
    return np.asarray((agree | piece | piece.T) & comparable, bool)


def _is_cut(boxes: Boxes, own: Boxes, windows: Boxes) -> NDArray[np.bool_]:
    """bool (n,): whether a box ends at a border of its tile behind which the canvas goes on."""
    canvas = np.array([*windows[:, :2].min(0), *windows[:, 2:].max(0)], np.float32)
    side = np.tile(own[:, 2:] - own[:, :2], 2)
    return np.asarray(((np.abs(boxes - own) <= _NEAR_SEAM * side) & (own != canvas)).any(axis=1), bool)


def _overlap(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """The common part of boxes (..., 4); one without area where they have none."""
    return np.concatenate([np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])], axis=-1)


def _intersection(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    return _area(_overlap(a, b))


def _area(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    sides = np.clip(boxes[..., 2:] - boxes[..., :2], 0, None)
    return np.asarray(sides[..., 0] * sides[..., 1], np.float32)
