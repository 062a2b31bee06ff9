"""Graphs whose batch axis is free, so that pictures of several cameras can share a run; see the student contract.

Exporters write the batch of 1 into the graph's shapes. Here it is taken out of them again, and what comes of it is
believed only when several pictures at once give what each gives alone, on the processor: label maps to the bit, numbers
with a point to their last digits, for sums over a batch are made in another order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from afss_ros.distill.errors import DistillError
from afss_ros.distill.export.onnx_graph import constants, drop_unread
from afss_ros.student.contract import BATCH_AXIS
from afss_ros.student.runtime import session_options

_PICTURES = 2
_ROUNDING = 1e-5


def freed(content: bytes) -> bytes:
    """A student whose tensors have a free batch axis; what is free already stays so.

    Raises:
        DistillError: a batch of 1 is built into the graph elsewhere, or a picture's answer depends on the others.
    """
    model = onnx.load_from_string(content)
    free_batch(model)
    result = bytes(model.SerializeToString())
    _prove(content, result)
    return result


def free_batch(model: onnx.ModelProto) -> None:
    """Take the batch of 1 out of the shapes of inputs and outputs, and of the constants that repeat it, in place."""
    graph = model.graph
    for tensor in (*graph.input, *graph.output):
        batch = tensor.type.tensor_type.shape.dim[0]
        batch.Clear()
        batch.dim_param = BATCH_AXIS
    del graph.value_info[:]  # what was written down of the shapes between holds no more
    known = constants(graph)
    for node in graph.node:
        if node.op_type == "Reshape":
            _replace(graph, known, node, 1, _of_any_batch)
        elif node.op_type == "Resize" and len(node.input) > 3 and not any(a.name == "axes" for a in node.attribute):
            sizes = _replace(graph, known, node, 3, lambda shape: shape[1:])
            if sizes is not None:
                node.attribute.append(helper.make_attribute("axes", list(range(1, len(sizes) + 1))))
    drop_unread(graph)


def _of_any_batch(shape: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same shape with the first axis as long as it turns out, or, where another one is, as the input's."""
    return np.array([0 if -1 in shape else -1, *shape[1:]])


def _replace(
    graph: onnx.GraphProto,
    known: dict[str, onnx.TensorProto],
    node: onnx.NodeProto,
    place: int,
    change: Callable[[NDArray[np.int64]], NDArray[np.int64]],
) -> NDArray[np.int64] | None:
    """Let a node read a changed shape, if that is a constant that begins with a batch of 1; None if it is not."""
    tensor = known.get(node.input[place])
    shape = None if tensor is None else numpy_helper.to_array(tensor)
    if shape is None or shape.ndim != 1 or not len(shape) or shape[0] != 1:
        return None
    changed = change(shape)
    name = f"{node.input[place]}_of_any_batch_{node.op_type}"
    if all(each.name != name for each in graph.initializer):
        graph.initializer.append(numpy_helper.from_array(changed, name))
    node.input[place] = name
    return changed


def _prove(before: bytes, after: bytes) -> None:
    options = [session_options(1), session_options(1, free_batch=True)]
    one, many = (
        onnxruntime.InferenceSession(content, each, providers=["CPUExecutionProvider"])
        for content, each in zip((before, after), options, strict=True)
    )
    image = one.get_inputs()[0]
    pictures = np.random.default_rng(0).integers(0, 256, (_PICTURES, *image.shape[1:]), np.uint8)
    alone = [one.run(None, {image.name: picture[None]}) for picture in pictures]
    try:
        together = many.run(None, {image.name: pictures})
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise DistillError(
            f"a batch of 1 is built into the graph ({' '.join(str(error).split())}); export it with a batch axis named"
            f" '{BATCH_AXIS}' in input and outputs"
        ) from error
    for number, each in enumerate(alone):
        for output, ours, theirs in zip(one.get_outputs(), together, each, strict=True):
            if ours.shape[0] != _PICTURES or not _same(ours[number : number + 1], theirs):
                raise DistillError(
                    f"output '{output.name}' of {_PICTURES} pictures at once is not what each gives alone: the graph"
                    " mixes the pictures of a batch"
                )


def _same(ours: NDArray[np.generic], theirs: NDArray[np.generic]) -> bool:
    if not np.issubdtype(theirs.dtype, np.floating):
        return np.array_equal(ours, theirs)
    return np.allclose(ours, theirs, rtol=_ROUNDING, atol=_ROUNDING, equal_nan=True)
