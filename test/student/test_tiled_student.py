"""A real student on frames larger than its network: small craft are found, crossing ones come out once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tiny_students import build_boxes_student, build_tiny_student

from afss_ros.perception import Frame, Perception
from afss_ros.student import Student, StudentError, Tiling

GREY, BLUE = (200, 200, 200), (0, 0, 220)
AUTO = Tiling("auto", 0.25, 64)


@pytest.fixture(scope="module")
def tiled(tiny_student: Path) -> Student:
    return Student(tiny_student, provider="cpu", threads=1, tiling=AUTO)


@pytest.fixture(scope="module")
def untiled(tiny_student: Path) -> Student:
    return Student(tiny_student, provider="cpu", threads=1)


def scene(height: int, width: int, *blocks: tuple[int, int, int, int, tuple[int, int, int]]) -> NDArray[np.uint8]:
    image = np.zeros((height, width, 3), np.uint8)
    for x0, y0, x1, y1, color in blocks:
        image[y0:y1, x0:x1] = color
    return image


def truth(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What the tiny student is built to say of a picture at its own scale."""
    bright, blue = image.max(axis=2) > 96, image[..., 2].astype(int) - image[..., 0] > 64
    return np.where(bright, np.where(blue, 2, 1), 0).astype(np.uint8)


def boxes(seen: Perception) -> list[list[float]]:
    return [d.box_xyxy.tolist() for d in seen.detections]


def test_a_craft_too_small_for_the_whole_view_is_found_exactly(tiled: Student, untiled: Student) -> None:
    image = scene(300, 300, (200, 100, 205, 104, GREY))
    assert boxes(untiled(Frame(image))) == []
    assert boxes(tiled(Frame(image))) == [[200, 100, 205, 104]]


def test_a_craft_that_crosses_four_tiles_comes_out_once_and_exactly(tiled: Student) -> None:
    image = scene(112, 112, (40, 44, 72, 68, GREY), (60, 44, 72, 68, BLUE))
    seen = tiled(Frame(image, stamp_ns=5))
    assert boxes(seen) == [[40, 44, 72, 68]]
    np.testing.assert_array_equal(seen.labels, truth(image))
    assert seen.stamp_ns == 5
    assert seen.detections[0].score == pytest.approx((200 * 20 + 220 * 12) / 32 / 255, abs=1e-3)


@settings(max_examples=25, deadline=None)
@given(st.integers(40, 220), st.integers(40, 220), st.data())
def test_any_frame_is_labelled_to_the_pixel(tiled: Student, height: int, width: int, data: st.DataObject) -> None:
    x0, y0 = data.draw(st.integers(0, width - 20)), data.draw(st.integers(0, height - 20))
    image = scene(height, width, (x0, y0, x0 + 18, y0 + 16, GREY))
    labels = tiled(Frame(image)).labels
    if height > 64 or width > 64:
        np.testing.assert_array_equal(labels, truth(image))
    assert labels is not None and labels.shape == (height, width)


def test_a_frame_that_fits_is_perceived_as_ever(tiled: Student, untiled: Student) -> None:
    image = scene(50, 64, (3, 5, 20, 31, GREY), (20, 5, 30, 31, BLUE))
    ours, theirs = tiled(Frame(image)), untiled(Frame(image))
    np.testing.assert_array_equal(ours.labels, theirs.labels)
    assert boxes(ours) == boxes(theirs)
    assert ours.detections[0].score == theirs.detections[0].score
    assert ours.craft_confidence == theirs.craft_confidence


def test_a_coarse_label_map_is_stitched_without_a_shift(tmp_path: Path) -> None:
    """The label map has half the resolution; 130 columns make the last tile start between its pixels but for care."""
    path = build_tiny_student(tmp_path / "coarse.onnx", labels_stride=2)
    image = scene(70, 130, (40, 20, 70, 50, GREY))
    with Student(path, threads=1, tiling=AUTO, extent_threshold=1) as student:  # where labels end
        seen = student(Frame(image))
    assert boxes(seen) == [[40, 20, 70, 50]]
    np.testing.assert_array_equal(seen.labels, truth(image))


def test_boxes_of_a_student_without_labels_are_merged_across_seams(tmp_path: Path) -> None:
    path = build_boxes_student(tmp_path / "boxes.onnx")
    with Student(path, threads=1, tiling=AUTO) as student:
        assert boxes(student(Frame(scene(64, 112, (30, 20, 80, 40, GREY))))) == [[30, 20, 80, 40]]
        (large,) = boxes(student(Frame(scene(64, 112, (20, 20, 110, 40, GREY)))))
        assert large == pytest.approx([20, 20, 110, 40], abs=1), "from the whole view, scaled down"
        assert boxes(student(Frame(scene(200, 200)))) == []


def test_a_bounded_number_of_tiles_bounds_what_is_run(tiny_student: Path) -> None:
    image = scene(640, 640, (96, 96, 256, 224, GREY))
    with Student(tiny_student, threads=1, tiling=Tiling("auto", 0.25, 9)) as student:
        (craft,) = student(Frame(image)).detections
    assert craft.box_xyxy.tolist() == pytest.approx([96, 96, 256, 224], abs=10), "a pixel of the whole view"


def test_the_whole_view_helps_where_a_craft_outgrows_the_tiles(tmp_path: Path) -> None:
    """This student calls craft pixels background when nothing around is dark, as in a tile full of wall."""
    path = build_tiny_student(tmp_path / "needs_context.onnx", needs_context=True)
    image = scene(256, 256, (30, 30, 220, 220, GREY))
    with Student(path, threads=1, tiling=AUTO) as student:
        seen = student(Frame(image))
    assert boxes(seen) == [pytest.approx([30, 30, 220, 220], abs=4)]
    assert seen.labels is not None and (seen.labels[40:210, 40:210] == 1).all()


@pytest.mark.parametrize(
    ("mode", "overlap", "most", "reason"),
    [
        ("always", 0.25, 16, "tiling must be one of none, auto, got 'always'"),
        ("auto", 0.7, 16, r"must lie in 0\.05\.\.0\.5, got 0\.7"),
        ("auto", 0.25, 0, "max_tiles must be 1 or more, got 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(mode: str, overlap: float, most: int, reason: str) -> None:
    with pytest.raises(StudentError, match=reason):
        Tiling(mode, overlap, most)
