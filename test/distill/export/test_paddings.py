"""A convolution takes over the zeros that are padded for it, and nothing else."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from afss_ros.distill.export.paddings import fold_paddings


def padded_convolution(
    amounts: list[int], *, fill: float = 0.0, mode: str = "constant", own: list[int] | None = None
) -> onnx.ModelProto:
    """A Pad and a Conv of 3 x 3 with stride 2 on one map of 6 x 6."""
    weight = np.random.default_rng(0).normal(size=(2, 1, 3, 3)).astype(np.float32)
    constants = {"amounts": np.array(amounts, np.int64), "fill": np.float32(fill), "weight": weight}
    nodes = [
        helper.make_node("Pad", ["x", "amounts", "fill"], ["padded"], mode=mode),
        helper.make_node("Conv", ["padded", "weight"], ["y"], strides=[2, 2]),
    ]
    if own:
        nodes[1].attribute.append(helper.make_attribute("pads", own))
    graph = helper.make_graph(
        nodes, "padded",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 6, 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2, "h", "w"])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def run(model: onnx.ModelProto) -> np.ndarray:
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    x = np.random.default_rng(1).normal(size=(1, 1, 6, 6)).astype(np.float32)
    return np.asarray(session.run(None, {"x": x})[0])


@pytest.mark.parametrize("own", [None, [1, 0, 0, 2]])
def test_more_zeros_behind_than_before_become_the_convolutions_own(own: list[int] | None) -> None:
    model = padded_convolution([0, 0, 0, 0, 0, 0, 1, 1], own=own)
    before = run(model)
    assert fold_paddings(model) == 1
    assert [node.op_type for node in model.graph.node] == ["Conv"]
    assert {tensor.name for tensor in model.graph.initializer} == {"weight"}
    assert np.allclose(run(model), before, atol=1e-6)


@pytest.mark.parametrize(
    "model",
    [
        padded_convolution([0, 0, 0, 0, 0, 0, 1, 1], fill=0.5),
        padded_convolution([0, 0, 1, 1, 0, 0, 1, 1], mode="reflect"),
        padded_convolution([0, 0, -1, 0, 0, 0, 0, 0]),
    ],
    ids=["not zeros", "mirrored", "cropped"],
)
def test_what_is_not_zeros_around_the_map_stays(model: onnx.ModelProto) -> None:
    before = run(model)
    assert fold_paddings(model) == 0
    assert [node.op_type for node in model.graph.node] == ["Pad", "Conv"]
    assert np.array_equal(run(model), before)


def test_what_somebody_else_reads_too_stays() -> None:
    model = padded_convolution([0, 0, 0, 0, 0, 0, 1, 1])
    model.graph.output.append(helper.make_tensor_value_info("padded", TensorProto.FLOAT, [1, 1, 7, 7]))
    assert fold_paddings(model) == 0
    assert [node.op_type for node in model.graph.node] == ["Pad", "Conv"]
