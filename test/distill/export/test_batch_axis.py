"""A batch axis that is free, and believed only where pictures do not look at each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from afss_ros.cli import main
from afss_ros.distill.errors import DistillError
from afss_ros.distill.export.batch_axis import freed
from afss_ros.student import Student
from afss_ros.student.providers import batches

SHIPPED = Path(__file__).resolve().parents[3] / "models" / "student-fp32.onnx"


def graph(nodes: list[NodeProto], **constants: list[int]) -> bytes:
    """From bytes (1, 4, 4, 3) to floats `f` (1, 3, 4, 4), and on by `nodes` to labels (1, 8, 8)."""
    nodes = [
        helper.make_node("Cast", ["image"], ["c"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["c"], ["f"], perm=[0, 3, 1, 2]),
        *nodes,
        helper.make_node("ReduceMax", ["large", "one"], ["brightest"], keepdims=0),
        helper.make_node("Cast", ["brightest"], ["labels"], to=TensorProto.UINT8),
    ]
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 4, 4, 3])],
        [helper.make_tensor_value_info("labels", TensorProto.UINT8, [1, 8, 8])],
        [numpy_helper.from_array(np.array(v, np.int64), name) for name, v in ({"one": [1]} | constants).items()],
        value_info=[helper.make_tensor_value_info("f", TensorProto.FLOAT, [1, 3, 4, 4])],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def enlarged(name: str) -> NodeProto:
    return helper.make_node("Resize", [name, "", "", "sizes"], ["large"], mode="nearest")


def test_reshapes_and_sizes_that_repeat_the_batch_are_of_any_batch() -> None:
    content = graph(
        [
            helper.make_node("Reshape", ["f", "flat"], ["g"]),
            helper.make_node("Reshape", ["g", "square"], ["h"]),
            enlarged("h"),
        ],
        flat=[1, -1], square=[1, 3, 4, 4], sizes=[1, 3, 8, 8],
    )  # fmt: skip
    free = onnxruntime.InferenceSession(freed(content), providers=["CPUExecutionProvider"])
    assert [tensor.shape for tensor in (*free.get_inputs(), *free.get_outputs())] == [
        ["batch", 4, 4, 3],
        ["batch", 8, 8],
    ]
    pictures = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3), np.uint8)
    wanted = pictures.max(3).repeat(2, 1).repeat(2, 2)
    for count in (1, 2, 5):
        assert np.array_equal(free.run(None, {"image": pictures[:count]})[0], wanted[:count])
    assert freed(freed(content)) == freed(content), "what is free already stays so"


def test_a_graph_that_cannot_be_of_any_batch_is_refused() -> None:
    squeezed = [
        helper.make_node("Reshape", ["f", "none"], ["g"]),
        helper.make_node("Reshape", ["g", "square"], ["h"]),
    ]
    with pytest.raises(DistillError, match="a batch of 1 is built into the graph"):
        freed(graph([*squeezed, enlarged("h")], none=[3, 4, 4], square=[1, 3, 4, 4], sizes=[1, 3, 8, 8]))
    mixing = [helper.make_node("ReduceMin", ["f", "zero"], ["least"]), helper.make_node("Add", ["f", "least"], ["h"])]
    with pytest.raises(DistillError, match="output 'labels' of 2 pictures at once is not what each gives alone"):
        freed(graph([*mixing, enlarged("h")], zero=[0], sizes=[1, 3, 8, 8]))


def test_the_shipped_student_for_gpus_can_be_of_any_batch() -> None:
    model = onnx.load_from_string(freed(SHIPPED.read_bytes()))
    assert {tensor.type.tensor_type.shape.dim[0].dim_param for tensor in (*model.graph.input, *model.graph.output)} == {
        "batch"
    }


def test_an_arranged_student_with_a_free_batch_keeps_its_known_answer(
    tiny_student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "free.onnx"
    assert main(["arrange", str(tiny_student), "--out", str(target), "--free-batch"]) == 0
    monkeypatch.setattr(batches, "GAIN", ("cpu",))
    with Student(target, provider="cpu", integrity="require", batch=2) as student:
        assert student.batch == 2
    asked = ["--provider", "cpu", "--cameras", "3", "--runs", "1"]
    assert main(["check-model", str(target), *asked]) == 0
    assert "looks of 3 cameras: " in (told := capsys.readouterr().out)
    assert "at least 1.000000 of each answer is the same" in told
    assert main(["check-model", str(tiny_student), *asked]) == 0
    assert "looks of 3 cameras: one by one: that takes a batch axis" in capsys.readouterr().out
