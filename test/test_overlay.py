"""Overlays: they show what was seen, where it was seen, at any size, and leave the frame alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from afss_ros import labels, overlay
from afss_ros.perception import Detection, Perception

NAMES = labels.CLASS_NAMES


def perception(
    label_map: NDArray[np.uint8] | None, *boxes: tuple[float, float, float, float], name: str = "spacecraft"
) -> Perception:
    return Perception(tuple(Detection(name, np.array(b, np.float32), 0.9) for b in boxes), label_map, NAMES)


def test_an_empty_perception_changes_nothing() -> None:
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    drawn = overlay.draw(image, perception(np.zeros((48, 64), np.uint8)))
    np.testing.assert_array_equal(drawn, image)
    assert not np.shares_memory(drawn, image)


def test_the_tint_lies_on_the_mask_and_nowhere_else() -> None:
    label_map = np.zeros((64, 64), np.uint8)
    label_map[20:40, 20:40] = labels.PANEL
    drawn = overlay.draw(np.full((64, 64, 3), 100, np.uint8), perception(label_map), alpha=0.5)
    assert drawn[30, 30].tolist() == [(100 + c) // 2 for c in labels.CLASSES[labels.PANEL].color]
    assert (drawn[:18] == 100).all() and (drawn[:, 42:] == 100).all()


def test_the_outline_is_drawn_in_the_colour_of_its_part() -> None:
    label_map = np.zeros((64, 64), np.uint8)
    label_map[20:40, 20:40] = labels.BODY
    drawn = overlay.draw(np.zeros((64, 64, 3), np.uint8), perception(label_map))
    np.testing.assert_allclose(drawn[20, 30], labels.CLASSES[labels.BODY].color, atol=16)  # anti-aliased
    assert drawn[30, 30].max() < 128


def test_box_corners_lie_on_the_box() -> None:
    drawn = overlay.draw(np.zeros((300, 300, 3), np.uint8), perception(None, (100, 120, 200, 240)))
    color = list(labels.CLASSES[labels.SPACECRAFT].color)
    assert drawn[120, 100].tolist() == color and drawn[239, 199].tolist() == color
    assert not drawn[250:, :].any() and not drawn[:, 210:].any()
    assert not drawn[150:200, 110:190].any()


def test_frames_that_cannot_be_written_are_drawn_over_in_a_copy() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image.flags.writeable = False
    assert overlay.draw(image, perception(None, (8, 8, 56, 56))).any()


def test_a_class_nobody_knows_has_a_colour_too() -> None:
    assert overlay.draw(np.zeros((64, 64, 3), np.uint8), perception(None, (8, 8, 56, 56), name="debris")).any()


def test_a_label_map_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="draw on the frame that was perceived"):
        overlay.draw(np.zeros((8, 8, 3), np.uint8), perception(np.zeros((4, 4), np.uint8)))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 200), st.integers(1, 200), st.lists(st.floats(-50, 250, width=32), min_size=4, max_size=4))
def test_any_size_and_any_box_can_be_drawn(height: int, width: int, corners: list[float]) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    label_map = np.full((height, width), labels.BODY, np.uint8)
    drawn = overlay.draw(image, perception(label_map, (corners[0], corners[1], corners[2], corners[3])))
    assert drawn.shape == image.shape and drawn.dtype == np.uint8


@pytest.mark.parametrize("side", [128, 512, 2048])
def test_the_label_takes_the_same_share_of_a_picture_of_any_size(side: int) -> None:
    picture = np.zeros((side, side, 3), np.uint8)
    overlay.write_label(picture, "spacecraft 0.90", (0, side // 2), (255, 255, 255))
    rows = np.flatnonzero(picture.any(axis=(1, 2)))
    assert rows[-1] < side // 2  # above its corner
    assert 0.03 < (rows[-1] - rows[0]) / side < 0.16
    assert picture.max() > 200


def test_a_contact_sheet_keeps_order_and_aspect() -> None:
    pictures = [np.full((50, 100, 3), value, np.uint8) for value in (60, 120, 180)]
    sheet = overlay.contact_sheet(pictures, columns=2, width=402)
    assert sheet.shape[1] == 402
    height = sheet.shape[0]
    assert [int(sheet[height // 4, 100, 0]), int(sheet[height // 4, 300, 0]), int(sheet[3 * height // 4, 100, 0])] == [
        60,
        120,
        180,
    ]


def test_pictures_of_other_aspects_are_letterboxed_into_their_cells() -> None:
    sheet = overlay.contact_sheet(
        [np.full((50, 100, 3), 255, np.uint8), np.full((100, 20, 3), 255, np.uint8)], columns=2, width=402
    )
    white = (sheet == 255).all(axis=2).mean(axis=0)
    assert white[100] > 0.9 and white[300] > 0.9 and white[215] == 0


@pytest.mark.parametrize(("count", "columns", "width"), [(0, 2, 100), (4, 0, 100), (4, 4, 20)])
def test_a_sheet_that_cannot_be_is_refused(count: int, columns: int, width: int) -> None:
    with pytest.raises(ValueError, match="contact sheet"):
        overlay.contact_sheet([np.zeros((8, 8, 3), np.uint8)] * count, columns, width)
