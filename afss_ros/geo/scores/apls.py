"""APLS, the road score of SpaceNet 3 (arXiv 1807.01232, section 3; 1904.09901): how alike shortest paths are.

Control points are put on one network, all its nodes and points along its long edges. Each is snapped to the other
network, and the shortest paths between all pairs are compared. Then the roles are exchanged.

Nothing is drawn at random: all control points are used, however many there are. In all else the rules are those of the
reference (CosmiQ/apls, 2020), so that numbers may be quoted beside others'; `apls_graph` tells how networks are built.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra

from afss_ros.geo.road_graph import RoadGraph, lengths_matrix, without_scraps
from afss_ros.geo.scores.apls_graph import reference_graph

SPACING = 50.0
"""Metres between control points on an edge, at most."""
MAX_SNAP = 4.0
"""Metres to the other network from which a control point is missing there."""
MIN_PATH = 0.001
"""Metres of the shortest path that is compared."""
_EQUALLY_NEAR = 1e-6
_ROUNDING = 1e-9
"""Relative difference of two lengths that is that of their sums' order."""
_SOURCES = 256
"""Control points whose paths are held at once."""


@dataclass(frozen=True)
class Apls:
    """What `apls` found: the score, both directions and the metres of road on both sides."""

    score: float
    truth_to_proposal: float
    proposal_to_truth: float
    truth_length: float
    proposal_length: float


@dataclass(frozen=True)
class _Stop:
    """A place on a network: an edge and how far along it; and where that is."""

    edge: int
    along: float
    x: float
    y: float


def apls(
    truth: Iterable[Any],
    proposal: Iterable[Any],
    *,
    spacing: float = SPACING,
    max_snap: float = MAX_SNAP,
    min_path: float = MIN_PATH,
    shortest: tuple[float, float] = (5.0, 5.0),
    of_tables: tuple[bool, bool] = (False, False),
) -> Apls:
    """Compare two networks of lines in metres in the plane (UTM, or pixels times their size).

    Args:
        truth, proposal: LineStrings and MultiLineStrings.
        spacing: metres between control points, at most.
        max_snap: metres to the other network within which a control point is found there.
        min_path: metres of the shortest path compared.
        shortest: components shorter than this are left out, of the truth and of the proposal.
        of_tables: whether truth and proposal are rows of a table, in which a segment that occurs twice counts once.

    Returns:
        The harmonic mean of both directions; 0 where a side has no paths.
    """
    graphs = [
        without_scraps(reference_graph(lines, of_table=table), least)
        for lines, least, table in zip((truth, proposal), shortest, of_tables, strict=True)
    ]
    there = _one_way(graphs[0], graphs[1], spacing, max_snap, min_path)
    back = _one_way(graphs[1], graphs[0], spacing, max_snap, min_path)
    score = 2 * there * back / (there + back) if there > 0 and back > 0 else 0.0
    return Apls(score, there, back, graphs[0].length, graphs[1].length)


def _one_way(graph: RoadGraph, other: RoadGraph, spacing: float, max_snap: float, min_path: float) -> float:
    if not graph.ways or not other.ways:
        return 0.0
    stops = _control_points(graph, spacing)
    found = _last_of_each_place(_snapped(graph, stops, other, max_snap), other)
    here, there = _Paths(graph, stops), _Paths(other, found)
    total = count = 0.0
    for first in range(0, len(stops), _SOURCES):
        sources = range(first, min(first + _SOURCES, len(stops)))
        ways, others = here.between(sources), there.between(sources)
        compared = np.isfinite(ways) & (ways >= min_path)
        compared[np.arange(len(sources)), np.arange(first, first + len(sources))] = False
        with np.errstate(invalid="ignore", divide="ignore"):
            differences = np.abs(ways - others) / ways
        differences = np.where(np.isfinite(differences), np.minimum(differences, 1.0), 1.0)
        differences[differences < _ROUNDING] = 0.0
        total += float(differences[compared].sum())
        count += int(compared.sum())
    return 1 - total / count if count else 0.0


def _control_points(graph: RoadGraph, spacing: float) -> list[_Stop]:
    """All nodes, then evenly spaced points on each edge that is longer than three quarters of the spacing."""
    at: dict[int, tuple[int, float]] = {}
    for edge, (a, b) in enumerate(graph.ends.tolist()):
        at.setdefault(a, (edge, 0.0))
        at.setdefault(b, (edge, graph.ways[edge].length))
    stops = [_Stop(*at[node], *graph.nodes[node].tolist()) for node in range(len(graph.nodes))]
    for edge, way in enumerate(graph.ways):
        length = way.length
        if length < 0.75 * spacing:
            continue
        pieces = 2 if length <= spacing else math.ceil(length / spacing)
        for along in np.linspace(0, length, pieces + 1)[1:-1].tolist():
            point = way.interpolate(along)
            stops.append(_Stop(edge, along, point.x, point.y))
    return stops


def _snapped(graph: RoadGraph, stops: list[_Stop], other: RoadGraph, max_snap: float) -> list[_Stop | None]:
    """The nearest place of another network for each control point; None where none is near enough.

    Of places equally near, the point's own edge goes first, then a node, then the first edge: so that a network is
    itself also where its lines touch or lie on each other without a common vertex.
    """
    ways = np.asarray(other.ways, object)
    tree = shapely.STRtree(ways)
    points = shapely.points([(stop.x, stop.y) for stop in stops])
    near: dict[int, list[int]] = defaultdict(list)
    for point, edge in zip(*tree.query(points, predicate="dwithin", distance=max_snap).tolist(), strict=True):
        near[point].append(edge)
    found: list[_Stop | None] = []
    for index, stop in enumerate(stops):
        edges = sorted(near[index])
        if not edges:
            found.append(None)
            continue
        distances = shapely.distance(points[index], ways[edges])
        nearest = float(distances.min())
        best: tuple[tuple[bool, bool, int], _Stop] | None = None
        for edge, distance in zip(edges, distances.tolist(), strict=True):
            if distance > nearest + _EQUALLY_NEAR:
                continue
            way = other.ways[edge]
            along = float(way.project(points[index]))
            place = way.interpolate(along)
            own = bool(way.equals(graph.ways[stop.edge]))
            end = min(along, way.length - along) <= _EQUALLY_NEAR
            key = (not own, not end, edge)
            if own and not end:  # a way that touches itself has one place twice
                along = stop.along if _same_direction(way, graph.ways[stop.edge]) else way.length - stop.along
            if best is None or key < best[0]:
                best = key, _Stop(edge, along, place.x, place.y)
        assert best is not None
        found.append(best[1])
    return found


def _last_of_each_place(found: list[_Stop | None], other: RoadGraph) -> list[_Stop | None]:
    """A place serves one control point, the last; those before it are lost, as where two ends snap to one."""
    owner: dict[tuple[int, float], int] = {}
    kept = list(found)
    for index, stop in enumerate(found):
        if stop is None:
            continue
        a, b = other.ends[stop.edge].tolist()
        if stop.along <= _EQUALLY_NEAR:
            place = (-1 - a, 0.0)
        elif stop.along >= other.ways[stop.edge].length - _EQUALLY_NEAR:
            place = (-1 - b, 0.0)
        else:
            place = (stop.edge, round(stop.along, 6))
        if place in owner:
            kept[owner[place]] = None
        owner[place] = index
    return kept


def _same_direction(way: Any, other: Any) -> bool:
    return bool(way.coords[0] == other.coords[0] and way.coords[1] == other.coords[1])


class _Paths:
    """Shortest paths between places on a network."""

    def __init__(self, graph: RoadGraph, stops: list[_Stop | None] | list[_Stop]) -> None:
        self._nodes = np.full(len(stops), -1, np.intp)
        on_edge: dict[int, list[tuple[float, int]]] = defaultdict(list)
        for index, stop in enumerate(stops):
            if stop is not None:
                on_edge[stop.edge].append((stop.along, index))
        count = len(graph.nodes)
        ends: list[tuple[int, int]] = []
        lengths: list[float] = []
        for edge, (a, b) in enumerate(graph.ends.tolist()):
            length = graph.ways[edge].length
            last, at = a, 0.0
            for along, index in sorted(on_edge[edge]):
                if along <= _EQUALLY_NEAR:
                    self._nodes[index] = a
                elif along >= length - _EQUALLY_NEAR:
                    self._nodes[index] = b
                else:
                    self._nodes[index] = count
                    ends.append((last, count))
                    lengths.append(along - at)
                    last, at = count, along
                    count += 1
            ends.append((last, b))
            lengths.append(length - at)
        self._matrix = lengths_matrix(count, np.asarray(ends, np.intp).reshape(-1, 2), np.asarray(lengths))

    def between(self, sources: Iterable[int]) -> NDArray[np.float64]:
        """Lengths from some places to all, float64 (S, N); infinite where there is no way or no place."""
        starts = self._nodes[list(sources)]
        result = np.full((len(starts), len(self._nodes)), np.inf)
        here, there = starts >= 0, self._nodes >= 0
        if here.any() and there.any():
            nodes, inverse = np.unique(starts[here], return_inverse=True)
            ways = dijkstra(self._matrix, directed=False, indices=nodes)
            result[np.ix_(here, there)] = ways[inverse][:, self._nodes[there]]
        return result
