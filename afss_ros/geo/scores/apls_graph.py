"""The networks that APLS compares, built as its reference (CosmiQ/apls, 2020) builds them, oddities included.

The score is quoted by everybody as that program gives it, so a network of ours has to have the same nodes and edges:

- A segment that a vector file holds twice is lost, both copies, because the reference drops redundant edges once for
  each copy that it finds. A table's second copy is passed over instead.
- A loop that leaves a junction and comes back to it is lost for the same reason: it is there once in each direction.
- A ring without a junction keeps all its vertices as nodes. So does a line the vertices that it repeats in succession.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from afss_ros.geo.road_graph import RoadGraph, Segments, contracted, segments_of

_log = logging.getLogger(__name__)


def reference_graph(lines: Iterable[Any], *, of_table: bool = False) -> RoadGraph:
    """The graph of lines in the plane.

    Args:
        lines: LineStrings and MultiLineStrings.
        of_table: whether they come from a table, in which a segment that occurs twice counts once.
    """
    segments = segments_of(lines)
    fixed = segments.repeated | _rings(segments)
    doubled = {} if of_table else segments.doubled
    for pair in doubled:
        fixed |= set(pair)
    if doubled:
        _log.warning(
            "%d segments of the roads are drawn more than once; the reference of APLS loses them, so this score does",
            len(doubled),
        )
    graph = contracted(segments, fixed)
    places = {tuple(point): index for index, point in enumerate(segments.points.tolist())}
    at = [places[tuple(point)] for point in graph.nodes.tolist()]
    parallel: dict[tuple[int, int], list[int]] = defaultdict(list)
    for edge, (a, b) in enumerate(graph.ends.tolist()):
        parallel[min(at[a], at[b]), max(at[a], at[b])].append(edge)
    kept: list[int] = []
    for pair, edges in parallel.items():
        if pair[0] == pair[1]:
            continue
        if (copies := doubled.get(pair, 1)) > 1:
            # Two edges go for each further copy, the last first; ways of several segments come behind the copies.
            straight = [e for e in edges if len(graph.ways[e].coords) == 2] * copies
            rest = [e for e in edges if len(graph.ways[e].coords) > 2]
            edges = (straight + rest)[: max(0, copies + len(rest) - 2 * (copies - 1))]
        kept += edges
    edges = sorted(set(kept))
    return RoadGraph(graph.nodes, graph.ends[edges].reshape(-1, 2), [graph.ways[edge] for edge in edges])


def _rings(segments: Segments) -> set[int]:
    """The points of rings that nothing else touches."""
    found: set[int] = set()
    seen: set[int] = set()
    for start in segments.neighbours:
        if start in seen:
            continue
        component, ahead = {start}, [start]
        while ahead:
            for step in segments.neighbours[ahead.pop()] - component:
                component.add(step)
                ahead.append(step)
        seen |= component
        if all(len(segments.neighbours[point]) == 2 for point in component):
            found |= component
    return found
