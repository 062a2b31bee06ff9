"""A real referring network of a few hundred bytes: it knows three words, and its answers can be worked out by eye.

"the bright" is every pixel of more than 128; any other words of its own are nothing. Built with `onnx` alone.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from afss_ros.refer.network import NetworkFacts, to_metadata
from afss_ros.refer.vocabulary import Vocabulary

WORDS = ("bright", "dark", "the")
LENGTH = 4


def build_tiny_referrer(
    path: Path,
    size: tuple[int, int] = (48, 64),
    metadata: dict[str, str] | None = None,
    words: tuple[str, ...] = WORDS,
) -> Path:
    """Write it; its one thing is called body.

    Args:
        words: the first of them is the one that means what is bright.
        metadata: replaces entries of its own.
    """
    height, width = size
    constants: dict[str, np.ndarray] = {
        "middle": np.array(128, np.float32),
        "bright": np.array(1, np.int64),
        "grey": np.array(255, np.float32),
        "starts": np.array([0, 0], np.int64),
        "ends": np.array([height, width], np.int64),
        "axes": np.array([1, 2], np.int64),
        "strides": np.array([2, 2], np.int64),
        "all": np.array([0, 1, 2], np.int64),
        "one": np.array([1], np.int64),
        "row": np.array([1, 1], np.int64),
        "first": np.array([[0]], np.int64),
    }
    node = helper.make_node
    nodes = [
        node("Cast", ["image"], ["values"], to=TensorProto.FLOAT),
        node("ReduceMean", ["values"], ["mean"], axes=[3], keepdims=0),
        node("Greater", ["mean", "middle"], ["lit"]),
        node("Cast", ["lit"], ["lit_value"], to=TensorProto.FLOAT),
        node("Equal", ["tokens", "bright"], ["hits"]),
        node("Cast", ["hits"], ["hit_values"], to=TensorProto.FLOAT),
        node("ReduceMax", ["hit_values"], ["asked"], axes=[0, 1], keepdims=0),
        node("Mul", ["lit_value", "asked"], ["meant"]),
        node("Mul", ["meant", "grey"], ["meant_grey"]),
        node("Cast", ["meant_grey"], ["mask"], to=TensorProto.UINT8),
        node("ReduceMax", ["meant"], ["there"], axes=[0, 1, 2], keepdims=0),
        node("Reshape", ["there", "one"], ["presence"]),
        node("Reshape", ["there", "row"], ["scores"]),
        node("Identity", ["first"], ["classes"]),
        node("Slice", ["mask", "starts", "ends", "axes", "strides"], ["half"]),
        node("Unsqueeze", ["half", "one"], ["masks"]),
    ]
    outputs = {
        "mask": (TensorProto.UINT8, [1, height, width]),
        "presence": (TensorProto.FLOAT, [1]),
        "scores": (TensorProto.FLOAT, [1, 1]),
        "classes": (TensorProto.INT64, [1, 1]),
        "masks": (TensorProto.UINT8, [1, 1, height // 2, width // 2]),
    }
    graph = helper.make_graph(
        nodes,
        "tiny_referrer",
        [
            helper.make_tensor_value_info("image", TensorProto.UINT8, [1, height, width, 3]),
            helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, LENGTH]),
        ],
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    facts = NetworkFacts(Vocabulary(words, LENGTH), ("body",), size, "Apache-2.0", "none", {}, "0" * 64)
    helper.set_model_props(model, {**to_metadata(facts), **(metadata or {})})
    onnx.save(model, str(path))
    return path
