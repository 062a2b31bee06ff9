"""What runs is the one file that was hashed: a model that keeps weights elsewhere is refused, wherever one stands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from afss_ros.student import Student, StudentError
from afss_ros.student.onnx_bytes import read_facts


def external(name: str, location: str = "weights.bin") -> TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", "0"), ("length", "8")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return tensor


def model(
    nodes: list[onnx.NodeProto], initializers: list[TensorProto], *, ir_version: int = 9, opset: int = 17
) -> bytes:
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, [2])
    graph = helper.make_graph(nodes, "graph", [], [output], initializers)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("own", 3)])
    made.ir_version = ir_version
    return bytes(made.SerializeToString())


INSIDE = numpy_helper.from_array(np.ones(2, np.float32), "w")
SAME = [helper.make_node("Identity", ["w"], ["out"])]


def test_a_model_of_one_file_says_its_versions() -> None:
    facts = read_facts(model(SAME, [INSIDE], ir_version=8, opset=15))
    assert (facts.ir_version, facts.opsets, facts.external) == (8, {"": 15, "own": 3}, {})


def constant_in_a_branch() -> bytes:
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["c"], value=external("c"))],
        "branch",
        [],
        [helper.make_tensor_value_info("c", TensorProto.FLOAT, [2])],
    )
    return model(
        [helper.make_node("If", ["yes"], ["out"], then_branch=branch, else_branch=branch)],
        [numpy_helper.from_array(np.array(True), "yes")],
    )


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (model(SAME, [external("w")]), "w"),
        (model([helper.make_node("Constant", [], ["out"], value=external("k"))], []), "k"),
        (constant_in_a_branch(), "c"),
    ],
)
def test_weights_elsewhere_are_found_wherever_they_hang(content: bytes, name: str) -> None:
    assert read_facts(content).external == {name: "weights.bin"}


def test_a_student_with_weights_in_the_working_directory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weights.bin").write_bytes(bytes(8))
    (tmp_path / "student.onnx").write_bytes(model(SAME, [external("w")]))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        StudentError, match=r"student.onnx keeps 1 of its tensors in another file \('w' in 'weights.bin'"
    ):
        Student(tmp_path / "student.onnx", provider="cpu")


@pytest.mark.parametrize(
    ("versions", "said"),
    [
        ({"ir_version": 99}, r"IR version: 99, max supported IR version: \d+; it is of IR version 99; install a newer"),
        ({"opset": 99}, r"Opset 99 .*domain ai.onnx is till opset \d+.*it needs opset ai.onnx 99.*lower opset_version"),
    ],
)
def test_a_newer_model_is_refused_with_what_is_needed_and_what_is_here(
    tmp_path: Path, versions: dict[str, int], said: str
) -> None:
    path = tmp_path / "student.onnx"
    path.write_bytes(model(SAME, [INSIDE], **versions))
    with pytest.raises(StudentError, match=said):
        Student(path, provider="cpu")


@pytest.mark.parametrize("content", [b"", b"\x08", b"\x0a\xff", b"words that are no model", bytes(range(256)) * 4])
def test_other_bytes_have_no_facts(content: bytes) -> None:
    assert read_facts(content).external == {}
