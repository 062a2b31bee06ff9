"""APLS by hand on small networks, and the lines that a road mask becomes."""

from __future__ import annotations

import json
import logging
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import shapely

from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Grid
from afss_ros.geo.road_graph import graph_of, without_scraps
from afss_ros.geo.roads import road_lines
from afss_ros.geo.scores.apls import apls
from afss_ros.geo.scores.apls_graph import reference_graph
from afss_ros.geo.vectors import move, wkt_of

NETWORKS = json.loads((Path(__file__).parents[1] / "data" / "apls_networks.json").read_text())


def line(*points: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString(points)


def street_grid(seed: int = 0, side: int = 5) -> list[shapely.LineString]:
    """Crooked streets that meet in common vertices, a bridge over one, a lane lying on a street, and a ring."""
    rng = np.random.default_rng(seed)
    corner = {(i, j): (90 * i + rng.normal(0, 8), 70 * j + rng.normal(0, 8)) for i in range(side) for j in range(side)}
    rows = [[corner[i, j] for i in range(side)] for j in range(side)]
    columns = [[corner[i, j] for j in range(side)] for i in range(side)]
    lines = [line(*path) for path in rows + columns]
    angle = np.linspace(0, 2 * np.pi, 30)
    ring = [(600 + 30 * np.cos(a), 30 * np.sin(a)) for a in angle[:-1]]
    return [*lines, line((45, -40), (45, 300)), line((20, 0.0), (70, 1)), line(*ring, ring[0])]


@pytest.mark.parametrize("network", NETWORKS["networks"], ids=lambda network: network["name"])
def test_the_reference_s_scores(network: dict[str, Any]) -> None:
    """Drawn networks with what CosmiQ/apls says of them: as vectors, and as a table of proposals."""
    image = NETWORKS["image"]
    grid = Grid(wkt_of("EPSG:4326"), tuple(image["affine"]), image["height"], image["width"])
    sides = [
        move([shapely.transform(line(*way), grid.to_map) for way in network[side]], grid.crs, "EPSG:32611")
        for side in ("truth", "proposal")
    ]
    vectors = apls(*sides)
    assert (vectors.score, vectors.truth_to_proposal, vectors.proposal_to_truth) == pytest.approx(
        network["of_vectors"], abs=5e-4
    )
    table = apls(*sides, shortest=(5.0, 2.7), of_tables=(False, True))
    assert (table.score, table.truth_to_proposal, table.proposal_to_truth) == pytest.approx(
        network["of_table"], abs=5e-4
    )
    assert apls(sides[0], sides[0]).score == 1.0


def test_what_the_reference_loses(caplog: pytest.LogCaptureFixture) -> None:
    cross = [line((0, 0), (10, 0), (20, 0)), line((10, 0), (10, 10)), line((10, 0), (10, -10))]
    again = [*cross, line((20, 0), (10, 0))]
    assert len(reference_graph(cross).ways) == 4
    with caplog.at_level(logging.WARNING):
        assert len(reference_graph(again).ways) == 3 and "drawn more than once" in caplog.text
    assert len(reference_graph(again, of_table=True).ways) == 4
    loop = line((10, 0), (15, 5), (15, -5), (10, 0))
    assert len(graph_of([*cross, loop]).ways) == 5 and len(reference_graph([*cross, loop]).ways) == 4
    ring = line((50, 0), (60, 0), (60, 10), (50, 0))
    assert len(reference_graph([ring]).nodes) == 3


def test_a_place_serves_one_control_point() -> None:
    # Three nodes of the T are nearest to the one end of the proposal: only the last keeps its path, to (30, 0).
    truth = [line((0, -1), (0, 0), (0, 1)), line((0, 0), (30, 0))]
    found = apls(truth, [line((0.5, 0), (30, 0))])
    assert found.truth_to_proposal == pytest.approx((1 - 1.5 / 31) * 2 / 12)


def test_a_network_is_itself_exactly() -> None:
    lines = street_grid()
    found = apls(lines, lines)
    assert (found.score, found.truth_to_proposal, found.proposal_to_truth) == (1.0, 1.0, 1.0)
    backwards = [shapely.LineString(list(way.coords)[::-1]) for way in lines[::-1]]
    assert apls(lines, backwards).score == pytest.approx(1.0, abs=1e-9)


def test_no_vertex_no_junction() -> None:
    assert len(graph_of([line((0, 0), (10, 0)), line((5, -5), (5, 5))]).ways) == 2
    met = graph_of([line((0, 0), (5, 0), (10, 0)), line((5, -5), (5, 0), (5, 5))])
    assert (len(met.nodes), len(met.ways)) == (5, 4)


def test_a_gap_by_hand() -> None:
    # 100 m: control points at 0, 50 and 100. The proposal ends at 70: the last is missing, 2 of 3 pairs are lost.
    found = apls([line((0, 0), (100, 0))], [line((0, 0), (70, 0))])
    assert found.truth_to_proposal == pytest.approx(1 / 3)
    # Its own are 0, 35 and 70, and all lie on the truth.
    assert found.proposal_to_truth == 1.0
    assert found.score == pytest.approx(2 * (1 / 3) / (4 / 3))
    assert (found.truth_length, found.proposal_length) == (100.0, 70.0)


def test_a_detour_by_hand() -> None:
    # 30 m apart, too short for points between; the proposal needs 40 m for the same way.
    found = apls([line((0, 0), (30, 0))], [line((0, 0), (15, np.sqrt(175)), (30, 0))])
    assert found.truth_to_proposal == pytest.approx(1 - 10 / 30)


def test_what_is_four_metres_off_is_not_found() -> None:
    truth = [line((0, 0), (30, 0))]
    assert apls(truth, [line((0, 3.99), (30, 3.99))]).score == pytest.approx(1.0)
    assert apls(truth, [line((0, 4.01), (30, 4.01))]).score == 0.0


def test_nothing_on_a_side_is_nothing() -> None:
    assert apls([], []).score == apls([line((0, 0), (30, 0))], []).score == apls([], street_grid()).score == 0.0


def test_scraps_are_left_out() -> None:
    kept = without_scraps(graph_of([line((0, 0), (4, 0)), line((0, 9), (6, 9))]), 5.0)
    assert (kept.length, len(kept.nodes)) == (6.0, 2)


def drawn(lines: list[shapely.LineString], shape: tuple[int, int], width: int = 9) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    for way in lines:
        for a, b in pairwise(way.coords):
            cv2.line(mask, tuple(map(round, a)), tuple(map(round, b)), 1, width)
    return mask


def test_a_mask_becomes_its_lines_again() -> None:
    roads = street_grid(side=5)[:10]
    moved = [shapely.affinity.translate(way, 60.0, 60.0) for way in roads]
    found = road_lines(drawn(moved, (420, 500)))
    metres = [[shapely.affinity.scale(way, 0.3, 0.3, origin=(0, 0)) for way in lines] for lines in (moved, found)]
    assert apls(*metres).score > 0.95


def test_a_road_reaches_the_border_and_meets_its_crossing() -> None:
    mask = np.zeros((200, 300), np.uint8)
    mask[95:105] = mask[:, 145:155] = 255
    lines = road_lines(mask)
    graph = graph_of(lines)
    assert len(lines) == 4 and len(graph.nodes) == 5
    assert shapely.total_bounds(np.array(lines, object)).tolist() == pytest.approx([0, 0, 300, 200])
    assert shapely.hausdorff_distance(shapely.MultiLineString(lines), shapely.MultiLineString(
        [[(0, 100), (300, 100)], [(150, 0), (150, 200)]])) < 1.5  # fmt: skip


def test_gaps_are_bridged_and_specks_left_out() -> None:
    mask = np.zeros((100, 400), np.uint8)
    mask[45:55, :190] = mask[45:55, 200:] = 1
    mask[5:15, 5:15] = 1
    assert len(road_lines(mask)) == 1
    mask[45:55, 170:240] = 0
    assert len(road_lines(mask)) == 2


def test_a_roundabout_is_a_ring_and_nothing_is_nothing() -> None:
    y, x = np.mgrid[:200, :200]
    (ring,) = road_lines(np.abs(np.hypot(x - 100, y - 100) - 70) < 5)
    assert ring.is_ring and ring.length == pytest.approx(2 * np.pi * 70, rel=0.02)
    assert road_lines(np.zeros((40, 40))) == []
    with pytest.raises(GeoError, match="one band"):
        road_lines(np.zeros((3, 40, 40)))
