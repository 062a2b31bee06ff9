"""What a graph's shape says of the providers that can take all of it, read from the file's bytes."""

from __future__ import annotations

from dataclasses import dataclass

from afss_ros.student.onnx_bytes import fields

_GRAPH = 7
_NODE, _INPUT = 1, 11
_NODE_INPUT, _NODE_OPERATOR = 1, 4
_VALUE_NAME = 1


@dataclass(frozen=True, slots=True)
class GraphFit:
    """What was found in the main graph.

    Attributes:
        readers: input of the graph -> the operators that read it.
        contexts: how many nodes are graphs that a provider has compiled.
    """

    readers: dict[str, tuple[str, ...]]
    contexts: int

    @property
    def advice(self) -> list[str]:
        """What keeps the graph from running on one provider, a sentence each; empty for nothing known."""
        return [
            f"{operator} reads the bytes of input {name!r}: TensorRT takes bytes into a Cast alone and leaves the rest"
            " to CUDA or the CPU (TensorRT #3985); afss arrange casts first"
            for name, operators in self.readers.items()
            for operator in operators
            if operator != "Cast" and not self.contexts
        ]


def read(model: bytes) -> GraphFit:
    """Walk a model; of one that is no ONNX, what there is."""
    inputs: list[str] = []
    reading: list[tuple[str, str]] = []
    contexts = 0
    try:
        for number, value in fields(memoryview(model)):
            if number != _GRAPH or not isinstance(value, memoryview):
                continue
            for kind, message in fields(value):
                if kind == _INPUT and isinstance(message, memoryview):
                    inputs += _texts(message, _VALUE_NAME)
                elif kind == _NODE and isinstance(message, memoryview):
                    operator = "".join(_texts(message, _NODE_OPERATOR))
                    contexts += operator == "EPContext"
                    reading += [(name, operator) for name in _texts(message, _NODE_INPUT)]
    except (IndexError, ValueError):  # ONNX Runtime says what is wrong with it
        pass
    return GraphFit({name: tuple(sorted({o for n, o in reading if n == name})) for name in inputs}, contexts)


def _texts(message: memoryview, number: int) -> list[str]:
    return [
        bytes(value).decode(errors="replace")
        for n, value in fields(message)
        if n == number and isinstance(value, memoryview)
    ]
