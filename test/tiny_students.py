"""Real ONNX students that fit in a few hundred bytes and whose answers can be worked out by eye.

Built with the `onnx` package alone, so that any test (and any process a test starts) can have one without torch.
They keep the student contract; the fixtures in conftest.py hand out their paths.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import NodeProto, TensorProto, helper, numpy_helper

from afss_ros.student.contract import StudentContract, to_metadata

Shape = tuple[int, int]
OPSET = 17
CLASS_NAMES = {0: "background", 1: "body", 2: "panel", 3: "antenna", 4: "spacecraft"}


def save_student(
    path: Path,
    nodes: list[NodeProto],
    outputs: Mapping[str, tuple[int, list[int]]],
    size: Shape,
    constants: dict[str, np.ndarray] | None = None,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write a graph with the contract's input, `outputs` (name -> element type, shape) and the contract's metadata."""
    graph = helper.make_graph(
        nodes,
        "tiny_student",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, *size, 3])],
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    helper.set_model_props(model, {**tiny_metadata(size), **(metadata or {})})
    onnx.checker.check_model(model, full_check=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    return path


def tiny_metadata(size: Shape) -> dict[str, str]:
    """The metadata that every tiny student carries."""
    contract = StudentContract(
        version="1",
        family="tiny",
        class_names=CLASS_NAMES,
        input_size=size,
        labels_size=None,
        training_data="none: thresholds written by hand",
        licence="Apache-2.0",
        metrics={},
        producer="tiny_students",
        weights_sha256="0" * 64,
    )
    return to_metadata(contract)


_CONSTANTS: dict[str, np.ndarray] = {
    "bright": np.array(96, np.float32),
    "white": np.array(255, np.float32),
    "channels": np.array([1, 1, 1], np.int64),
    "margin": np.array(64, np.float32),
    "body": np.array(1, np.uint8),
    "panel": np.array(2, np.uint8),
    "antenna": np.array(3, np.uint8),
    "background": np.array(0, np.uint8),
    "axis_c": np.array([3], np.int64),
}


def _segment_nodes() -> list[NodeProto]:
    """`labels` and `confidence` (craft as sure as its brightest channel is bright, background as it is dark)."""
    return [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["pixels"], ["brightest"], axes=[3], keepdims=0),
        helper.make_node("Split", ["pixels", "channels"], ["r4", "g4", "b4"], axis=3),
        helper.make_node("Squeeze", ["r4", "axis_c"], ["r"]),
        helper.make_node("Squeeze", ["b4", "axis_c"], ["b"]),
        helper.make_node("Greater", ["brightest", "bright"], ["craft"]),
        helper.make_node("Sub", ["b", "r"], ["b_r"]),
        helper.make_node("Sub", ["r", "b"], ["r_b"]),
        helper.make_node("Greater", ["b_r", "margin"], ["blue"]),
        helper.make_node("Greater", ["r_b", "margin"], ["red"]),
        helper.make_node("Where", ["red", "antenna", "body"], ["body_or_antenna"]),
        helper.make_node("Where", ["blue", "panel", "body_or_antenna"], ["part"]),
        helper.make_node("Where", ["craft", "part", "background"], ["labels"]),
        *_confidence_nodes("brightest"),
    ]


def _confidence_nodes(brightest: str) -> list[NodeProto]:
    """`confidence`, the probability of the label x 255; that of craft is how bright the brightest channel is."""
    return [
        helper.make_node("Sub", ["white", brightest], ["darkness"]),
        helper.make_node("Where", ["craft", brightest, "darkness"], ["certainty"]),
        helper.make_node("Cast", ["certainty"], ["confidence"], to=TensorProto.UINT8),
    ]


def _producer_of(name: str, nodes: list[NodeProto]) -> NodeProto:
    return next(node for node in nodes if name in node.output)


def build_tiny_student(
    path: Path,
    size: Shape = (64, 64),
    metadata: dict[str, str] | None = None,
    *,
    labels_stride: int = 1,
    needs_context: bool = False,
    background_is_body: bool = False,
    presence: bool = False,
) -> Path:
    """Label each pixel by its colour: brightest channel <= 96 background; else blue panel, red antenna, grey body.

    Args:
        labels_stride: of every so many rows and columns, the label map has the first.
        needs_context: call everything background, and be sure by half, in an image without one dark pixel.
        background_is_body: call what is dark body, as a network with a wrong weight might.
        presence: say that there is a craft with a chance of as much as the brightest pixel has of 255.
    """
    nodes, constants = _segment_nodes(), dict(_CONSTANTS)
    if background_is_body:
        constants["background"] = constants["body"]
    if needs_context:
        constants["half"] = np.array(128, np.uint8)
        _producer_of("labels", nodes).output[0] = "labels_alone"
        _producer_of("confidence", nodes).output[0] = "confidence_alone"
        nodes += [
            helper.make_node("ReduceMin", ["brightest"], ["darkest"], keepdims=0),
            helper.make_node("Greater", ["darkest", "bright"], ["lost"]),
            helper.make_node("Where", ["lost", "background", "labels_alone"], ["labels"]),
            helper.make_node("Where", ["lost", "half", "confidence_alone"], ["confidence"]),
        ]
    if labels_stride > 1:
        strides = np.array([labels_stride, labels_stride], np.int64)
        constants |= {"from": np.zeros(2, np.int64), "to": np.array(size, np.int64), "axes": np.array([1, 2])}
        constants["strides"] = strides
        for name in ("labels", "confidence"):
            _producer_of(name, nodes).output[0] = f"{name}_full"
            nodes.append(helper.make_node("Slice", [f"{name}_full", "from", "to", "axes", "strides"], [name]))
    shape = [1, size[0] // labels_stride, size[1] // labels_stride]
    outputs = {"labels": (TensorProto.UINT8, shape), "confidence": (TensorProto.UINT8, shape)}
    if presence:
        nodes += [
            helper.make_node("ReduceMax", ["brightest"], ["most"], axes=[1, 2], keepdims=0),
            helper.make_node("Div", ["most", "white"], ["presence"]),
        ]
        outputs["presence"] = (TensorProto.FLOAT, [1])
    return save_student(path, nodes, outputs, size, constants, metadata)


def build_partly_placed_student(path: Path, size: Shape = (64, 64)) -> Path:
    """The same answers, by a graph with a determinant (of zeroes) in it, which few providers but the CPU take."""
    nodes, constants = _segment_nodes(), dict(_CONSTANTS)
    constants["nothing"] = np.array(0, np.float32)
    greater = _producer_of("craft", nodes)
    greater.input[1] = "brighter"
    nodes[nodes.index(greater) : nodes.index(greater)] = [
        helper.make_node("Mul", ["brightest", "nothing"], ["zeroes"]),
        helper.make_node("Det", ["zeroes"], ["zero"]),
        helper.make_node("Add", ["bright", "zero"], ["brighter"]),
    ]
    shape = [1, *size]
    outputs = {"labels": (TensorProto.UINT8, shape), "confidence": (TensorProto.UINT8, shape)}
    return save_student(path, nodes, outputs, size, constants)


def build_boxes_student(path: Path, size: Shape = (64, 64), class_id: int = 4, rows: int = 4) -> Path:
    """Box all pixels brighter than 96: the first of `rows` boxes is theirs, the rest are unused (score 0).

    The score is the brightest pixel / 255, or 0 when nothing is bright.
    """
    nodes = [
        *_segment_nodes()[:2],
        helper.make_node("Greater", ["brightest", "bright"], ["craft"]),
        helper.make_node("Cast", ["craft"], ["mask"], to=TensorProto.FLOAT),
    ]
    for axis, other, low, high in ((2, 1, "x0", "x1"), (1, 2, "y0", "y1")):
        nodes += [
            helper.make_node("ReduceMax", ["mask"], [f"line{axis}"], axes=[other], keepdims=0),
            helper.make_node("ArgMax", [f"line{axis}"], [f"{low}_i"], axis=1, keepdims=1),
            helper.make_node("ArgMax", [f"line{axis}"], [f"{high}_i"], axis=1, keepdims=1, select_last_index=1),
            helper.make_node("Cast", [f"{low}_i"], [low], to=TensorProto.FLOAT),
            helper.make_node("Cast", [f"{high}_i"], [f"{high}_f"], to=TensorProto.FLOAT),
            helper.make_node("Add", [f"{high}_f", "one"], [high]),
        ]
    nodes += [
        helper.make_node("Concat", ["x0", "y0", "x1", "y1"], ["box"], axis=1),
        helper.make_node("Reshape", ["box", "box_shape"], ["box3"]),
        helper.make_node("Concat", ["box3", "no_boxes"], ["boxes"], axis=1),
        helper.make_node("ReduceMax", ["brightest"], ["peak"], axes=[1, 2], keepdims=0),
        helper.make_node("ReduceMax", ["mask"], ["any"], axes=[1, 2], keepdims=0),
        helper.make_node("Mul", ["peak", "any"], ["peak_any"]),
        helper.make_node("Div", ["peak_any", "full"], ["score"]),
        helper.make_node("Reshape", ["score", "score_shape"], ["score2"]),
        helper.make_node("Concat", ["score2", "no_scores"], ["scores"], axis=1),
        # `classes` must be computed by a node; Identity of a constant is enough.
        helper.make_node("Identity", ["class_ids"], ["classes"]),
    ]
    constants = {
        "bright": _CONSTANTS["bright"],
        "one": np.array(1, np.float32),
        "full": np.array(255, np.float32),
        "box_shape": np.array([1, 1, 4], np.int64),
        "score_shape": np.array([1, 1], np.int64),
        "no_boxes": np.zeros((1, rows - 1, 4), np.float32),
        "no_scores": np.zeros((1, rows - 1), np.float32),
        "class_ids": np.full((1, rows), class_id, np.int64),
    }
    outputs = {
        "boxes": (TensorProto.FLOAT, [1, rows, 4]),
        "scores": (TensorProto.FLOAT, [1, rows]),
        "classes": (TensorProto.INT64, [1, rows]),
    }
    return save_student(path, nodes, outputs, size, constants)


def build_slow_student(path: Path, inference_ms: float, size: Shape = (64, 64)) -> Path:
    """The tiny student, held up by a loop of matrix products so that one inference takes about `inference_ms`.

    The number of turns is calibrated here: it is the processor's time, so a busy machine takes longer.
    """
    turns = 40
    _build_burning(path, turns, size)
    turns = max(1, round(turns * inference_ms / _inference_ms(path, size)))
    return _build_burning(path, turns, size)


def _build_burning(path: Path, turns: int, size: Shape) -> Path:
    side = 96
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "rotation"], ["x_next"]),
            helper.make_node("Identity", ["go"], ["go_on"]),
        ],
        "turn",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [side, side]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x_next", TensorProto.FLOAT, [side, side]),
        ],
    )
    nodes = [
        *_segment_nodes()[:-3],
        # The loop starts from the image and ends in `confidence` (times zero), so that no optimiser can drop it.
        helper.make_node("ReduceMax", ["brightest"], ["peak"], keepdims=0),
        helper.make_node("Mul", ["identity", "peak"], ["x0"]),
        helper.make_node("Loop", ["turns", "yes", "x0"], ["x_last"], body=body),
        helper.make_node("ReduceMax", ["x_last"], ["burnt"], keepdims=0),
        helper.make_node("Mul", ["burnt", "zero"], ["nothing"]),
        helper.make_node("Add", ["brightest", "nothing"], ["brightest_late"]),
        *_confidence_nodes("brightest_late"),
    ]
    constants = {
        **_CONSTANTS,
        "turns": np.array(turns, np.int64),
        "yes": np.array(True),
        "identity": np.eye(side, dtype=np.float32),
        "rotation": np.roll(np.eye(side, dtype=np.float32), 1, axis=0),
        "zero": np.array(0, np.float32),
    }
    outputs = {"labels": (TensorProto.UINT8, [1, *size]), "confidence": (TensorProto.UINT8, [1, *size])}
    return save_student(path, nodes, outputs, size, constants)


def _inference_ms(path: Path, size: Shape) -> float:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feed = {"image": np.full((1, *size, 3), 200, np.uint8)}
    best = float("inf")
    for _ in range(5):
        # Time on the processor, in this thread: what else the machine does meanwhile does not count.
        start = time.thread_time()
        session.run(None, feed)
        best = min(best, time.thread_time() - start)
    return best * 1e3


def build_hanging_student(path: Path, size: Shape = (64, 64), *, hangs_on_black: bool = False) -> Path:
    """A tiny student that never answers to an image without one dark pixel, or to a black one, as warm-up shows it."""
    nodes, constants = _segment_nodes(), dict(_CONSTANTS)
    _producer_of("brightest", nodes).output[0] = "seen"
    shape = [1, *size]
    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["still_on"]), helper.make_node("Identity", ["carried"], ["carried_on"])],
        "forever",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("carried", TensorProto.FLOAT, shape),
        ],
        [
            helper.make_tensor_value_info("still_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("carried_on", TensorProto.FLOAT, shape),
        ],
    )
    constants["edge"] = np.array(0.5 if hangs_on_black else 96, np.float32)
    trap = [
        helper.make_node("ReduceMax" if hangs_on_black else "ReduceMin", ["seen"], ["telling"], keepdims=0),
        helper.make_node("Less" if hangs_on_black else "Greater", ["telling", "edge"], ["caught"]),
        helper.make_node("Loop", ["", "caught", "seen"], ["brightest"], body=body),
    ]
    outputs = {"labels": (TensorProto.UINT8, shape), "confidence": (TensorProto.UINT8, shape)}
    return save_student(path, [*nodes[:2], *trap, *nodes[2:]], outputs, size, constants)
