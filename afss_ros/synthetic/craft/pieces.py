"""The parts of a craft one by one: its body, each panel wing, each dish, found in the geometry of a finished craft.

The grammar marks every triangle as body, panel or antenna. What hangs together is one part: triangles of one label
whose surfaces share corners, then those whose bounding boxes all but touch, as the panels of one wing do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

from afss_ros.labels import BODY, PART_IDS
from afss_ros.synthetic.craft.model import Craft

_GAP = 0.04
"""Pieces closer than this, in radii of the craft, are one part."""
_SAME_CORNER = 1e-3
"""Corners closer than this, in radii, are one."""
MOST = 200
"""Parts of one craft at most; the smallest beyond share the last number."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """The parts of a craft, numbered from 1.

    Attributes:
        numbers: int64 (T,), the part of each triangle; 0 where a triangle belongs to none.
        labels: uint8 (N + 1,), the label id of each part; that of 0 is background.
        length: the largest distance between two points of the craft, metres.
        extents: float64 (3,), size along the axes of the craft's own frame, metres.
    """

    numbers: NDArray[np.int64]
    labels: NDArray[np.uint8]
    length: float
    extents: NDArray[np.float64]

    def names(self) -> list[str]:
        """`body`, `panel.1`, `panel.2`, `antenna.1` and so on, of parts 1 to N."""
        from afss_ros.labels import CLASS_NAMES

        counts: dict[int, int] = {}
        names = []
        for label in self.labels[1:].tolist():
            counts[label] = counts.get(label, 0) + 1
            names.append("body" if label == BODY else f"{CLASS_NAMES[label]}.{counts[label]}")
        return names


def find(craft: Craft) -> Pieces:
    """Find the parts of a craft."""
    triangles = craft.vertices.reshape(-1, 3, craft.vertices.shape[1])
    tags = np.rint(triangles[:, 0, 9]).astype(np.int64)
    points = triangles[:, :, :3].astype(np.float64)
    numbers, labels = np.zeros(len(tags), np.int64), [0]
    for label in PART_IDS:
        own = np.flatnonzero(tags == label)
        if not len(own):
            continue
        groups = np.zeros(len(own), np.int64) if label == BODY else _groups(points[own], craft.radius)
        sizes = np.bincount(groups)
        rank = np.empty(len(sizes), np.int64)
        rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
        first = len(labels)
        numbers[own] = np.minimum(first + rank[groups], MOST)
        labels += [label] * (min(first + len(sizes) - 1, MOST) - first + 1)
    return Pieces(numbers, np.array(labels, np.uint8), _length(points.reshape(-1, 3)), np.ptp(points, axis=(0, 1)))


def numbered(craft: Craft, pieces: Pieces) -> Craft:
    """The craft with part numbers where label ids were: it is drawn the same, and its id map tells parts apart."""
    vertices = craft.vertices.copy()
    vertices[:, 9] = np.repeat(pieces.numbers, 3)
    return replace(craft, vertices=vertices)


def _groups(points: NDArray[np.float64], radius: float) -> NDArray[np.int64]:
    """Which triangles (T, 3, 3) hang together: a number from 0 for each."""
    keys = np.rint(points.reshape(-1, 3) / (_SAME_CORNER * radius)).astype(np.int64)
    _, corner = np.unique(keys, axis=0, return_inverse=True)
    triangle = np.repeat(np.arange(len(points)), 3)
    count = len(points) + int(corner.max()) + 1
    pieces = _components(triangle, len(points) + corner.reshape(-1), count)[: len(points)]
    _, pieces = np.unique(pieces, return_inverse=True)
    pieces = pieces.reshape(-1)
    low = np.full((int(pieces.max()) + 1, 3), np.inf)
    high = -low
    np.minimum.at(low, pieces, points.min(axis=1))
    np.maximum.at(high, pieces, points.max(axis=1))
    apart = np.maximum(low[:, None] - high[None], low[None] - high[:, None]).max(-1)
    rows, columns = np.nonzero(apart <= _GAP * radius)
    groups = _components(rows, columns, len(low))
    return np.asarray(groups[pieces], np.int64)


def _components(rows: NDArray[np.int64], columns: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    edges = coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(count, count))
    return np.asarray(connected_components(edges, directed=False)[1], np.int64)


def _length(points: NDArray[np.float64]) -> float:
    try:
        points = points[ConvexHull(points).vertices]
    except QhullError:  # all in one plane
        points = np.unique(points, axis=0)[:2000]
    return float(pdist(points).max())
