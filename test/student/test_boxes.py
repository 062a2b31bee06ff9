"""Craft in a foreground mask, on masks drawn in the test."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scipy import ndimage

from afss_ros.student import boxes


def mask(*rows: str) -> NDArray[np.uint8]:
    return np.array([[c == "#" for c in row] for row in rows], np.uint8)


def boxes_of(foreground: NDArray[np.uint8], min_area: int = 1, merge_gap: int = 0) -> list[tuple[int, int, int, int]]:
    return [c.box_xyxy for c in boxes.find(foreground, min_area=min_area, merge_gap=merge_gap)]


def test_nothing_is_found_in_an_empty_mask() -> None:
    assert boxes.find(np.zeros((4, 4), np.uint8), min_area=1, merge_gap=3) == []


def test_a_box_reaches_the_far_corner_of_its_last_pixel() -> None:
    assert boxes_of(mask("....", ".##.", ".##.", "....")) == [(1, 1, 3, 3)]


def test_a_full_mask_is_a_full_box() -> None:
    assert boxes_of(np.ones((4, 6), np.uint8)) == [(0, 0, 6, 4)]


def test_pixels_that_touch_at_a_corner_are_one_craft() -> None:
    assert boxes_of(mask("#...", ".#..", "....")) == [(0, 0, 2, 2)]


def test_the_larger_craft_comes_first() -> None:
    assert boxes_of(mask("#..##", "...##")) == [(3, 0, 5, 2), (0, 0, 1, 1)]


@pytest.mark.parametrize(("gap", "count"), [(0, 2), (1, 2), (2, 1), (3, 1)])
def test_pieces_merge_when_at_most_the_gap_lies_between_them(gap: int, count: int) -> None:
    assert len(boxes_of(mask("##..##"), merge_gap=gap)) == count


def test_a_body_between_two_panels_on_unseen_yokes_is_one_craft() -> None:
    assert boxes_of(mask("......", "#.##.#", "#.##.#", "......"), merge_gap=1) == [(0, 1, 6, 3)]


def test_merging_goes_on_through_a_chain() -> None:
    assert boxes_of(mask("#.#.#.#"), merge_gap=1) == [(0, 0, 7, 1)]


def test_a_craft_inside_the_bounding_box_of_another_stays_its_own() -> None:
    around = mask("######", "#.....", "#....#", "#.....", "######")  # the gap from (5, 2) to the frame is 1
    assert len(boxes_of(around, merge_gap=1)) == 1
    apart = mask("#######", "#......", "#......", "#...##.", "#...##.", "#......", "#......", "#######")
    assert boxes_of(apart, merge_gap=1) == [(0, 0, 7, 8), (4, 3, 6, 5)]


def test_specks_neither_count_nor_bridge() -> None:
    assert boxes_of(mask("##.#.##"), min_area=2, merge_gap=1) == [(0, 0, 2, 1), (5, 0, 7, 1)]


def test_the_score_is_the_mean_confidence_over_all_pieces() -> None:
    confidence = np.array([[255, 255, 0, 51]], np.uint8)
    (craft,) = boxes.find(mask("##.#"), min_area=1, merge_gap=1, confidence=confidence)
    assert craft.area == 3
    assert craft.confidence == pytest.approx((1 + 1 + 0.2) / 3)


def test_without_a_confidence_map_the_score_is_one() -> None:
    assert boxes.find(mask("#"), min_area=1, merge_gap=0)[0].confidence == 1.0


def test_a_mask_of_noise_takes_bounded_time() -> None:
    checkerboard = np.zeros((512, 512), np.uint8)
    checkerboard[::2, ::2] = 1
    assert len(boxes.find(checkerboard, min_area=1, merge_gap=0)) == 64


masks = arrays.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 1))


@settings(deadline=None)
@given(masks, st.integers(0, 4))
def test_boxes_cover_every_pixel(foreground: NDArray[np.uint8], gap: int) -> None:
    found = boxes.find(foreground, min_area=1, merge_gap=gap)
    covered = np.zeros_like(foreground)
    for craft in found:
        x0, y0, x1, y1 = craft.box_xyxy
        covered[y0:y1, x0:x1] = 1
    assert (covered >= foreground).all()


@settings(deadline=None)
@given(masks)
def test_the_area_is_the_pixels_inside_the_outline(foreground: NDArray[np.uint8]) -> None:
    pieces, count = ndimage.label(foreground, structure=np.ones((3, 3)))
    filled = [int(ndimage.binary_fill_holes(pieces == i).sum()) for i in range(1, count + 1)]
    assert sorted(c.area for c in boxes.find(foreground, min_area=1, merge_gap=0)) == sorted(filled)


@settings(deadline=None)
@given(masks, st.integers(0, 4))
def test_no_two_craft_are_closer_than_the_gap(foreground: NDArray[np.uint8], gap: int) -> None:
    """Checked pixel by pixel: single linkage by Chebyshev distance gap + 1 gives the same number of craft."""
    points = np.argwhere(foreground).astype(int)
    group = np.arange(len(points))
    for i in range(len(points)):
        near = np.abs(points - points[i]).max(axis=1) <= gap + 1
        group[np.isin(group, group[near])] = group[i]
    assert len(boxes.find(foreground, min_area=1, merge_gap=gap)) == len(set(group.tolist()))
