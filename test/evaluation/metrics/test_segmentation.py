"""Segmentation metrics on label maps small enough to count by eye."""

from __future__ import annotations

import numpy as np
import pytest

from afss_ros.evaluation.metrics import segmentation as metrics
from afss_ros.evaluation.metrics.segmentation import (
    CLASSES,
    confusion,
    dice,
    iou,
    summarise,
    summarise_further,
    to_common_ids,
)

ALL = ("whole", "body", "panel", "antenna")

# fmt: off
TRUTH = np.array([[0, 0, 2, 2],
                  [1, 1, 2, 2],
                  [1, 1, 0, 0],
                  [0, 0, 0, 255]], np.uint8)
SEEN = np.array([[0, 0, 2, 2],
                 [1, 1, 1, 2],
                 [1, 0, 0, 0],
                 [0, 0, 3, 3]], np.uint8)
# fmt: on


def test_pixels_are_counted_by_truth_and_prediction() -> None:
    counted = confusion(TRUTH, SEEN)
    assert counted.sum() == 15
    assert counted[1].tolist() == [1, 3, 0, 0, 0]
    assert counted[2].tolist() == [0, 1, 3, 0, 0]
    assert counted[0].tolist() == [6, 0, 0, 1, 0]


def test_iou_and_dice_follow_from_the_counts() -> None:
    counted = confusion(TRUTH, SEEN)
    assert iou(counted, CLASSES["body"]) == 3 / 5
    assert iou(counted, CLASSES["panel"]) == 3 / 4
    assert iou(counted, CLASSES["antenna"]) == 0 / 1
    assert dice(counted, CLASSES["body"]) == 2 * 3 / (2 * 3 + 2)


def test_the_whole_craft_forgives_confused_parts() -> None:
    # 7 craft pixels found, the background pixel called antenna, one body pixel missed.
    assert iou(confusion(TRUTH, SEEN), CLASSES["whole"]) == 7 / 9


def test_perfect_predictions_score_one_and_empty_ones_zero() -> None:
    truth = np.array([[1, 2], [3, 0]], np.uint8)
    perfect = summarise(np.array([confusion(truth, truth)]), ALL)
    empty = summarise(np.array([confusion(truth, truth * 0)]), ALL)
    assert set(perfect.values()) == {1.0}
    assert set(empty.values()) == {0.0}


def test_pooled_figures_weigh_pixels_and_means_weigh_images() -> None:
    large = confusion(np.ones((10, 10), np.uint8), np.ones((10, 10), np.uint8))
    small = confusion(np.ones((1, 10), np.uint8), np.zeros((1, 10), np.uint8))
    figures = summarise(np.array([large, small]), ALL)
    assert figures["body_iou"] == 100 / 110
    assert figures["body_iou_per_image"] == 0.5


def test_images_without_a_class_leave_its_mean_alone() -> None:
    with_panel = confusion(np.array([[2, 0]], np.uint8), np.array([[2, 0]], np.uint8))
    without = confusion(np.array([[1, 0]], np.uint8), np.array([[1, 0]], np.uint8))
    figures = summarise(np.array([with_panel, without]), ALL)
    assert figures["panel_iou_per_image"] == 1.0
    assert figures["antenna_iou"] is None


def test_mean_part_is_the_mean_of_body_and_panel() -> None:
    figures = summarise(np.array([confusion(TRUTH, SEEN)]), ALL)
    assert figures["mean_part_iou"] == pytest.approx((3 / 5 + 3 / 4) / 2)


def test_what_the_truth_cannot_tell_is_none() -> None:
    figures = summarise(np.array([confusion(TRUTH, SEEN)]), ("whole",))
    assert figures["whole_iou"] == 7 / 9
    assert figures["body_iou"] is None
    assert figures["mean_part_dice"] is None


def test_ids_are_translated_by_name() -> None:
    labels = np.array([[0, 5, 6, 7, 255]], np.uint8)
    names = {0: "background", 5: "panel", 6: "spacecraft", 7: "thruster"}
    assert to_common_ids(labels, names).tolist() == [[0, 2, 4, 4, 255]]


def test_further_classes_get_ids_behind_ours() -> None:
    names = {0: "background", 1: "radiator", 2: "body", 3: "star tracker", 9: "thruster"}
    labels = np.array([[0, 1, 2, 3, 9, 255]], np.uint8)
    assert to_common_ids(labels, names, ("thruster", "radiator")).tolist() == [[0, 6, 1, 4, 5, 255]]


def test_further_classes_are_scored_one_by_one_and_count_as_craft() -> None:
    # fmt: off
    truth = np.array([[5, 5, 5, 0],
                      [6, 6, 0, 0],
                      [1, 1, 4, 255]], np.uint8)
    seen = np.array([[5, 5, 0, 0],
                     [6, 5, 0, 0],
                     [1, 6, 6, 5]], np.uint8)
    # fmt: on
    counted = np.array([confusion(truth, seen, 7)])
    figures = summarise_further(counted, ("thruster", "radiator"))
    assert figures["thruster"]["iou"] == 2 / 4
    assert figures["thruster"]["dice"] == pytest.approx(2 * 2 / (2 * 2 + 2))
    assert figures["radiator"]["iou_per_image"] == 1 / 4
    assert summarise(counted, ALL)["whole_iou"] == 7 / 8
    assert summarise(counted, ALL)["body_iou"] == 1 / 2


def test_without_further_classes_a_confusion_keeps_every_pixel() -> None:
    truth = np.array([[5, 6, 1, 0]], np.uint8)
    seen = np.array([[6, 1, 5, 5]], np.uint8)
    plain = confusion(np.array([[4, 4, 1, 0]], np.uint8), np.array([[4, 1, 4, 4]], np.uint8))
    assert metrics.without_further(confusion(truth, seen, 7)).tolist() == plain.tolist()


def test_maps_of_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="one size"):
        confusion(TRUTH, SEEN[:2])


def test_ids_beyond_the_table_are_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.\.4"):
        metrics.confusion(TRUTH, SEEN + 2)
