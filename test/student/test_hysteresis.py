"""How far a craft reaches, on maps drawn in the test."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scipy import ndimage

from afss_ros.student import hysteresis


def mask(*rows: str) -> NDArray[np.uint8]:
    return np.array([[c == "#" for c in row] for row in rows], np.uint8)


def test_a_craft_reaches_as_far_as_craft_is_likely() -> None:
    grown = hysteresis.grow(mask("#....."), mask(".##.#."), min_area=1).pixels
    np.testing.assert_array_equal(grown, mask("###..."))


def test_likely_pixels_alone_are_no_craft() -> None:
    assert not hysteresis.grow(mask("...."), mask(".##."), min_area=1).pixels.any()


def test_likely_pixels_do_not_make_a_small_piece_large_enough() -> None:
    sure, likely = mask("#...##"), mask(".##...")
    np.testing.assert_array_equal(hysteresis.grow(sure, likely, min_area=2).pixels, mask("....##"))


def test_likely_pixels_join_two_pieces() -> None:
    assert hysteresis.grow(mask("#..#"), mask(".##."), min_area=2).pixels.all()


def test_only_background_is_likely_craft_and_from_the_threshold_on() -> None:
    label_map = np.array([[0, 0, 0, 1, 255]], np.uint8)
    confidence = np.array([[255, 205, 204, 100, 0]], np.uint8)
    likely = hysteresis.likely_craft(label_map, confidence, 0.2)  # 204 / 255 is background with 0.8
    assert likely.tolist() == [[0, 0, 1, 0, 0]]


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_the_ends_of_the_threshold_are_all_and_what_is_surely_craft(threshold: float) -> None:
    confidence = np.array([[255, 128, 0]], np.uint8)
    likely = hysteresis.likely_craft(np.zeros((1, 3), np.uint8), confidence, threshold)
    assert likely.tolist() == ([[1, 1, 1]] if threshold == 0 else [[0, 0, 1]])


masks = arrays.arrays(np.uint8, (8, 9), elements=st.integers(0, 1))


@settings(deadline=None)
@given(masks, masks, st.integers(1, 6))
def test_it_keeps_exactly_the_regions_with_enough_sure_pixels(
    sure: NDArray[np.uint8], likely: NDArray[np.uint8], min_area: int
) -> None:
    region, count = ndimage.label(sure | likely, structure=np.ones((3, 3)))
    expected, kept = np.zeros_like(sure), 0
    for i in range(1, count + 1):
        expected[region == i] = sure[region == i].sum() >= min_area
        kept += bool(sure[region == i].sum() >= min_area)
    grown = hysteresis.grow(sure, likely, min_area)
    np.testing.assert_array_equal(grown.pixels, expected)
    assert grown.count == kept
    assert grown.holds_all == bool((sure <= expected).all())
