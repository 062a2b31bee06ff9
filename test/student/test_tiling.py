"""Tiles cover every frame, weigh every pixel, and put together what one look would have said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from afss_ros.student.tiling import LabelView, axis, blend, plan, weights

sides = st.integers(1, 300)


def view(rows: slice, cols: slice, label: int, probability: float, weight: float = 1.0) -> LabelView:
    """A look that says the same at every pixel."""
    shape = rows.stop - rows.start, cols.stop - cols.start
    confidence = np.full(shape, round(probability * 255), np.uint8)
    return LabelView(rows, cols, np.full(shape, label, np.uint8), confidence, np.full(shape, weight, np.float32))


@pytest.mark.parametrize(
    ("length", "tile", "overlap", "unit", "starts"),
    [
        (10, 4, 0.25, 1, (0, 3, 6)),
        (4, 4, 0.25, 1, (0,)),
        (3, 4, 0.25, 1, (0,)),
        (5, 4, 0.25, 1, (0, 1)),
        (200, 100, 0.25, 1, (0, 50, 100)),
        (9, 4, 0.5, 2, (0, 2, 4, 6)),  # label pixels are 2 wide: the canvas becomes 10
    ],
)
def test_tiles_are_spread_evenly(length: int, tile: int, overlap: float, unit: int, starts: tuple[int, ...]) -> None:
    assert axis(length, tile, overlap, unit).starts == starts


@given(length=sides, tile=st.integers(2, 300), overlap=st.floats(0.05, 0.5), data=st.data())
def test_any_length_is_covered_with_at_least_the_overlap_asked_for(
    length: int, tile: int, overlap: float, data: st.DataObject
) -> None:
    unit = data.draw(st.sampled_from([u for u in (1, 2, 4, 8) if tile % u == 0 and u <= tile * (1 - overlap)]))
    along = axis(length, tile, overlap, unit)
    assert along.starts[0] == 0
    assert along.starts[-1] + tile == along.length >= length
    assert along.length < max(length, tile) + unit
    assert all(b - a <= tile * (1 - overlap) for a, b in zip(along.starts, along.starts[1:], strict=False))
    assert all(start % unit == 0 for start in along.starts)


@given(length=sides, tile=sides, overlap=st.floats(0.05, 0.5))
def test_every_pixel_is_weighed_and_the_weights_add_up_to_one(length: int, tile: int, overlap: float) -> None:
    along = axis(length, tile, overlap)
    total = np.zeros(along.length)
    for start, weight in zip(along.starts, weights(along), strict=True):
        assert (weight > 0).all()
        total[start : start + tile] += weight
    np.testing.assert_allclose(total, 1, atol=1e-5)


def test_neighbours_fade_into_each_other() -> None:
    first, second = weights(axis(6, 4, 0.5))
    assert first.tolist() == [1, 1, 0.75, 0.25]
    assert second.tolist() == [0.25, 0.75, 1, 1]


@settings(max_examples=50)
@given(source=st.tuples(sides, sides), network=st.sampled_from([(32, 32), (64, 48)]), most=st.integers(1, 9))
def test_the_budget_of_tiles_is_kept_and_the_frame_still_covered(
    source: tuple[int, int], network: tuple[int, int], most: int
) -> None:
    planned = plan(source, network, (network[0] // 2, network[1] // 2), max_tiles=most)
    fits = source[0] <= network[0] and source[1] <= network[1]
    if planned is None:
        assert fits or most < 4
        return
    assert not fits
    assert 2 <= len(planned.windows) <= most
    seen = np.zeros(planned.box.network, bool)
    for window in planned.windows:
        assert seen[window].shape == network
        seen[window] = True
    assert seen.all()
    assert all(content <= canvas for content, canvas in zip(planned.box.content, planned.box.network, strict=True))


def test_a_frame_that_fits_is_not_cut() -> None:
    assert plan((512, 512), (512, 512), (256, 256)) is None
    assert plan((100, 512), (512, 512), None) is None
    assert plan((100, 513), (512, 512), None) is not None


def test_a_frame_is_scaled_down_as_little_as_the_budget_asks() -> None:
    free, bounded = plan((2048, 2048), (512, 512), max_tiles=25), plan((2048, 2048), (512, 512), max_tiles=16)
    assert free is not None and bounded is not None
    assert free.box.content == (2048, 2048) and len(free.windows) == 25
    assert len(bounded.windows) == 16
    assert 1600 < bounded.box.content[0] <= 1664  # four tiles with a stride of 384 reach 1664


def test_the_surer_view_wins_and_its_share_is_the_confidence() -> None:
    everywhere = slice(0, 1), slice(0, 1)
    labels, confidence = blend([view(*everywhere, 2, 0.8), view(*everywhere, 1, 0.6)], (1, 1))
    assert labels[0, 0] == 2
    assert confidence[0, 0] == round(255 * 0.8 / 2)
    labels, _ = blend([view(*everywhere, 2, 0.8, 0.25), view(*everywhere, 1, 0.6, 0.75)], (1, 1))
    assert labels[0, 0] == 1, "nearer to the tile's middle counts more"


def test_a_pixel_that_one_tile_sees_is_taken_over_exactly() -> None:
    random = np.random.default_rng(0)
    labels: NDArray[np.uint8] = random.choice(np.array([0, 1, 7, 200], np.uint8), (8, 8))
    confidence = random.integers(1, 256, (8, 8)).astype(np.uint8)
    whole = slice(0, 8)
    blended = blend([LabelView(whole, whole, labels, confidence, np.ones((8, 8), np.float32))], (8, 8))
    np.testing.assert_array_equal(blended[0], labels)
    np.testing.assert_array_equal(blended[1], confidence)


def test_views_that_agree_leave_no_seam() -> None:
    """Cut a map into tiles and blend them: the map again, with its confidence up to rounding."""
    random = np.random.default_rng(1)
    along = axis(30, 12, 0.3)
    labels = random.integers(0, 4, (30, 12)).astype(np.uint8)
    confidence = random.integers(1, 256, (30, 12)).astype(np.uint8)
    views = [
        LabelView(slice(y, y + 12), slice(0, 12), labels[y : y + 12], confidence[y : y + 12], weight[:, None])
        for y, weight in zip(along.starts, weights(along), strict=True)
    ]
    blended = blend(views, (30, 12))
    np.testing.assert_array_equal(blended[0], labels)
    np.testing.assert_allclose(blended[1], confidence, atol=1)
