"""The letterbox and its inverse: small cases by hand, every size by property."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from afss_ros.student import letterbox
from afss_ros.student.letterbox import Letterbox

sides = st.integers(1, 400)
sizes = st.tuples(sides, sides)
# Of real sizes: boxes are float32 in network pixels, so a network one pixel wide would round a wide picture's to 0.01.
networks = st.tuples(st.integers(32, 400), st.integers(32, 400))


def through(image: NDArray[np.uint8], network: tuple[int, int]) -> tuple[NDArray[np.uint8], Letterbox]:
    box = letterbox.fit((image.shape[0], image.shape[1]), network)
    return letterbox.apply(image, box, np.zeros((*network, 3), np.uint8)), box


def test_a_wide_picture_gets_bars_above_and_below() -> None:
    assert letterbox.fit((720, 1280), (512, 512)) == Letterbox((720, 1280), (512, 512), (288, 512), 112, 0)


def test_a_tall_picture_gets_bars_left_and_right() -> None:
    assert letterbox.fit((4, 2), (8, 8)) == Letterbox((4, 2), (8, 8), (8, 4), 0, 2)


def test_a_hairline_keeps_at_least_one_pixel() -> None:
    assert letterbox.fit((1, 4000), (64, 64)).content == (1, 64)


def test_bars_are_black_and_content_is_whole() -> None:
    seen, _ = through(np.full((2, 4, 3), 200, np.uint8), (4, 4))
    assert seen[:, :, 0].tolist() == [[0] * 4, [200] * 4, [200] * 4, [0] * 4]


def test_a_picture_of_the_networks_size_is_not_copied() -> None:
    image = np.zeros((6, 4, 3), np.uint8)
    assert through(image, (6, 4))[0] is image


def test_a_picture_of_the_networks_size_with_padded_rows_is_made_contiguous() -> None:
    image = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)[:, :4]
    seen, _ = through(image, (4, 4))
    assert seen.flags.c_contiguous
    np.testing.assert_array_equal(seen, image)


def test_halving_averages_two_by_two_pixels() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    image[0, 0] = 200
    assert through(image, (2, 2))[0][:, :, 1].tolist() == [[50, 0], [0, 0]]


@pytest.mark.parametrize("factor", [1.4, 1.9, 2.5, 3.0, 5.3, 7.7])
def test_a_one_pixel_line_survives_shrinking_wherever_it_lies(factor: float) -> None:
    network = (round(320 / factor),) * 2
    for column in range(150, 160):
        image = np.zeros((320, 320, 3), np.uint8)
        image[:, column] = 255
        brightness = through(image, network)[0][:, :, 0].astype(float).sum(axis=1).mean()
        assert 0.35 * 255 / factor < brightness < 1.6 * 255 / factor


@given(sizes, networks, st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_boxes_come_back_to_a_thousandth_of_a_pixel(
    source: tuple[int, int], network: tuple[int, int], unit: list[float]
) -> None:
    box = letterbox.fit(source, network)
    x0, x1 = sorted((unit[0] * source[1], unit[1] * source[1]))
    y0, y1 = sorted((unit[2] * source[0], unit[3] * source[0]))
    boxes = np.array([[x0, y0, x1, y1]], np.float32)
    there = letterbox.boxes_to_network(boxes, box)
    np.testing.assert_allclose(letterbox.boxes_to_source(there, box), boxes, atol=1e-3)


def test_a_full_content_box_is_the_full_picture() -> None:
    box = letterbox.fit((720, 1280), (512, 512))
    content = np.array([[0, 112, 512, 400]], np.float32)
    assert letterbox.boxes_to_source(content, box).tolist() == [[0, 0, 1280, 720]]


def test_boxes_in_the_bars_are_clipped_to_the_picture() -> None:
    box = letterbox.fit((2, 4), (4, 4))
    assert letterbox.boxes_to_source(np.array([[-3, 0, 9, 2]], np.float32), box).tolist() == [[0, 0, 4, 1]]


def test_a_label_map_of_half_size_fills_the_picture_without_the_bars() -> None:
    box = letterbox.fit((2, 4), (4, 4))  # content rows 1 and 2 of 4
    label_map = np.array([[9, 9, 9, 9], [1, 2, 3, 0], [0, 1, 2, 3], [9, 9, 9, 9]], np.uint8)
    at_source = letterbox.take(label_map, letterbox.nearest_indices(box, (4, 4)))
    assert at_source.tolist() == [[1, 2, 3, 0], [0, 1, 2, 3]]


def test_enlarged_labels_change_at_the_middle_between_their_centres() -> None:
    box = letterbox.fit((6, 6), (2, 2))
    at_source = letterbox.take(np.array([[1, 2], [3, 0]], np.uint8), letterbox.nearest_indices(box, (2, 2)))
    assert at_source.tolist() == [[1, 1, 1, 2, 2, 2]] * 3 + [[3, 3, 3, 0, 0, 0]] * 3


@settings(deadline=None)
@given(sizes, sizes, st.sampled_from([1, 2, 4]))
def test_every_source_pixel_shows_the_label_under_its_centre(
    source: tuple[int, int], network: tuple[int, int], stride: int
) -> None:
    box = letterbox.fit(source, network)
    size = max(1, network[0] // stride), max(1, network[1] // stride)
    indices = letterbox.nearest_indices(box, size)
    if indices is None:
        assert source == network == size
        return
    rows, cols = indices.rows, indices.cols
    centres = np.array([[c + 0.5, r + 0.5, c + 0.5, r + 0.5] for r, c in ((0, 0), (source[0] - 1, source[1] - 1))])
    in_network = letterbox.boxes_to_network(centres.astype(np.float32), box)
    for k, corner in enumerate((0, -1)):
        assert abs(in_network[k, 1] * size[0] / network[0] - (rows[corner] + 0.5)) <= 0.5 + 1e-3
        assert abs(in_network[k, 0] * size[1] / network[1] - (cols[corner] + 0.5)) <= 0.5 + 1e-3
    row_range, col_range = box.content_in(size)
    assert row_range.start <= rows.min() and rows.max() < row_range.stop <= size[0]
    assert col_range.start <= cols.min() and cols.max() < col_range.stop <= size[1]
    assert (np.diff(rows) >= 0).all() and (np.diff(cols) >= 0).all()


@pytest.mark.parametrize("shape", [(1024, 1024, 3), (2048, 2048, 3), (512, 512, 3)])
def test_a_picture_is_halved_as_opencv_halves_it(shape: tuple[int, int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    canvas = np.full((514, 516, 3), 7, np.uint8)
    letterbox.resize(image, canvas[1:513, 2:514])
    expected = image
    while expected.shape[0] > 512:
        expected = cv2.resize(expected, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(canvas[1:513, 2:514], expected)
    canvas[1:513, 2:514] = 7
    assert (canvas == 7).all()


@settings(deadline=None)
@given(sizes, st.integers(1, 5))
def test_labels_survive_enlargement_and_the_way_back(size: tuple[int, int], factor: int) -> None:
    """With a network that sees the picture enlarged by a whole factor, no label is lost."""
    label_map = np.random.default_rng(1).integers(0, 4, size).astype(np.uint8)
    seen = label_map.repeat(factor, 0).repeat(factor, 1)
    box = letterbox.fit(size, (seen.shape[0], seen.shape[1]))
    np.testing.assert_array_equal(
        letterbox.take(seen, letterbox.nearest_indices(box, (seen.shape[0], seen.shape[1]))), label_map
    )


@pytest.mark.parametrize("size", [512, 256, 128, 170])
@pytest.mark.parametrize("source", [(1024, 1024), (1024, 700), (700, 1024), (1024, 2048), (100, 100), (340, 510)])
def test_repeated_labels_are_those_that_the_indices_name(source: tuple[int, int], size: int) -> None:
    label_map = np.random.default_rng(0).integers(0, 5, (size, size), np.uint8)
    indices = letterbox.nearest_indices(letterbox.fit(source, (512, 512)), (size, size))
    assert indices is not None
    rows, cols = indices.rows, indices.cols
    for each in (label_map, label_map.T, label_map[::-1]):
        assert np.array_equal(letterbox.take(each, indices), each[rows[:, None], cols])
