"""Run length masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from afss_ros.datasets import DatasetError, rle


@settings(max_examples=50, deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_any_mask_survives(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(rle.decode(rle.encode(mask)), mask)


def test_uncompressed_counts_are_read_too() -> None:
    # Column-major: one zero, two ones, one zero.
    mask = rle.decode({"size": [2, 2], "counts": [1, 2, 1]})
    assert mask.tolist() == [[False, True], [True, False]]


def test_a_polygon_becomes_the_pixels_it_covers() -> None:
    mask = rle.decode(rle.from_polygons([[1, 1, 3, 1, 3, 3, 1, 3]], 4, 4))
    assert mask.astype(int).tolist() == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]


def test_what_is_no_run_length_is_named() -> None:
    with pytest.raises(DatasetError, match="not a COCO run length mask"):
        rle.decode({"size": [2, 2]})


def test_the_box_of_a_mask_has_its_corners_at_pixel_edges() -> None:
    mask = np.zeros((4, 5), bool)
    mask[1:3, 2:5] = True
    assert rle.box_of(mask).tolist() == [2.0, 1.0, 5.0, 3.0]
    assert rle.box_of(mask & False).tolist() == [0.0] * 4
