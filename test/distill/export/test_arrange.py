"""The input's bytes are cast first, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from tiny_students import build_tiny_student

from afss_ros.cli import main
from afss_ros.distill.export.arrange import cast_first
from afss_ros.student import Student
from afss_ros.student.providers import graph_fit


def model(*, read_twice: bool = False) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Transpose", ["image"], ["t"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["t"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["f", "f"], ["out"]),
    ]
    outputs = [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 3, 4, 5])]
    if read_twice:
        nodes.append(helper.make_node("Identity", ["t"], ["same"]))
        outputs.append(helper.make_tensor_value_info("same", TensorProto.UINT8, [1, 3, 4, 5]))
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 4, 5, 3])
    graph = helper.make_graph(nodes, "g", [image], outputs)
    graph.value_info.append(helper.make_tensor_value_info("t", TensorProto.UINT8, [1, 3, 4, 5]))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def answer(made: onnx.ModelProto) -> np.ndarray:
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    image = np.random.default_rng(0).integers(0, 256, (1, 4, 5, 3), np.uint8)
    found: np.ndarray = session.run(None, {"image": image})[0]
    return found


def test_the_same_numbers_from_a_graph_that_casts_first() -> None:
    before, after = model(), model()
    assert cast_first(after) == 1
    assert [node.op_type for node in after.graph.node] == ["Cast", "Transpose", "Mul"]
    onnx.checker.check_model(after, full_check=True)
    assert np.array_equal(answer(before), answer(after))
    assert cast_first(after) == 0, "nothing is left to do"


def test_bytes_that_something_else_reads_stay_as_they_are() -> None:
    made = model(read_twice=True)
    assert cast_first(made) == 0
    assert made == model(read_twice=True)


def test_an_arranged_student_casts_first_and_answers_the_same(tmp_path: Path) -> None:
    """The tiny student, with a transposition of its bytes there and back before all else."""
    source, target = tmp_path / "mine.onnx", tmp_path / "arranged.onnx"
    model = onnx.load(build_tiny_student(tmp_path / "tiny.onnx"))
    cast = model.graph.node[0]
    cast.input[0], cast.output[0] = "turned", "turned_pixels"
    model.graph.node.insert(0, helper.make_node("Transpose", ["image"], ["turned"], perm=[0, 3, 1, 2]))
    model.graph.node.insert(2, helper.make_node("Transpose", ["turned_pixels"], ["pixels"], perm=[0, 2, 3, 1]))
    onnx.save(model, str(source))
    assert graph_fit.read(source.read_bytes()).advice
    assert main(["arrange", str(source), "--out", str(target)]) == 0
    assert graph_fit.read(target.read_bytes()).readers == {"image": ("Cast",)}
    with Student(source, provider="cpu") as before, Student(target, provider="cpu", integrity="require") as after:
        picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
        ours, theirs = after.look(picture), before.look(picture)
        assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
