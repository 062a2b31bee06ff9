"""The bits of a student: which tensors its graph keeps, of which kind, and one bit of them flipped."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

KINDS = ("weights", "biases", "scales", "zero_points", "constants")
_LINEAR = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
_QUANTISED = {"QuantizeLinear", "DequantizeLinear"}


@dataclass(frozen=True, slots=True)
class Site:
    """One bit.

    Attributes:
        tensor: name of the initializer.
        kind: of `KINDS`.
        element: index into the flattened tensor.
        bit: 0 is the lowest of the element.
    """

    tensor: str
    kind: str
    element: int
    bit: int


def kinds(model: onnx.ModelProto) -> dict[str, str]:
    """The kind of every initializer, by what its readers take it for."""
    readers: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            readers[name].add((node.op_type, place))
    return {tensor.name: _kind(readers[tensor.name], tensor.data_type) for tensor in model.graph.initializer}


def _kind(readers: set[tuple[str, int]], data_type: int) -> str:
    operators = {operator for operator, _ in readers}
    places = {place for _, place in readers}
    if operators and operators <= _QUANTISED:
        if places == {1}:
            return "scales"
        if places == {2}:
            return "zero_points"
        return "biases" if data_type == TensorProto.INT32 else "weights"
    if operators <= _LINEAR and places == {1}:
        return "weights"
    if operators <= {*_LINEAR, "InstanceNormalization", "BatchNormalization", "Add"} and places <= {1, 2}:
        return "scales" if places == {1} and "Add" not in operators else "biases"
    if operators == {"Mul"}:
        return "scales"
    return "constants"


def draw(model: onnx.ModelProto, count: int, seed: int) -> list[Site]:
    """Draw `count` bits of every kind that the model has, each bit of a kind with the same chance, in a fixed order."""
    rng = np.random.default_rng(seed)
    kind_of = kinds(model)
    sites = []
    for kind in KINDS:
        tensors = [tensor for tensor in model.graph.initializer if kind_of[tensor.name] == kind]
        arrays = [numpy_helper.to_array(tensor) for tensor in tensors]
        bits = np.array([8 * array.nbytes for array in arrays], np.int64)
        if not bits.sum():
            continue
        ends = np.cumsum(bits)
        for place in rng.integers(ends[-1], size=count):
            number = int(np.searchsorted(ends, place, side="right"))
            offset = int(place - (ends[number] - bits[number]))
            width = 8 * arrays[number].itemsize
            sites.append(Site(tensors[number].name, kind, offset // width, offset % width))
    return sites


def flipped(model: onnx.ModelProto, site: Site) -> bytes:
    """The file that `model` becomes when one bit is flipped; `model` itself stays as it is.

    Raises:
        KeyError: it has no such tensor.
    """
    for tensor in model.graph.initializer:
        if tensor.name == site.tensor:
            break
    else:
        raise KeyError(site.tensor)
    before = onnx.TensorProto()
    before.CopyFrom(tensor)
    try:
        tensor.CopyFrom(
            numpy_helper.from_array(flip(numpy_helper.to_array(tensor), site.element, site.bit), tensor.name)
        )
        return bytes(model.SerializeToString())
    finally:
        tensor.CopyFrom(before)


def flip(array: NDArray[np.generic], element: int, bit: int) -> NDArray[np.generic]:
    """A copy of `array`, of any shape and number type, with one bit of one element flipped.

    >>> flip(np.array([1.0, 2.0], np.float32), 1, 31).tolist(), flip(np.array([[3]], np.int8), 0, 7).tolist()
    ([1.0, -2.0], [[-125]])
    """
    copied = np.array(array, order="C")
    unsigned = copied.reshape(-1).view(f"u{copied.itemsize}")
    unsigned[element] ^= unsigned.dtype.type(1) << unsigned.dtype.type(bit)
    return copied
