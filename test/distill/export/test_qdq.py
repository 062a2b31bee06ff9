"""A clip that 8-bit integers make needless goes; one that they do not make needless stays."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from afss_ros.distill.export.qdq import drop_clips


def quantised_clip(low: float, high: float, scale: float, zero: int) -> onnx.ModelProto:
    """A Clip between two quantisations: the first over -12.8 to 12.7, the second as given."""
    constants = {
        "wide": np.float32(0.1), "wide_zero": np.uint8(128), "scale": np.float32(scale), "zero": np.uint8(zero),
        "low": np.float32(low), "high": np.float32(high),
    }  # fmt: skip
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "wide", "wide_zero"], ["q1"]),
        helper.make_node("DequantizeLinear", ["q1", "wide", "wide_zero"], ["d1"]),
        helper.make_node("Clip", ["d1", "low", "high"], ["clipped"]),
        helper.make_node("QuantizeLinear", ["clipped", "scale", "zero"], ["q2"]),
        helper.make_node("DequantizeLinear", ["q2", "scale", "zero"], ["y"]),
    ]
    shape = [1, 5]
    graph = helper.make_graph(
        nodes, "clip",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def run(model: onnx.ModelProto) -> np.ndarray:
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    x = np.array([[-3.0, 0.0, 1.5, 6.0, 9.0]], np.float32)
    return np.asarray(session.run(None, {"x": x})[0])


def test_a_clip_to_what_the_integers_span_goes_and_changes_nothing() -> None:
    model = quantised_clip(0.0, 6.0, 6 / 255, 0)
    before = run(model)
    assert drop_clips(model) == 1
    assert [node.op_type for node in model.graph.node] == ["QuantizeLinear", "DequantizeLinear"]
    assert np.allclose(run(model), before, atol=6 / 255)
    assert np.allclose(run(model), [[0, 0, 1.5, 6, 6]], atol=6 / 255)


def test_no_constant_is_left_that_nobody_reads() -> None:
    model = quantised_clip(0.0, 6.0, 6 / 255, 0)
    drop_clips(model)
    assert {tensor.name for tensor in model.graph.initializer} == {"scale", "zero"}


@pytest.mark.parametrize(("scale", "zero"), [(12 / 255, 0), (6 / 255, 40)])
def test_a_clip_tighter_than_the_integers_stays(scale: float, zero: int) -> None:
    model = quantised_clip(0.0, 6.0, scale, zero)
    before = run(model)
    assert drop_clips(model) == 0
    assert np.array_equal(run(model), before)
