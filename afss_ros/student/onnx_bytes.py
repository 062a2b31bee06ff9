"""What an .onnx says of itself, read from its bytes: ONNX's own library is not on board.

Protocol buffers are walked by hand as far as is needed: version, operator sets, and tensors whose data lies in another
file. Field numbers are those of onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_MODEL_IR, _MODEL_GRAPH, _MODEL_OPSET, _MODEL_FUNCTION = 1, 7, 8, 25
_EXTERNAL = 1
# Which fields lead from a kind of message to others that may hold tensors.
_INSIDE: dict[str, dict[int, str]] = {
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_TENSOR_NAME, _TENSOR_EXTERNAL, _TENSOR_LOCATION = 8, 13, 14
_MOST_NESTED = 32


@dataclass(slots=True)
class OnnxFacts:
    """What was found.

    Attributes:
        ir_version: of the file format; 0 where it does not say.
        opsets: version of each operator set, by domain; "" is ONNX's own.
        external: tensors whose data lies elsewhere, with where: name -> location.
    """

    ir_version: int = 0
    opsets: dict[str, int] = field(default_factory=dict)
    external: dict[str, str] = field(default_factory=dict)


def read_facts(model: bytes) -> OnnxFacts:
    """Walk a model; of one that is no ONNX, what there is."""
    facts = OnnxFacts()
    try:
        for number, value in fields(memoryview(model)):
            if number == _MODEL_IR and isinstance(value, int):
                facts.ir_version = value
            elif number == _MODEL_OPSET and isinstance(value, memoryview):
                domain, version = "", 0
                for inner, content in fields(value):
                    domain = bytes(content).decode() if inner == 1 and isinstance(content, memoryview) else domain
                    version = content if inner == 2 and isinstance(content, int) else version
                facts.opsets[domain] = version
            elif number == _MODEL_GRAPH and isinstance(value, memoryview):
                _walk("graph", value, facts.external, 0)
            elif number == _MODEL_FUNCTION and isinstance(value, memoryview):
                _walk("function", value, facts.external, 0)
    except (IndexError, ValueError):  # ONNX Runtime says what is wrong with it
        return facts
    return facts


def _walk(kind: str, message: memoryview, external: dict[str, str], depth: int) -> None:
    if kind == "tensor":
        _look_at_tensor(message, external)
        return
    if depth > _MOST_NESTED:
        raise ValueError("graphs are nested too deep")
    leads = _INSIDE[kind]
    for number, value in fields(message):
        if number in leads and isinstance(value, memoryview):
            _walk(leads[number], value, external, depth + 1)


def _look_at_tensor(message: memoryview, external: dict[str, str]) -> None:
    name, location, is_external = "", "", False
    for number, value in fields(message):
        if number == _TENSOR_LOCATION:
            is_external = value == _EXTERNAL
        elif number == _TENSOR_NAME and isinstance(value, memoryview):
            name = bytes(value).decode(errors="replace")
        elif number == _TENSOR_EXTERNAL and isinstance(value, memoryview):
            is_external = True
            entry = {n: bytes(v).decode(errors="replace") for n, v in fields(value) if isinstance(v, memoryview)}
            location = entry.get(2, "") if entry.get(1) == "location" else location
    if is_external:
        external[name] = location


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a message: number, and its value or its bytes.

    Raises:
        IndexError: it ends within a field.
        ValueError: there is no such kind of field.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == _LENGTH:
            size, at = _varint(message, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"field {number} is of kind {kind}")
        if at + size > len(message):
            raise IndexError(f"field {number} is cut off")
        yield number, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number is longer than 64 bits")
