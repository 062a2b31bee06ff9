"""What a student costs, counted from its `.onnx`: parameters and multiply-accumulates, not what somebody claims.

Counted are the multiplications of convolutions and matrix products, as challenge rules and papers do; element-wise
work, resizing and normalisation are not. Quantised graphs (QDQ or QLinear operators) count like their fp32 originals.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path

import onnx
from onnx import AttributeProto, GraphProto, NodeProto, TensorProto, helper, shape_inference

log = logging.getLogger(__name__)

Shapes = dict[str, tuple[int, ...]]

_FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE}
_SMALL_INTEGERS = {TensorProto.INT8, TensorProto.UINT8, TensorProto.INT32}
_QUANTISERS = {"QuantizeLinear", "DequantizeLinear"}


class CostError(ValueError):
    """A graph whose cost cannot be counted: names the node and why."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Size and work of one inference.

    Attributes:
        params_m: parameters, in millions.
        gmacs: multiply-accumulates, in thousand millions; None when the graph hides them (loops, dynamic shapes).
    """

    params_m: float
    gmacs: float | None


def measure(path: Path) -> Cost:
    """Count the cost of the model at `path`. Work that cannot be counted is logged and given as None."""
    model = onnx.load(str(path))
    try:
        gmacs = count_macs(model) / 1e9
    except CostError as err:
        log.warning("%s: GMACs are unknown: %s", path, err)
        gmacs = None
    return Cost(count_parameters(model.graph) / 1e6, gmacs)


def count_parameters(graph: GraphProto) -> int:
    """Elements of the graph's learned tensors: weights, biases and norms, in floating point or quantised.

    Constants of the graph's own plumbing (single numbers, shapes, quantisation scales and zero points) do not count.
    """
    plumbing: set[str] = set()
    weights: set[str] = set()
    for node in graph.node:
        if node.op_type in _QUANTISERS or node.op_type.startswith("QLinear"):
            plumbing |= {name for i, name in enumerate(node.input) if i in _scale_inputs(node)}
        if node.op_type == "DequantizeLinear" or node.op_type.startswith("QLinear"):
            weights |= set(node.input) - plumbing
        if node.op_type == "Resize":
            plumbing |= set(node.input[1:])
    total = 0
    for name, tensor in _constants(graph):
        size = prod(tensor.dims)
        learned = tensor.data_type in _FLOATS or (tensor.data_type in _SMALL_INTEGERS and name in weights)
        if learned and size > 1 and name not in plumbing:
            total += size
    return total


def _scale_inputs(node: NodeProto) -> set[int]:
    if node.op_type in _QUANTISERS:
        return {1, 2}
    return {1, 2, 4, 5, 6, 7}


def _constants(graph: GraphProto) -> list[tuple[str, TensorProto]]:
    found = [(tensor.name, tensor) for tensor in graph.initializer]
    for node in graph.node:
        if node.op_type == "Constant":
            found += [(node.output[0], a.t) for a in node.attribute if a.type == AttributeProto.TENSOR]
    return found


def count_macs(model: onnx.ModelProto) -> int:
    """Multiply-accumulates of one inference.

    Raises:
        CostError: a shape that matters is unknown, or a product hides in a loop or branch.
    """
    graph = shape_inference.infer_shapes(model, data_prop=True).graph
    shapes = _shapes(graph)
    total = 0
    for node in graph.node:
        _refuse_hidden_products(node)
        count = _COUNTS.get(node.op_type)
        if count is not None:
            try:
                total += count(node, shapes)
            except KeyError as err:
                raise CostError(f"{node.op_type} {node.name!r}: the shape of {err} is not static") from err
    return total


def _shapes(graph: GraphProto) -> Shapes:
    shapes: Shapes = {name: tuple(tensor.dims) for name, tensor in _constants(graph)}
    for value in (*graph.input, *graph.output, *graph.value_info):
        dims = value.type.tensor_type.shape.dim
        if value.type.tensor_type.HasField("shape") and all(d.HasField("dim_value") for d in dims):
            shapes[value.name] = tuple(d.dim_value for d in dims)
    return shapes


def _refuse_hidden_products(node: NodeProto) -> None:
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            for inner in attribute.g.node:
                _refuse_hidden_products(inner)
                if inner.op_type in _COUNTS:
                    raise CostError(f"{node.op_type} {node.name!r} holds a {inner.op_type} whose repeats are not known")


def _attribute(node: NodeProto, name: str, default: int) -> int:
    return next((int(helper.get_attribute_value(a)) for a in node.attribute if a.name == name), default)


def _convolution(node: NodeProto, shapes: Shapes, weight: int = 1) -> int:
    # weight: (C_out, C_in / groups, kernel...): each output element takes one product per weight of its filter.
    return prod(shapes[node.output[0]]) * prod(shapes[node.input[weight]][1:])


def _transposed_convolution(node: NodeProto, shapes: Shapes) -> int:
    # weight: (C_in, C_out / groups, kernel...): each input element is spread by its filter.
    return prod(shapes[node.input[0]]) * prod(shapes[node.input[1]][1:])


def _gemm(node: NodeProto, shapes: Shapes) -> int:
    left = shapes[node.input[0]]
    return prod(shapes[node.output[0]]) * (left[0] if _attribute(node, "transA", 0) else left[1])


def _matmul(node: NodeProto, shapes: Shapes) -> int:
    return prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]


_COUNTS: dict[str, Callable[[NodeProto, Shapes], int]] = {
    "Conv": _convolution,
    "ConvInteger": _convolution,
    "QLinearConv": lambda node, shapes: _convolution(node, shapes, weight=3),
    "ConvTranspose": _transposed_convolution,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "MatMulInteger": _matmul,
    "QLinearMatMul": _matmul,
}
