"""Numbers that no sound network gives are no answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper
from tiny_students import save_student

from afss_ros.perception import Frame
from afss_ros.student import Student, StudentError
from afss_ros.student.detections import refuse_impossible


def _outputs(scores: list[float], boxes: list[list[float]]) -> dict[str, np.ndarray]:
    return {"scores": np.array([scores], np.float32), "boxes": np.array([boxes], np.float32)}


def test_unused_rows_and_rounding_are_no_fault() -> None:
    refuse_impossible({"labels": np.zeros((1, 2, 2), np.uint8)})
    refuse_impossible(_outputs([1.0000001, 0.0, -1e-6], [[0, 0, 1, 1], [np.nan] * 4, [0] * 4]))


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf, 1.5, -0.1])
def test_scores_that_are_none_are_refused(score: float) -> None:
    with pytest.raises(StudentError, match=f"1 of 2 scores are not in 0..1, one is {score}"):
        refuse_impossible(_outputs([0.5, score], [[0, 0, 1, 1]] * 2))


@pytest.mark.parametrize("chance", [np.nan, np.inf, 1.5, -0.1])
def test_a_chance_of_a_craft_that_is_none_is_refused(chance: float) -> None:
    refuse_impossible({"presence": np.array([1.0], np.float32)})
    with pytest.raises(StudentError, match=f"the chance of a craft is {chance:.3}"):
        refuse_impossible({"presence": np.array([chance], np.float32)})


@pytest.mark.parametrize("edge", [np.nan, np.inf])
def test_boxes_in_use_are_finite(edge: float) -> None:
    with pytest.raises(StudentError, match="1 of 2 boxes are not finite"):
        refuse_impossible(_outputs([0.5, 0.5], [[0, 0, 1, 1], [0, edge, 1, 1]]))


def test_a_student_whose_numbers_are_none_says_so_of_the_frame(tmp_path: Path) -> None:
    """Scores are the logarithm of what is not positive."""
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Sub", ["mean", "bright"], ["over"]),
        helper.make_node("Sqrt", ["over"], ["root"]),
        helper.make_node("Reshape", ["root", "one_row"], ["scores"]),
        helper.make_node("Identity", ["a_box"], ["boxes"]),
        helper.make_node("Identity", ["a_class"], ["classes"]),
    ]
    shapes = {
        "boxes": (TensorProto.FLOAT, [1, 1, 4]),
        "scores": (TensorProto.FLOAT, [1, 1]),
        "classes": (TensorProto.INT64, [1, 1]),
    }
    constants: dict[str, np.ndarray] = {
        "bright": np.array(10, np.float32),
        "one_row": np.array([1, 1], np.int64),
        "a_box": np.array([[[0, 0, 8, 8]]], np.float32),
        "a_class": np.array([[1]], np.int64),
    }
    path = save_student(tmp_path / "roots.onnx", nodes, shapes, (16, 16), constants)
    with Student(path, provider="cpu", threads=1) as student:
        assert student(Frame(np.full((16, 16, 3), 10, np.uint8))).detections == ()
        with pytest.raises(StudentError, match="one is nan"):
            student(Frame(np.zeros((16, 16, 3), np.uint8)))
