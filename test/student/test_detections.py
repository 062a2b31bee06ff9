"""Network outputs to detections in source pixels, on outputs written by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from afss_ros.perception import Detection
from afss_ros.student import detections, letterbox

WIDE = letterbox.fit((4, 8), (8, 8))  # seen 1:1, in rows 2..5
NAMES = {0: "background", 4: "spacecraft"}


def from_boxes(boxes: list[list[float]], scores: list[float], classes: list[int] | None = None) -> list[Detection]:
    found = detections.from_boxes(
        np.array(boxes, np.float32),
        np.array(scores, np.float32),
        np.array(classes or [4] * len(scores)),
        WIDE,
        class_names=NAMES,
        score_threshold=0.5,
    )
    return list(found)


def from_labels(
    label_map: NDArray[np.uint8],
    confidence: NDArray[np.uint8] | None = None,
    score_threshold: float = 0.5,
    extent_threshold: float = 1.0,
) -> list[Detection]:
    found = detections.from_labels(
        detections.Shown(label_map, confidence, WIDE),
        score_threshold=score_threshold,
        min_area=1,
        merge_gap=0.0,
        extent_threshold=extent_threshold,
    )
    return list(found)


def test_boxes_leave_the_network_in_source_pixels() -> None:
    (found,) = from_boxes([[1, 3, 5, 6]], [0.75])
    assert (found.class_name, found.box_xyxy.tolist(), found.score) == ("spacecraft", [1, 1, 5, 4], 0.75)


def test_unused_rows_and_weak_scores_are_dropped_and_the_best_comes_first() -> None:
    found = from_boxes([[0, 2, 2, 4]] * 4, [0.6, 0.0, 0.9, 0.4])
    assert [d.score for d in found] == pytest.approx([0.9, 0.6])


def test_a_score_threshold_of_zero_still_drops_unused_rows() -> None:
    found = detections.from_boxes(
        np.array([[0, 2, 2, 4], [0, 0, 0, 0]], np.float32),
        np.array([0.1, 0], np.float32),
        np.array([4, 0]),
        WIDE,
        class_names=NAMES,
        score_threshold=0.0,
    )
    assert len(found) == 1


@pytest.mark.parametrize("box", [[0, 0, 8, 2], [np.nan, 2, 4, 4], [0, 2, np.inf, 4], [4, 4, 4, 6], [6, 3, 2, 5]])
def test_boxes_in_the_bars_and_boxes_that_are_none_are_dropped(box: list[float]) -> None:
    assert from_boxes([box], [0.9]) == []


def test_scores_that_are_no_number_are_dropped_and_those_above_one_are_one() -> None:
    found = from_boxes([[0, 2, 2, 4]] * 2, [np.nan, 1.0000001])
    assert [d.score for d in found] == [1.0]


def test_a_class_without_a_name_is_called_by_its_id() -> None:
    assert from_boxes([[0, 2, 2, 4]], [0.9], [7])[0].class_name == "class 7"


def test_every_part_belongs_to_the_craft_and_unlabelled_pixels_do_not() -> None:
    label_map = np.zeros((8, 8), np.uint8)
    label_map[3, 1:6] = [1, 2, 3, 1, 255]
    (found,) = from_labels(label_map)
    assert (found.class_name, found.box_xyxy.tolist(), found.score) == ("spacecraft", [1, 1, 5, 2], 1.0)


def test_a_box_reaches_over_background_that_may_well_be_craft_and_keeps_the_score_of_the_labels() -> None:
    label_map, confidence = np.zeros((8, 8), np.uint8), np.full((8, 8), 255, np.uint8)
    label_map[3, 2] = 1
    confidence[3, 2:5] = [204, 153, 230]  # background beside it with 0.6, then with 0.9
    (alone,), (reaching,) = from_labels(label_map, confidence), from_labels(label_map, confidence, 0.5, 0.2)
    assert (alone.box_xyxy.tolist(), reaching.box_xyxy.tolist()) == ([2, 1, 3, 2], [2, 1, 4, 2])
    assert alone.score == reaching.score == pytest.approx(0.8)


def test_without_a_confidence_map_a_box_ends_with_the_labels() -> None:
    label_map = np.zeros((8, 8), np.uint8)
    label_map[3, 2] = 1
    assert from_labels(label_map, None, 0.5, 0.2)[0].box_xyxy.tolist() == [2, 1, 3, 2]


def test_what_the_network_sees_in_the_bars_is_ignored() -> None:
    label_map = np.ones((8, 8), np.uint8)
    assert from_labels(label_map)[0].box_xyxy.tolist() == [0, 0, 8, 4]
    label_map[2:6] = 0
    assert from_labels(label_map) == []


def test_boxes_of_a_half_size_label_map_are_scaled() -> None:
    label_map = np.zeros((4, 4), np.uint8)
    label_map[1, 2] = 1  # network rows 2..3, columns 4..5; source rows 0..1
    assert from_labels(label_map)[0].box_xyxy.tolist() == [4, 0, 6, 2]


def test_confidence_scores_sorts_and_drops() -> None:
    label_map, confidence = np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint8)
    for column, value in ((0, 51), (3, 153), (6, 255)):
        label_map[3, column], confidence[3, column] = 1, value
    third = (1 / 3) ** detections.PROMINENCE
    assert [d.score for d in from_labels(label_map, confidence)] == pytest.approx([third, 0.6 * third])
    assert len(from_labels(label_map, confidence, score_threshold=0.1)) == 3


def test_what_is_small_beside_another_scores_less_and_what_is_alone_does_not() -> None:
    large, small = np.s_[5:10, 0:20], np.s_[14, 3:5]
    label_map = np.zeros((20, 20), np.uint8)
    label_map[small] = 1
    assert [d.score for d in from_labels(label_map)] == [1.0]
    label_map[large] = 1
    assert [d.score for d in from_labels(label_map)] == pytest.approx([(100 / 102) ** 0.1, (2 / 102) ** 0.1])
