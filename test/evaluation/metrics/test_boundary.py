"""Outlines and scores, on masks small enough to measure with a ruler."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from afss_ros.datasets import Instance
from afss_ros.evaluation.metrics import boundary, calibration
from afss_ros.evaluation.metrics.detection import ImageObjects
from afss_ros.threads import limited


def _square(x: int, y: int, side: int) -> np.ndarray:
    mask = np.zeros((100, 100), bool)
    mask[y : y + side, x : x + side] = True
    return mask


def test_equal_masks_agree_fully() -> None:
    agreement = boundary.compare(_square(10, 10, 40), _square(10, 10, 40))
    assert agreement == boundary.BoundaryAgreement(1.0, 0.0)


def test_a_shifted_mask_is_off_by_its_shift() -> None:
    agreement = boundary.compare(_square(10, 10, 40), _square(16, 10, 40))
    assert agreement is not None
    assert agreement.hausdorff95_px == pytest.approx(6.0)
    # The outlines still agree along the horizontal edges that both share, and nowhere else.
    assert agreement.f == pytest.approx(72 / 156, abs=0.03)


def test_nothing_against_something_is_no_agreement_and_nothing_against_nothing_no_question() -> None:
    empty = np.zeros((100, 100), bool)
    assert boundary.compare(_square(10, 10, 40), empty) == boundary.BoundaryAgreement(0.0, None)
    assert boundary.compare(empty, empty) is None


def test_a_craft_that_leaves_the_image_has_no_outline_along_the_border() -> None:
    assert boundary.outline(_square(0, 0, 50))[0].sum() == 1
    assert boundary.outline(np.ones((4, 4), bool)).all()


def test_distances_are_the_same_whatever_the_threads() -> None:
    def ellipse(x: int, y: int, angle: int) -> np.ndarray:
        return np.asarray(cv2.ellipse(np.zeros((300, 300), np.uint8), (x, y), (71, 33), angle, 0, 360, 1, -1) > 0)

    found = []
    for threads in (1, 2):
        with limited(threads):
            found.append(boundary.compare(ellipse(120, 100, 40), ellipse(180, 190, 80)))
    assert found[0] == found[1]


def _objects(*found: tuple[float, float]) -> ImageObjects:
    truth = Instance("spacecraft", np.array([0, 0, 10, 10], np.float32))
    boxes = [Instance("spacecraft", np.array([x, 0, x + 10, 10], np.float32), None, s) for x, s in found]
    return ImageObjects(20, 40, (truth,), tuple(boxes))


def test_a_true_box_is_found_once() -> None:
    judged = calibration.judged_scores([_objects((0, 0.6), (1, 0.9), (25, 0.3))])
    assert judged == [(0.9, True), (0.6, False), (0.3, False)]


def test_scores_that_are_probabilities_have_no_error() -> None:
    assert calibration.expected_error([(0.75, True)] * 3 + [(0.75, False)]) == pytest.approx(0.0)
    assert calibration.expected_error([(0.95, False)] * 4) == pytest.approx(0.95)
    assert calibration.expected_error([]) is None
