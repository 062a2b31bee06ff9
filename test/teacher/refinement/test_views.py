"""Every view can be undone: nothing moves by a fraction of a pixel between the frame and its views."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from afss_ros.datasets.rle import box_of
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.refinement.views import PRESETS, View, parse_views

GEOMETRY = st.one_of(
    st.sampled_from([View("identity"), View("hflip"), View("vflip"), View("rot90"), View("brightness", 1.3)]),
    st.floats(0.3, 2.0).map(lambda s: View("scale", s)),
)


@st.composite
def masks(draw: st.DrawFn) -> NDArray[np.bool_]:
    height, width = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    bits = draw(st.binary(min_size=height * width, max_size=height * width))
    return (np.frombuffer(bits, np.uint8).reshape(height, width) & 1).astype(bool)


@settings(max_examples=200, deadline=None)
@given(GEOMETRY, st.integers(1, 2000), st.integers(1, 2000), st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_the_inverse_is_exact_for_boxes(view: View, height: int, width: int, corners: list[float]) -> None:
    x0, x1 = sorted([corners[0] * width, corners[1] * width])
    y0, y1 = sorted([corners[2] * height, corners[3] * height])
    box = np.array([[x0, y0, x1, y1]], np.float32)
    back = view.boxes_back(view.boxes(box, (height, width)), (height, width))
    np.testing.assert_allclose(back, box, rtol=0, atol=2e-6 * max(height, width))  # float32 rounding, no more


@settings(max_examples=200, deadline=None)
@given(GEOMETRY, masks())
def test_the_inverse_is_exact_for_masks(view: View, mask: NDArray[np.bool_]) -> None:
    if view.kind != "scale":
        np.testing.assert_array_equal(view.mask_back(view.mask(mask)), mask)
    elif view.amount < 1:  # a mask of the view, which is the coarser grid
        seen = view.mask(mask)
        np.testing.assert_array_equal(view.mask(view.mask_back(seen)), seen)
    else:  # content beyond the canvas is not seen; what is seen comes back as it was
        visible = view.mask_back(view.mask(np.ones_like(mask)))
        np.testing.assert_array_equal(view.mask_back(view.mask(mask)), mask & visible)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["identity", "hflip", "vflip", "rot90"]), masks())
def test_boxes_and_masks_move_alike(kind: str, mask: NDArray[np.bool_]) -> None:
    view = View(kind)
    if mask.any():
        moved = view.boxes(box_of(mask)[None], mask.shape[:2])[0]
        np.testing.assert_array_equal(moved, box_of(view.mask(mask)))


@pytest.mark.parametrize("kind", ["identity", "hflip", "vflip", "rot90"])
def test_images_and_masks_move_alike(kind: str) -> None:
    mask = np.zeros((5, 7), bool)
    mask[1, 5] = mask[4, 0] = True
    image = np.where(mask[..., None], np.uint8(255), np.uint8(0)).repeat(3, axis=2)
    np.testing.assert_array_equal(View(kind).image(image)[..., 0] > 0, View(kind).mask(mask))


def test_scale_shrinks_the_content_on_a_canvas_of_the_same_size() -> None:
    image = np.full((10, 20, 3), 200, np.uint8)
    seen = View("scale", 0.5).image(image)
    assert seen.shape == image.shape
    assert (seen[:5, :10] == 200).all() and seen.sum() == 200 * 5 * 10 * 3


def test_colours_change_before_normalisation_and_keep_the_dark_half() -> None:
    image = np.arange(0, 100, dtype=np.uint8).reshape(10, 10, 1).repeat(3, axis=2)
    brighter = View("brightness", 1.1).image(image)
    np.testing.assert_allclose(brighter[..., 0], image[..., 0] * 1.1, rtol=0, atol=0.51)
    assert View("saturation", 2.0).image(image).tolist() == image.tolist()  # grey has none
    flat = View("contrast", 0.1).image(image)
    assert flat.std() < image.std() / 9 and abs(flat.mean() - image.mean()) < 1


def test_a_third_of_a_turn_of_hue_makes_red_green() -> None:
    red = np.zeros((1, 1, 3), np.uint8)
    red[..., 0] = 255
    assert View("hue", 1 / 3).image(red)[0, 0].tolist() == [0, 255, 0]


def test_presets_are_those_of_afss() -> None:
    assert [str(view) for view in PRESETS["v4"]] == ["identity", "vflip"]
    assert parse_views("v1") == PRESETS["v1"] and len(PRESETS["v1"]) == 7
    assert parse_views("identity,scale:0.8") == (View("identity"), View("scale", 0.8))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("v9", "unknown view 'v9'.*a preset: none, v1"),
        ("identity,scale", "needs an amount"),
        ("identity,hflip:2", "needs no amount"),
        ("identity,scale:big", "not a number"),
        ("identity,scale:9", "must lie in"),
        ("identity,hflip,hflip", "given twice"),
        ("hflip", "'identity' is missing"),
    ],
)
def test_a_view_that_cannot_be_read_is_refused_with_the_cure(text: str, reason: str) -> None:
    with pytest.raises(TeacherError, match=reason):
        parse_views(text)
