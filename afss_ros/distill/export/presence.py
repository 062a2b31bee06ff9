"""Whether a picture shows any craft at all, told by a student from all that its network sees of it at once.

A label map is made pixel by pixel, and a moon's limb or a comet's tail looks like craft from nearby. What the network
has computed of the whole picture tells better: its deepest and its last features, each as their mean and their largest,
and the last ones where it takes pixels for craft. On these a line is laid where the truth is known (logistic
regression), and a copy of the file gives one output more. What the graph held before is the same to the byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper, shape_inference

from afss_ros.datasets import Sample
from afss_ros.datasets.files import write_atomically
from afss_ros.datasets.form import WHOLE
from afss_ros.distill.data import augment
from afss_ros.distill.errors import DistillError
from afss_ros.distill.export.regression import logistic
from afss_ros.distill.recipe import AugmentRecipe
from afss_ros.student import letterbox
from afss_ros.student.contract import PRESENCE
from afss_ros.student.runtime import session_options

RIDGE = 300.0
"""Of the squared weights of standardised values, against the summed loss: the values are many and pictures few. Of 100,
300, 1000 and 3000 it has the least loss on 420 rendered frames on which no line was laid."""
_POOLED = "presence/pooled"
_LEAST = 1e-3
_SEED = 19
_QUANTISED = ("QuantizeLinear", "DequantizeLinear")
_CURE = "give an .onnx of our own networks that `afss export` wrote, with a label map"


@dataclass(frozen=True, slots=True)
class Laid:
    """A line on the pooled values, F weights and an offset; on how many looks it was laid, and how many saw a craft."""

    line: NDArray[np.float64]
    looks: int
    with_craft: int


def lay(
    student: Path,
    samples: Iterable[Sample],
    *,
    looks: int = 2,
    threads: int = 1,
    advance: Callable[[], None] = lambda: None,
) -> Laid:
    """Lay the line on pictures of which it is known whether they show a craft.

    Args:
        looks: how often each picture is looked at: as it is first, then toned and degraded as trainings have it, low
            light among it.
        advance: called after each picture.

    Raises:
        DistillError: the student has no such features, or all of the pictures show a craft, or none does.
        DatasetError: a picture cannot be read.
    """
    session = onnxruntime.InferenceSession(
        _pooling(onnx.load(str(student))).SerializeToString(),
        session_options(threads),
        providers=["CPUExecutionProvider"],
    )
    size = tuple(session.get_inputs()[0].shape[1:3])
    rows: list[NDArray[np.float32]] = []
    there: list[bool] = []
    for number, sample in enumerate(samples):
        truth = sample.read_instances() if sample.searched else None
        if truth is not None:
            for image in _views(sample.read_image(), size, looks, number):
                rows.append(session.run([_POOLED], {"image": image[None]})[0][0])
                there.append(any(t.class_name == WHOLE for t in truth))
        advance()
    if len(set(there)) < 2:
        raise DistillError(
            f"{len(there)} looks, {sum(there)} of them at a craft: what tells them apart needs both; give sets with"
            " craft and without, such as `afss render --nature 0.7 --empty 0.5`"
        )
    return Laid(fit(np.stack(rows), np.array(there)), len(there), sum(there))


def fit(values: NDArray[np.float32], there: NDArray[np.bool_], ridge: float = RIDGE) -> NDArray[np.float64]:
    """Logistic regression with a ridge on standardised values (N, F): F weights and an offset.

    Looks at a craft count as much, together, as those at none: how often a camera sees one is not known here.
    """
    middle, spread = values.mean(0, np.float64), np.maximum(values.std(0, np.float64), _LEAST)
    share = there.mean()
    line = logistic((values - middle) / spread, there, ridge, np.where(there, 0.5 / share, 0.5 / (1 - share)))
    raw = line[:-1] / spread
    return np.append(raw, line[-1] - raw @ middle)


def write(student: Path, out: Path, line: NDArray[np.float64]) -> Path:
    """A copy of a student that tells the chance of a craft; one that did already tells it by this line.

    Raises:
        DistillError: the student has no such features.
        OSError: it cannot be read or written.
    """
    model = _pooling(onnx.load(str(student)))
    graph = model.graph
    graph.output.pop()
    values = {"weights": line[None, :-1].astype(np.float32), "offset": line[-1:].astype(np.float32)}
    graph.initializer.extend(numpy_helper.from_array(v, _name(n)) for n, v in values.items())
    graph.node.extend(
        [
            # A product of matrices sums in another order where there are several pictures.
            helper.make_node("Mul", [_POOLED, _name("weights")], [_name("weighed")]),
            helper.make_node("ReduceSum", [_name("weighed"), _name("one")], [_name("weight")], keepdims=0),
            helper.make_node("Add", [_name("weight"), _name("offset")], [_name("logit")]),
            helper.make_node("Sigmoid", [_name("logit")], [PRESENCE]),
        ]
    )
    for number, node in enumerate(graph.node[-4:]):
        node.name = _name(f"last {number}")
    batch = graph.input[0].type.tensor_type.shape.dim[0]
    told = helper.make_tensor_value_info(PRESENCE, TensorProto.FLOAT, [batch.dim_param or batch.dim_value])
    graph.output.append(told)
    write_atomically(out, model.SerializeToString())
    return out


def _views(image: NDArray[np.uint8], size: Sequence[int], looks: int, number: int) -> Iterator[NDArray[np.uint8]]:
    box = letterbox.fit((image.shape[0], image.shape[1]), (size[0], size[1]))
    plain = np.array(letterbox.apply(image, box, np.full((*size, 3), letterbox.PAD_VALUE, np.uint8)))
    yield plain
    recipe = AugmentRecipe(low_light=0.5)  # type: ignore[call-arg]
    for look in range(1, looks):
        rng = np.random.default_rng((_SEED, number, look))
        yield augment.degrade(rng, recipe, augment.tone(rng, recipe, plain))


def _name(part: str) -> str:
    return f"{PRESENCE}/{part}"


def _pooling(model: onnx.ModelProto) -> onnx.ModelProto:
    """The student without presence, and with the pooled values, float32 (1, F), as its last output."""
    graph = model.graph
    for kept in (graph.node, graph.initializer):
        for old in [each for each in kept if each.name.startswith(f"{PRESENCE}/")]:
            kept.remove(old)
    for old in [each for each in graph.output if each.name == PRESENCE]:
        graph.output.remove(old)
    nodes, constants = _pool(*_features(model))
    graph.node.extend(nodes)
    graph.initializer.extend(constants)
    graph.output.append(helper.make_tensor_value_info(_POOLED, TensorProto.FLOAT, None))
    return model


def _features(model: onnx.ModelProto) -> tuple[str, str, str]:
    """Names of the deepest features, of those that the logits are made of, and of the logits, as they are read.

    Raises:
        DistillError: there are none.
    """
    makers = {output: node for node in model.graph.node for output in node.output}

    def made_by(tensor: str) -> NodeProto | None:
        node = makers.get(tensor)
        while node is not None and node.op_type in _QUANTISED:
            node = makers.get(node.input[0])
        return node

    sizes = {}
    for value in shape_inference.infer_shapes(model).graph.value_info:
        sizes[value.name] = [d.dim_value for d in value.type.tensor_type.shape.dim]
    handed_on = [
        tensor
        for node in model.graph.node
        if "/decoder" in node.name and node.op_type not in _QUANTISED
        for tensor in node.input
        if (source := made_by(tensor)) is not None and "/encoder" in source.name and len(sizes.get(tensor, ())) == 4
    ]
    last = makers.get("labels")
    while last is not None and last.op_type != "Conv":
        last = next((makers[name] for name in last.input if name in makers), None)
    if not handed_on or last is None:
        raise DistillError(f"no encoder's features are found in the student's graph; {_CURE}")
    deepest = min(handed_on, key=lambda tensor: sizes[tensor][2] * sizes[tensor][3])
    return deepest, last.input[0], last.output[0]


def _pool(deep: str, decoded: str, logits: str) -> tuple[list[NodeProto], list[TensorProto]]:
    constants = {
        "along": np.array([2, 3]), "one": np.array([1]), "two": np.array([2]), "first": np.array([0]),
        "end": np.array([2**31]), "flat": np.array([0, -1, 1]), "row": np.array([0, 0, -1]),
        "least": np.array([_LEAST], np.float32), "lowest": np.array([np.finfo(np.float32).min]),
    }  # fmt: skip
    steps: list[tuple[str, list[str], str, dict[str, Any]]] = [
        ("ReduceMean", [deep, "along"], "deep mean", {"keepdims": 0}),
        ("ReduceMax", [deep, "along"], "deep most", {"keepdims": 0}),
        # Of 8 bits, each reader of the features would have them made into numbers anew: the one here changes nothing.
        ("Max", [decoded, "lowest"], "last", {}),
        ("Reshape", ["last", "row"], "rows", {}),
        ("ReduceMean", ["rows", "two"], "last mean", {"keepdims": 0}),
        ("ReduceMax", ["rows", "two"], "last most", {"keepdims": 0}),
        # How much likelier the likeliest part of a craft is than none.
        ("Slice", [logits, "one", "end", "one"], "parts", {}),
        ("ReduceMax", ["parts", "one"], "part", {"keepdims": 1}),
        ("Slice", [logits, "first", "one", "one"], "none", {}),
        ("Sub", ["part", "none"], "ahead", {}),
        ("Sigmoid", ["ahead"], "craft", {}),
        ("Reshape", ["craft", "flat"], "here", {}),
        ("MatMul", ["rows", "here"], "summed", {}),
        ("Squeeze", ["summed", "two"], "sum", {}),
        ("ReduceSum", ["here", "one"], "pixels", {"keepdims": 0}),
        ("Max", ["pixels", "least"], "some pixels", {}),
        ("Div", ["sum", "some pixels"], "there", {}),
        ("Concat", ["deep mean", "last mean", "deep most", "last most", "there"], "pooled", {"axis": 1}),
    ]
    ours = {*constants, *(output for _, _, output, _ in steps)}
    nodes = [
        helper.make_node(kind, [_name(i) if i in ours else i for i in inputs], [_name(output)], _name(output), **more)
        for kind, inputs, output, more in steps
    ]
    return nodes, [numpy_helper.from_array(value, _name(name)) for name, value in constants.items()]
