"""Frames larger than the network, seen tile by tile and put together as if one large network had looked.

A frame that is scaled down to the network loses its small craft. Tiles keep every pixel, but a craft that outgrows a
tile shows each of them only a wall without context, which no student was trained on. So the frame is looked at twice:
as a whole, scaled down, and in tiles. The whole view decides about craft that are large in it, the tiles about all
others: each craft is judged where it fits into the view (the idea of SNIP, Singh and Davis, CVPR 2018). The whole view
costs one inference more.

The tiles lie on a canvas that is to the rest of the package what a network's input is: a letterbox leads from the frame
to it and back, and `blend` and `seams.merge` give outputs of its size. Coordinates are continuous with the origin at a
pixel's corner, and tiles start at whole pixels of the label map too, so nothing is resampled twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import ceil, gcd

import numpy as np
from numpy.typing import NDArray

from afss_ros.student.letterbox import Letterbox, Size

_SHRINK = 0.98
"""Step in which a frame's scale is lowered until it needs few enough tiles."""


@dataclass(frozen=True, slots=True)
class Axis:
    """The tiles along one direction of a canvas.

    Attributes:
        length: of the canvas, pixels.
        tile: length of a tile.
        starts: where each tile starts; evenly spread, the first at 0, the last ends with the canvas.
    """

    length: int
    tile: int
    starts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """How one size of frame is tiled.

    Attributes:
        box: from the frame to the canvas; the frame lies in the canvas's top left corner.
        rows, cols: the tiles.
        scale_yx: label pixels per canvas pixel; (1, 1) for a student without label map.
    """

    box: Letterbox
    rows: Axis
    cols: Axis
    scale_yx: tuple[float, float]

    @property
    def windows(self) -> list[tuple[slice, slice]]:
        """Rows and columns of every tile in the canvas, row by row."""
        return [
            (slice(y, y + self.rows.tile), slice(x, x + self.cols.tile))
            for y, x in product(self.rows.starts, self.cols.starts)
        ]

    @property
    def labels_size(self) -> Size:
        """(h, w) of the label map of the whole canvas."""
        return round(self.rows.length * self.scale_yx[0]), round(self.cols.length * self.scale_yx[1])


def plan(
    source: Size, network: Size, labels: Size | None = None, *, overlap: float = 0.25, max_tiles: int = 16
) -> Plan | None:
    """Plan the tiles of a frame, or None when it fits into the network as it is.

    Args:
        source: (H, W) of the frame.
        network: (H, W) of the network's input: the size of a tile.
        labels: (h, w) of its label map.
        overlap: of neighbouring tiles, at least, as a fraction of a tile; 0..0.5.
        max_tiles: a frame that needs more is scaled down first, as little as will do.

    Example:
        A 100 x 200 frame and a 100 x 100 network with overlap 0.25: three tiles, from columns 0, 50 and 100.
    """
    if source[0] <= network[0] and source[1] <= network[1]:
        return None
    units = _units(network, labels)
    scale = 1.0
    while True:
        content = max(1, round(source[0] * scale)), max(1, round(source[1] * scale))
        if content[0] <= network[0] and content[1] <= network[1]:
            return None
        rows, cols = (axis(content[i], network[i], overlap, units[i]) for i in (0, 1))
        if len(rows.starts) * len(cols.starts) <= max_tiles:
            break
        scale *= _SHRINK
    scale_yx = (labels[0] / network[0], labels[1] / network[1]) if labels else (1.0, 1.0)
    return Plan(Letterbox(source, (rows.length, cols.length), content, 0, 0), rows, cols, scale_yx)


def axis(length: int, tile: int, overlap: float, unit: int = 1) -> Axis:
    """Cover `length` pixels with tiles that start at multiples of `unit`.

    The canvas becomes a little longer than `length` where the unit asks for it.

    Example: `axis(10, 4, 0.25).starts` is (0, 3, 6).
    """
    room = ceil(max(0, length - tile) / unit)  # of the last start, in units
    stride = max(1, int(tile * (1 - overlap)) // unit)
    count = ceil(room / stride) + 1
    starts = tuple(unit * (i * room // max(1, count - 1)) for i in range(count))
    return Axis(starts[-1] + tile, tile, starts)


def _units(network: Size, labels: Size | None) -> Size:
    """Canvas pixels, (y, x), that hold a whole number of label pixels."""
    if labels is None:
        return 1, 1
    return network[0] // gcd(network[0], labels[0]), network[1] // gcd(network[1], labels[1])


def weights(along: Axis, scale: float = 1.0) -> list[NDArray[np.float32]]:
    """How much each tile counts at each of its pixels along one direction.

    It rises from a tile's border inwards over the overlap, because a network knows less of what it sees cut off; the
    weights of all tiles add up to 1 at every pixel of the canvas, and none is 0.

    Args:
        scale: label pixels per canvas pixel.

    Returns:
        float32 (label pixels of a tile,) for every tile.

    Example:
        Tiles 0..4 and 2..6 of a canvas of 6 fade over their 2 shared pixels: 1, 1, 0.75, 0.25 and 0.25, 0.75, 1, 1.
    """
    tile = round(along.tile * scale)
    starts = [round(s * scale) for s in along.starts]
    shared = max((a + tile - b for a, b in pairwise(starts)), default=0)
    inwards = np.arange(tile) + 0.5
    raw = np.minimum(np.minimum(inwards, inwards[::-1]) / max(shared, 1), 1.0)
    # The canvas's own border is nobody's seam, but there is no other tile either: normalising makes it 1.
    total = np.zeros(round(along.length * scale))
    for start in starts:
        total[start : start + tile] += raw
    return [(raw / total[start : start + tile]).astype(np.float32) for start in starts]


@dataclass(frozen=True, slots=True, eq=False)
class LabelView:
    """What one look at a part of the canvas says.

    Attributes:
        rows, cols: the part, in pixels of the canvas's label map.
        labels: uint8 (h, w).
        confidence: uint8 (h, w), probability of the label x 255; None counts as certain.
        weight: float32, broadcast to (h, w).
    """

    rows: slice
    cols: slice
    labels: NDArray[np.uint8]
    confidence: NDArray[np.uint8] | None
    weight: NDArray[np.float32]


def blend(views: Sequence[LabelView], size: Size) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """One label map from many overlapping ones: each votes for its label with weight x confidence.

    Args:
        views: together they cover every pixel of `size`.
        size: (h, w) of the result.

    Returns:
        labels uint8 (h, w), the label with most votes, of equals the lowest id; and confidence uint8 (h, w), its votes
        / all weights x 255: the mean probability that the views give it, 0 for views that chose another.

    Example:
        Where one view is 0.9 sure of `panel` and another, equally weighted, 0.6 sure of `body`, it is `panel`, 0.45.
    """
    ids = _ids(views)
    total = np.zeros(size, np.float32)
    votes = np.zeros((len(ids), *size), np.float32)
    for view in views:
        window = (view.rows, view.cols)
        total[window] += view.weight
        sure = (
            view.weight if view.confidence is None else view.weight * np.maximum(view.confidence, 1) / np.float32(255)
        )
        for vote, label in zip(votes, ids, strict=True):
            here = view.labels == label
            if here.any():
                vote[window] += sure * here
    labels, best = np.full(size, ids[0], np.uint8), votes[0]
    for vote, label in zip(votes[1:], ids[1:], strict=True):
        labels[vote > best] = label
        best = np.maximum(best, vote)
    return labels, np.rint(best / total * 255).astype(np.uint8)


def _ids(views: Sequence[LabelView]) -> list[int]:
    """Every label that occurs, in order."""
    present = np.zeros(256, bool)
    for view in views:
        present |= np.bincount(view.labels.ravel(), minlength=256) > 0
    return [int(i) for i in np.flatnonzero(present)]
