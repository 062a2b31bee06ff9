"""Evidence is what it says of maps made by hand, and weights turn it into chances."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_students import build_tiny_student

from afss_ros.perception import Frame
from afss_ros.student import Student, StudentError, Tiling, evidence, letterbox


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
    score, low, spread, around, size, presence = evidence.of(parts, confidence, BOX, 0.5)
    assert presence == 0
    assert evidence.of(parts, confidence, BOX, 0.5, presence=0.9)[5] == pytest.approx(math.log(9))
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
    assert evidence.of(full, full * 200, (0, 0, 8, 8), 1.0)[3:5].tolist() == [1.0, 0.0]


def test_a_chance_is_the_logistic_of_what_is_weighed() -> None:
    found = np.array([1.0, 0.5, 0.2, 0.8, -2.0, 0.0])
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


def test_presence_is_told_and_weighed(tmp_path: Path, tiny_student: Path) -> None:
    text = '{"score": 1.0, "presence": 2.0, "offset": -1.0}'
    told = build_tiny_student(tmp_path / "told.onnx", metadata={"afss.score_weights": text}, presence=True)
    image = np.zeros((64, 64, 3), np.uint8)
    image[8:24, 8:24] = 200
    with Student(told, provider="cpu", threads=1) as student:
        seen = student(Frame(image))
        assert student(Frame(np.zeros_like(image))).presence == 0
    assert seen.presence == pytest.approx(200 / 255)
    logit = math.log(200 / 55)
    (found,) = seen.detections
    assert found.score == pytest.approx(1 / (1 + math.exp(-(3 * logit - 1))), abs=1e-6)
    with Student(tiny_student, provider="cpu", threads=1) as student:
        assert student(Frame(image)).presence is None


def test_of_tiles_the_largest_presence_at_a_craft_counts(tmp_path: Path) -> None:
    text = '{"score": 0.001, "presence": 1.0}'
    told = build_tiny_student(tmp_path / "told.onnx", metadata={"afss.score_weights": text}, presence=True)
    image = np.zeros((300, 300, 3), np.uint8)
    image[20:26, 20:26] = 250  # as a whole it is seen as a speck, darker than this
    image[250:270, 250:270] = 120
    with Student(told, provider="cpu", threads=1, score_threshold=0.0, tiling=Tiling("auto", 0.25, 64)) as student:
        seen = student(Frame(image))
        whole = student.look(
            letterbox.apply(image, letterbox.fit((300, 300), (64, 64)), np.zeros((64, 64, 3), np.uint8))
        )
    assert seen.presence == pytest.approx(250 / 255)
    chances = {round(float(d.box_xyxy[0])): d.score for d in seen.detections}
    assert chances[20] == pytest.approx(250 / 255, abs=2e-3)
    assert chances[250] == pytest.approx(max(120 / 255, float(whole["presence"][0])), abs=2e-3)


def test_a_student_of_boxes_has_no_evidence(boxes_student: Path) -> None:
    with Student(boxes_student, provider="cpu", threads=1) as student, pytest.raises(StudentError, match="no evidence"):
        student.evidence(_scene())
