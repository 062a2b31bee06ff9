"""Road masks to lines: skeleton, graph, and what the winners of SpaceNet 3 did to both.

Blobs and holes go, the mask is continued over its border so that the skeleton reaches it, short spurs are cut, and ends
that nearly meet are joined. Lines that meet do so in one vertex, so that `road_graph.graph_of` sees a junction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.morphology import skeletonize

from afss_ros.geo.errors import GeoError
from afss_ros.geo.road_graph import RoadGraph, graph_of, subgraph

_RING = [(-1, 0), (0, 1), (1, 0), (0, -1), (-1, -1), (-1, 1), (1, 1), (1, -1)]
"""Neighbours of a pixel, those that share an edge first."""


@dataclass(frozen=True)
class RoadRules:
    """How a mask becomes lines, in pixels.

    Attributes:
        smallest: square pixels below which blobs and holes go.
        tolerance: of the simplification.
        spur: length below which a dead end at a junction goes.
        gap: distance below which two dead ends are joined.
        border: by how many pixels the mask is continued while the skeleton is made.
    """

    smallest: int = 300
    tolerance: float = 2.0
    spur: float = 10.0
    gap: float = 20.0
    border: int = 5


def road_lines(mask: NDArray[Any], rules: RoadRules = RoadRules()) -> list[Any]:
    """The middle lines of the roads in a mask.

    Args:
        mask: (H, W), roads are what is not 0.

    Returns:
        LineStrings in pixels from the corner of the top left pixel, x right, y down; put them on the map with the
        raster's transform. Empty without roads.

    Raises:
        GeoError: the mask has more than two dimensions.
    """
    if mask.ndim != 2:
        raise GeoError(f"a road mask is (H, W), got {mask.shape}; take one band of it")
    road = _without_specks(np.asarray(mask) != 0, rules.smallest)
    if not road.any():
        return []
    pad = rules.border
    thin = skeletonize(  # type: ignore[no-untyped-call, unused-ignore]
        np.pad(road, pad, mode="edge")
    )
    lines = _simplified(graph_of(traced(thin)), rules.tolerance)
    graph = _without_spurs(graph_of(lines), rules.spur)
    graph = graph_of(_simplified(graph, rules.tolerance) + _bridges(graph, rules.gap))
    height, width = road.shape
    frame = shapely.box(0, 0, width, height)
    kept = []
    for way in graph.ways:
        inside = shapely.intersection(shapely.transform(way, lambda p: p - pad), frame)
        kept += [part for part in getattr(inside, "geoms", [inside]) if part.geom_type == "LineString" and part.length]
    return kept


def traced(thin: NDArray[np.bool_]) -> list[Any]:
    """The lines through the middles of a skeleton's pixels, (H, W); junctions of several pixels become one point.

    Returns:
        LineStrings whose ends are dead ends or junctions, in pixels.
    """
    padded = np.pad(thin, 1)
    count = ndimage.convolve(padded.astype(np.uint8), np.ones((3, 3), np.uint8), mode="constant") - 1
    node = padded & (count != 2)
    label, clusters = ndimage.label(node, structure=np.ones((3, 3), int))
    middles = np.asarray(ndimage.center_of_mass(node, label, range(1, clusters + 1))).reshape(-1, 2)
    middles = middles[:, ::-1] - 0.5  # x, y; one pixel of padding, half a pixel to the middle
    lines: list[Any] = []
    rest = padded & ~node
    for row, column in zip(*np.nonzero(node), strict=True):
        for step in _around(rest, row, column):
            if rest[step]:
                lines += _walk(rest, label, middles, (int(row), int(column)), step)
    for row, column in zip(*np.nonzero(rest), strict=True):  # rings
        if rest[row, column]:
            lines += _ring(rest, (int(row), int(column)))
    return lines


def _around(image: NDArray[Any], row: int, column: int) -> list[tuple[int, int]]:
    return [(row + i, column + j) for i, j in _RING if image[row + i, column + j]]


def _walk(
    rest: NDArray[np.bool_],
    label: NDArray[np.intp],
    middles: NDArray[np.float64],
    start: tuple[int, int],
    step: tuple[int, int],
) -> list[Any]:
    """The line from a node through pixels of two neighbours to the next node; takes these out of `rest`."""
    first = int(label[start])
    pixels = [step]
    rest[step] = False
    last = 0
    while not last:
        ends = [int(label[p]) for p in _around(label, *pixels[-1])]
        ahead = _around(rest, *pixels[-1])
        others = [end for end in ends if end != first or len(pixels) > 2]
        if others and not (ahead and len(pixels) == 1 and others[0] == first):
            last = others[0]
        elif ahead:
            pixels.append(ahead[0])
            rest[ahead[0]] = False
        else:
            last = ends[0] if ends else first
    way = [(column - 0.5, row - 0.5) for row, column in pixels]
    path = [tuple(middles[first - 1]), *way, tuple(middles[last - 1])]
    return [shapely.LineString(path)]


def _ring(rest: NDArray[np.bool_], start: tuple[int, int]) -> list[Any]:
    pixels = [start]
    rest[start] = False
    while ahead := _around(rest, *pixels[-1]):
        pixels.append(ahead[0])
        rest[ahead[0]] = False
    way = [(column - 0.5, row - 0.5) for row, column in [*pixels, pixels[0]]]
    return [shapely.LineString(way)] if len(pixels) > 2 else []


def _without_specks(road: NDArray[np.bool_], smallest: int) -> NDArray[np.bool_]:
    for filled in (True, False):
        count, label, stats, _ = cv2.connectedComponentsWithStats((road == filled).astype(np.uint8), connectivity=4)
        small = stats[:, cv2.CC_STAT_AREA] < smallest
        small[0] = False
        if count > 1:
            road = np.where(small[label], not filled, road)
    return np.asarray(road, bool)


def _simplified(graph: RoadGraph, tolerance: float) -> list[Any]:
    return [shapely.simplify(way, tolerance) for way in graph.ways]


def _degrees(graph: RoadGraph) -> NDArray[np.intp]:
    return np.bincount(graph.ends.ravel(), minlength=len(graph.nodes))


def _without_spurs(graph: RoadGraph, shortest: float) -> RoadGraph:
    degree = _degrees(graph)
    keep = [
        edge
        for edge, ((a, b), way) in enumerate(zip(graph.ends.tolist(), graph.ways, strict=True))
        if way.length >= shortest or sorted((degree[a], degree[b]))[0] != 1 or max(degree[a], degree[b]) < 3
    ]
    return graph_of(subgraph(graph, keep).ways)


def _bridges(graph: RoadGraph, gap: float) -> list[Any]:
    """Straight lines between dead ends of different roads that are near each other, the nearest pairs first."""
    ends = np.flatnonzero(_degrees(graph) == 1)
    if len(ends) < 2 or gap <= 0:
        return []
    tree = cKDTree(graph.nodes[ends])
    pairs: Sequence[tuple[int, int]] = sorted(
        tree.query_pairs(gap),
        key=lambda pair: float(np.linalg.norm(graph.nodes[ends[pair[0]]] - graph.nodes[ends[pair[1]]])),
    )
    own = {(int(min(a, b)), int(max(a, b))) for a, b in graph.ends.tolist()}
    used: set[int] = set()
    bridges = []
    for a, b in pairs:
        if {a, b} & used or (int(min(ends[a], ends[b])), int(max(ends[a], ends[b]))) in own:
            continue
        used |= {a, b}
        bridges.append(shapely.LineString(graph.nodes[[ends[a], ends[b]]]))
    return bridges
