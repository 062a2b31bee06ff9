"""A craft that crosses tiles comes out once; two craft stay two."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from afss_ros.student.seams import Found, merge, without_pieces_of

LEFT, RIGHT, BELOW = (0, 0, 60, 60), (40, 0, 100, 60), (0, 40, 60, 100)
WINDOWS = np.array([LEFT, RIGHT, BELOW], np.float32)


def found(*rows: tuple[float, float, float, float, float, int]) -> Found:
    """Rows of x_min, y_min, x_max, y_max, score, class."""
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Found(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


def merged(*rows: tuple[float, float, float, float, float, int], tiles: list[int]) -> list[tuple[list[float], Any]]:
    result = merge(found(*rows), np.array(tiles), WINDOWS)
    return [(b.tolist(), pytest.approx(float(s))) for b, s in zip(result.boxes, result.scores, strict=True)]


def test_both_halves_of_a_cut_craft_become_one_box_with_the_better_score() -> None:
    assert merged((20, 10, 60, 30, 0.7, 4), (40, 10, 90, 30, 0.9, 4), tiles=[0, 1]) == [([20, 10, 90, 30], 0.9)]


def test_a_craft_that_two_tiles_see_whole_is_one() -> None:
    assert len(merged((42, 10, 58, 30, 0.8, 4), (43, 11, 58, 30, 0.7, 4), tiles=[0, 1])) == 1


def test_a_craft_in_the_corner_of_three_tiles_is_one() -> None:
    rows = (30, 30, 60, 60, 0.6, 4), (40, 30, 80, 60, 0.7, 4), (30, 40, 60, 90, 0.8, 4)
    assert merged(*rows, tiles=[0, 1, 2]) == [([30, 30, 80, 90], 0.8)]


def test_a_sliver_at_the_seam_is_a_piece_of_the_craft_next_door() -> None:
    """The left tile sees 4 columns of the craft, and thinks them wider than they are."""
    assert merged((53, 10, 60, 30, 0.5, 4), (54, 5, 95, 40, 0.9, 4), tiles=[0, 1]) == [([53, 5, 95, 40], 0.9)]


@pytest.mark.parametrize(
    ("rows", "tiles"),
    [
        (((5, 5, 20, 20, 0.9, 4), (70, 5, 90, 20, 0.9, 4)), [0, 1]),  # far apart
        (((42, 5, 58, 15, 0.9, 4), (42, 40, 58, 58, 0.9, 4)), [0, 1]),  # both in the shared region, one below the other
        (((42, 5, 58, 15, 0.9, 4), (42, 5, 58, 15, 0.9, 2)), [0, 1]),  # another class
        (((20, 5, 50, 15, 0.9, 4), (22, 5, 50, 15, 0.9, 4)), [0, 0]),  # one tile says two: that is the network's word
    ],
)
def test_what_is_not_one_craft_stays_apart(
    rows: tuple[tuple[float, float, float, float, float, int], ...], tiles: list[int]
) -> None:
    assert len(merged(*rows, tiles=tiles)) == 2


def test_nothing_found_is_nothing_merged() -> None:
    assert merged(tiles=[]) == []


def test_pieces_of_a_large_craft_are_dropped_and_its_neighbours_kept() -> None:
    large = found((0, 0, 90, 50, 0.9, 4))
    kept = without_pieces_of(found((0, 0, 60, 50, 0.9, 4), (10, 10, 20, 20, 0.9, 2), (70, 45, 99, 99, 0.9, 4)), large)
    assert kept.boxes.tolist() == [[10, 10, 20, 20], [70, 45, 99, 99]]
