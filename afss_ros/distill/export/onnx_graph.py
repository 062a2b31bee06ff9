"""What every change to an ONNX graph needs: the constants in it, and none left that nobody reads."""

from __future__ import annotations

import onnx


def constants(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    """Every value that is written in the graph, by name: its initializers and the outputs of its Constant nodes."""
    written = {
        node.output[0]: node.attribute[0].t
        for node in graph.node
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value"
    }
    return {tensor.name: tensor for tensor in graph.initializer} | written


def drop_unread(graph: onnx.GraphProto) -> None:
    """Remove the initializers that no node reads and that are no output, in place: each is warned of at every start."""
    read = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in read]:
        graph.initializer.remove(tensor)
