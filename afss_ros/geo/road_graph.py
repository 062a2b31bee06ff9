"""Roads as a graph: nodes where lines end or share a vertex, edges with the way between them.

Lines that cross without a common vertex do not meet: a bridge is no junction.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra

Point = tuple[float, float]


@dataclass(frozen=True)
class RoadGraph:
    """An undirected graph; two nodes may have several edges, and an edge may return to its node.

    Attributes:
        nodes: float64 (N, 2), x, y.
        ends: intp (E, 2), the nodes of each edge.
        ways: the line of each edge, from its first end to its second.
    """

    nodes: NDArray[np.float64]
    ends: NDArray[np.intp]
    ways: list[Any]

    @property
    def length(self) -> float:
        """Of all edges together."""
        return float(shapely.length(np.asarray(self.ways, object)).sum()) if self.ways else 0.0


@dataclass(frozen=True)
class Segments:
    """Lines taken apart at their vertices, which are one where their coordinates are equal, to the last bit.

    Attributes:
        points: float64 (N, 2), x, y, in the order in which the lines come to them.
        neighbours: of each point, those that a segment leads to.
        doubled: pairs of points, the lower first, between which a segment was drawn more than once, and how often.
        repeated: points that a line has twice in succession.
    """

    points: NDArray[np.float64]
    neighbours: dict[int, set[int]]
    doubled: dict[tuple[int, int], int]
    repeated: set[int]


def segments_of(lines: Iterable[Any]) -> Segments:
    """The segments of LineStrings and MultiLineStrings; other shapes are passed over."""
    index: dict[Point, int] = {}
    neighbours: dict[int, set[int]] = defaultdict(set)
    drawn: Counter[tuple[int, int]] = Counter()
    repeated: set[int] = set()
    for line in lines:
        for part in getattr(line, "geoms", None) or [line]:
            if part.geom_type not in ("LineString", "LinearRing"):
                continue
            path = [index.setdefault((x, y), len(index)) for x, y in shapely.get_coordinates(part).tolist()]
            for a, b in itertools.pairwise(path):
                if a == b:
                    repeated.add(a)
                    continue
                neighbours[a].add(b)
                neighbours[b].add(a)
                drawn[min(a, b), max(a, b)] += 1
    points = np.asarray(list(index), np.float64).reshape(-1, 2)
    return Segments(points, neighbours, {pair: count for pair, count in drawn.items() if count > 1}, repeated)


def graph_of(lines: Iterable[Any]) -> RoadGraph:
    """The graph of lines in the plane. Vertices meet where their coordinates are equal, to the last bit.

    Args:
        lines: LineStrings and MultiLineStrings; others are passed over. A segment that occurs twice counts once.
    """
    return contracted(segments_of(lines))


def contracted(segments: Segments, fixed: Set[int] = frozenset()) -> RoadGraph:
    """The graph in which points of two neighbours have become vertices of edges, but for `fixed` ones."""
    points, neighbours = segments.points, segments.neighbours
    nodes = [node for node in sorted(neighbours) if len(neighbours[node]) != 2 or node in fixed]
    ends_here = set(nodes)
    walked: set[tuple[int, int]] = set()
    paths: list[list[int]] = []

    def walk(start: int, step: int) -> None:
        path = [start, step]
        walked.add((start, step))
        while path[-1] not in ends_here and path[-1] != start:
            a, b = neighbours[path[-1]]
            path.append(b if a == path[-2] else a)
            walked.add((path[-2], path[-1]))
        walked.add((path[-1], path[-2]))
        paths.append(path)

    for node in nodes:
        for step in sorted(neighbours[node]):
            if (node, step) not in walked:
                walk(node, step)
    on_paths = {node for path in paths for node in path}
    for node in sorted(neighbours):  # rings without a junction begin anywhere
        if node not in on_paths and len(neighbours[node]) == 2:
            walk(node, min(neighbours[node]))
            on_paths.update(paths[-1])
            nodes.append(node)
    number = {node: i for i, node in enumerate(nodes)}
    ends = np.asarray([(number[path[0]], number[path[-1]]) for path in paths], np.intp).reshape(-1, 2)
    return RoadGraph(points[nodes].reshape(-1, 2), ends, [shapely.LineString(points[path]) for path in paths])


def subgraph(graph: RoadGraph, edges: Sequence[int] | NDArray[np.intp]) -> RoadGraph:
    """The graph of some edges, without the nodes that none of them has."""
    ends = graph.ends[np.asarray(edges, np.intp)].reshape(-1, 2)
    kept, inverse = np.unique(ends, return_inverse=True)
    return RoadGraph(graph.nodes[kept], inverse.reshape(-1, 2).astype(np.intp), [graph.ways[int(i)] for i in edges])


def without_scraps(graph: RoadGraph, shortest: float) -> RoadGraph:
    """The graph without the components in which no two nodes are `shortest` apart along the roads."""
    if not graph.ways:
        return graph
    matrix = lengths_matrix(len(graph.nodes), graph.ends, shapely.length(np.asarray(graph.ways, object)))
    count, label = connected_components(matrix, directed=False)
    keep = np.zeros(count, bool)
    for component in range(count):
        members = np.flatnonzero(label == component)
        if len(members) > 1:
            # The way over all edges settles most: only what is near the limit has to be looked at pair by pair.
            inside = matrix[members][:, members]
            keep[component] = bool(dijkstra(inside, directed=False).max() >= shortest)
        else:  # a ring
            of_ring = [
                way.length for way, end in zip(graph.ways, graph.ends, strict=True) if label[end[0]] == component
            ]
            keep[component] = max(of_ring, default=0.0) >= shortest
    return subgraph(graph, np.flatnonzero(keep[label[graph.ends[:, 0]]]))


def lengths_matrix(count: int, ends: NDArray[np.intp], lengths: NDArray[np.float64]) -> csr_matrix:
    """Lengths between nodes, sparse (N, N), upper half; the shortest of several. Zero is a length, too."""
    shortest: dict[tuple[int, int], float] = {}
    for (a, b), length in zip(ends.tolist(), lengths.tolist(), strict=True):
        key = (min(a, b), max(a, b))
        if a != b:
            shortest[key] = min(length, shortest.get(key, np.inf))
    pairs = np.asarray(list(shortest), np.intp).reshape(-1, 2)
    return csr_matrix((np.asarray(list(shortest.values())), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
