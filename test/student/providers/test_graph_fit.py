"""Whether one provider could take all of a graph, told from the file alone."""

from __future__ import annotations

from pathlib import Path

from onnx import TensorProto, helper

from afss_ros.student.providers import graph_fit


def graph(first: str) -> bytes:
    nodes = [
        helper.make_node(first, ["image"], ["a"], **({"to": 1} if first == "Cast" else {})),  # type: ignore[arg-type]
        helper.make_node("Cast", ["a"], ["out"], to=TensorProto.FLOAT),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 2, 2, 3])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    return bytes(helper.make_model(helper.make_graph(nodes, "g", [image], [out])).SerializeToString())


def test_bytes_belong_into_a_cast() -> None:
    assert graph_fit.read(graph("Cast")).advice == []
    (advice,) = graph_fit.read(graph("Transpose")).advice
    assert advice.startswith("Transpose reads the bytes of input 'image'") and "afss arrange" in advice


def test_what_is_no_model_has_no_advice() -> None:
    assert graph_fit.read(b"\x89PNG, not a model").advice == []
    assert graph_fit.read(graph("Transpose")[:-3]).contexts == 0


def test_the_shipped_student_for_gpus_casts_first() -> None:
    fit = graph_fit.read(Path("models/student-fp32.onnx").read_bytes())
    assert fit.readers == {"image": ("Cast",)}
