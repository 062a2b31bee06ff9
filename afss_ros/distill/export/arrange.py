"""Graphs that one provider can take whole: the input's bytes are cast before anything else is done to them.

TensorRT takes uint8 as an input of the network, and into a Cast alone: a Transpose of bytes is left to another
provider, with a copy there and back (TensorRT #3985, "all UINT8 inputs must directly feed into a cast layer"). To cast
before the transposition gives the same numbers to the bit.
"""

from __future__ import annotations

import onnx


def arranged(content: bytes) -> tuple[bytes, int]:
    """A model so arranged that one provider can take all of it, and how many changes that took."""
    model = onnx.load_from_string(content)
    changed = cast_first(model)
    return bytes(model.SerializeToString()), changed


def cast_first(model: onnx.ModelProto) -> int:
    """Let every input that is transposed and then cast be cast and then transposed, in place.

    Returns:
        How many were changed. Where something else reads the transposed bytes, nothing is.
    """
    graph = model.graph
    inputs = {tensor.name for tensor in graph.input}
    changed = 0
    for transpose in [node for node in graph.node if node.op_type == "Transpose" and node.input[0] in inputs]:
        readers = [node for node in graph.node if transpose.output[0] in node.input]
        if len(readers) != 1 or readers[0].op_type != "Cast" or transpose.output[0] in {o.name for o in graph.output}:
            continue
        cast = readers[0]
        image, between, result = transpose.input[0], transpose.output[0], cast.output[0]
        cast.input[0], cast.output[0] = image, between
        transpose.input[0], transpose.output[0] = between, result
        graph.node.remove(cast)
        graph.node.insert(next(i for i, node in enumerate(graph.node) if node is transpose or node == transpose), cast)
        _forget_shape(graph, between)
        changed += 1
    return changed


def _forget_shape(graph: onnx.GraphProto, name: str) -> None:
    """What was written down of a tensor holds no more."""
    for known in [value for value in graph.value_info if value.name == name]:
        graph.value_info.remove(known)
