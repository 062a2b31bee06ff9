"""Evidence is what it says of maps made by hand, and weights turn it into chances."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_students import build_tiny_student

from afss_ros.perception import Frame
from afss_ros.student import Student, StudentError, evidence


def _maps(inside: int, around: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    parts = np.zeros((40, 50), np.uint8)
    parts[10:20, 15:35] = 1
    confidence = np.full((40, 50), 255, np.uint8)
    confidence[8:22, 13:37] = around
    confidence[parts > 0] = inside
    return parts, confidence


BOX = (15, 10, 35, 20)


def test_the_numbers_are_those_of_the_craft_and_of_what_is_beside_it() -> None:
    parts, confidence = _maps(204, 153)
    confidence[10:20, 15:18] = 102  # three columns of twenty: more than a tenth
    score, low, spread, around, size = evidence.of(parts, confidence, BOX, 0.5)
    assert score == pytest.approx(0.0)
    assert low == pytest.approx(0.4)
    assert spread == pytest.approx(0.4 * math.sqrt(0.15 * 0.85), rel=1e-3)
    assert around == pytest.approx(0.6)
    assert size == pytest.approx(math.log(200 / 2000))


def test_evidence_is_local_and_whole_views_have_no_surroundings() -> None:
    parts, confidence = _maps(200, 180)
    before = evidence.of(parts, confidence, BOX, 0.7)
    confidence[30:, :] = 0
    parts[35:, :5] = 1
    assert np.array_equal(evidence.of(parts, confidence, BOX, 0.7), before)
    full = np.ones((8, 8), np.uint8)
    assert evidence.of(full, full * 200, (0, 0, 8, 8), 1.0)[3:].tolist() == [1.0, 0.0]


def test_a_chance_is_the_logistic_of_what_is_weighed() -> None:
    found = np.array([1.0, 0.5, 0.2, 0.8, -2.0])
    weights = {"score": 2.0, "around": 1.0, "offset": -1.0}
    assert evidence.chance(found, weights) == pytest.approx(1 / (1 + math.exp(-1.8)))
    assert evidence.chance(found * 1e6, weights) == pytest.approx(1.0)


def _scene() -> Frame:
    image = np.zeros((64, 64, 3), np.uint8)
    image[8:24, 8:24] = 200
    image[40:60, 40:60] = 120
    return Frame(image)


def test_a_student_scores_by_the_weights_in_its_file(tmp_path: Path, tiny_student: Path) -> None:
    text = '{"score": 1.5, "spread": 3.0, "offset": -0.5}'
    weighed = build_tiny_student(tmp_path / "weighed.onnx", metadata={"afss.score_weights": text})
    with Student(tiny_student, provider="cpu", threads=1, score_threshold=0.1) as plain:
        bare = plain(_scene()).detections
        evident = plain.evidence(_scene())
    assert sorted((d.score for d, _ in evident), reverse=True) == pytest.approx([d.score for d in bare])
    with Student(weighed, provider="cpu", threads=1, score_threshold=0.1) as student:
        assert student.contract.score_weights == {"score": 1.5, "spread": 3.0, "offset": -0.5}
        found = student(_scene()).detections
    wanted = {e.box_xyxy.tobytes(): evidence.chance(v, student.contract.score_weights) for e, v in evident}
    assert len(found) == 2
    for detection in found:
        assert detection.score == pytest.approx(wanted[detection.box_xyxy.tobytes()])


def test_a_student_of_boxes_has_no_evidence(boxes_student: Path) -> None:
    with Student(boxes_student, provider="cpu", threads=1) as student, pytest.raises(StudentError, match="no evidence"):
        student.evidence(_scene())
