"""The eight symmetries of the square, and fusing what they show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from afss_ros.evaluation import tta
from afss_ros.evaluation.latency import sample_picture
from afss_ros.perception import Detection, Frame
from afss_ros.student import Student

IMAGE = np.arange(6, dtype=np.uint8).reshape(2, 3)


def test_the_views_are_eight_different_ones() -> None:
    square = np.arange(9).reshape(3, 3)
    assert len({tta.turn(square, view).tobytes() for view in tta.VIEWS}) == 8
    np.testing.assert_array_equal(tta.turn(square, tta.VIEWS[0]), square)


@pytest.mark.parametrize("view", tta.VIEWS)
def test_turning_back_is_exact(view: tuple[int, bool]) -> None:
    np.testing.assert_array_equal(tta.unturn(tta.turn(IMAGE, view), view), IMAGE)


@pytest.mark.parametrize("view", tta.VIEWS)
def test_boxes_turn_back_with_their_pixels(view: tuple[int, bool]) -> None:
    image = np.zeros((5, 8), np.uint8)
    image[1:3, 4:7] = 1
    rows, columns = np.nonzero(tta.turn(image, view))
    box = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.float32)
    assert tta.unturn_box(box, view, (5, 8)).tolist() == [4, 1, 7, 3]


def test_the_majority_decides_and_the_first_map_between_equals() -> None:
    maps = np.array([[[1, 2]], [[1, 0]], [[2, 2]], [[2, 0]]], np.uint8)
    assert tta.majority(maps).tolist() == [[1, 2]]


def _detection(x0: float, score: float) -> Detection:
    return Detection("spacecraft", np.array([x0, 0, x0 + 10, 10], np.float32), score)


def test_one_lucky_view_does_not_keep_its_score() -> None:
    (fused,) = tta.fuse([(_detection(0, 0.8),), (), (), ()])
    assert fused.score == pytest.approx(0.2)


def test_boxes_are_averaged_by_score() -> None:
    fused, other = tta.fuse([(_detection(0, 0.6), _detection(50, 0.1)), (_detection(2, 0.2),)])
    assert fused.box_xyxy.tolist() == pytest.approx([0.5, 0, 10.5, 10])
    assert fused.score == pytest.approx(0.4)
    assert other.box_xyxy[0] == 50


def test_a_student_without_preferred_direction_gains_nothing(tiny_student: Path) -> None:
    frame = Frame(sample_picture(64, 64))
    with Student(tiny_student, provider="cpu") as student:
        once, eightfold = student(frame), tta.d4(student)(frame)
    np.testing.assert_array_equal(once.labels, eightfold.labels)
    assert [d.box_xyxy.tolist() for d in once.detections] == [d.box_xyxy.tolist() for d in eightfold.detections]
