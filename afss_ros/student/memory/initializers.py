"""The tensors that an `.onnx` keeps in itself, read from its bytes: ONNX's own library is not on board.

Field numbers are those of onnx.proto. Tensors of a subgraph, those kept in typed fields instead of raw bytes, and types
that NumPy does not know are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.student.onnx_bytes import fields

_MODEL_GRAPH, _GRAPH_NODE, _GRAPH_TENSOR = 7, 1, 5
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_RAW = 1, 2, 8, 9
_NODE_INPUT, _NODE_OPERATOR = 1, 4
_DTYPES: dict[int, type[np.generic]] = {
    1: np.float32,
    2: np.uint8,
    3: np.int8,
    4: np.uint16,
    5: np.int16,
    6: np.int32,
    7: np.int64,
    9: np.bool_,
    10: np.float16,
    11: np.float64,
    12: np.uint32,
    13: np.uint64,
}
_REPACKED: dict[str, tuple[int, ...]] = {
    "QLinearConv": (3, 8),
    "ConvInteger": (1,),
    "QLinearMatMul": (3,),
    "MatMulInteger": (1,),
    "DynamicQuantizeMatMul": (1,),
    "MatMulIntegerToFloat": (1,),
    "QGemm": (3,),
    "QAttention": (1,),
    "MatMul": (1,),
    "FusedMatMul": (1,),
    "Gemm": (1,),
    "FusedGemm": (1,),
}
"""Operators for which ONNX Runtime keeps weights, and biases added to their sums, in an order of its own, and which
inputs those are: what lies with us is not looked at any more. Measured: test/student/memory/test_shipped_weights.py."""


def initializers(model: bytes) -> dict[str, NDArray[Any]]:
    """The tensors of a model's graph by name, each a read-only view of `model`; empty ones are left out.

    Raises:
        IndexError, ValueError: these are no bytes of a model.
    """
    found = (_tensor(tensor) for tensor in _in_graph(model, _GRAPH_TENSOR))
    return {name: array for name, array in found if array is not None and array.size}


def repacked(model: bytes) -> set[str]:
    """The names of the inputs that ONNX Runtime does not read where they lie, as far as is known."""
    names = set[str]()
    for node in _in_graph(model, _GRAPH_NODE):
        inputs, operator = [], ""
        for number, value in fields(node):
            if number == _NODE_INPUT and isinstance(value, memoryview):
                inputs.append(bytes(value).decode())
            elif number == _NODE_OPERATOR and isinstance(value, memoryview):
                operator = bytes(value).decode()
        names |= {inputs[place] for place in _REPACKED.get(operator, ()) if place < len(inputs)}
    return names


def _in_graph(model: bytes, wanted: int) -> Iterator[memoryview]:
    for number, graph in fields(memoryview(model)):
        if number == _MODEL_GRAPH and isinstance(graph, memoryview):
            yield from (v for n, v in fields(graph) if n == wanted and isinstance(v, memoryview))


def _tensor(message: memoryview) -> tuple[str, NDArray[Any] | None]:
    name, kind, shape, raw = "", 0, list[int](), None
    for number, value in fields(message):
        if number == _TENSOR_DIMS:
            shape += [value] if isinstance(value, int) else _packed(value)
        elif number == _TENSOR_TYPE and isinstance(value, int):
            kind = value
        elif number == _TENSOR_NAME and isinstance(value, memoryview):
            name = bytes(value).decode()
        elif number == _TENSOR_RAW and isinstance(value, memoryview):
            raw = value
    if raw is None or kind not in _DTYPES:
        return name, None
    return name, np.frombuffer(raw, _DTYPES[kind]).reshape(shape)


def _packed(numbers: memoryview) -> list[int]:
    """Numbers of variable length, one after the other."""
    found, value, shift = [], 0, 0
    for byte in numbers:
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            found.append(value)
            value = shift = 0
    return found
