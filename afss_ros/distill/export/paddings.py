"""Graphs whose convolutions pad for themselves."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from afss_ros.distill.export.onnx_graph import constants, drop_unread


def fold_paddings(model: onnx.ModelProto) -> int:
    """Move every padding with zeros that only one convolution reads into that convolution, in place.

    A convolution of torch pads evenly, so one that needs a row more behind than before is exported as a Pad and a Conv.
    ONNX's Conv takes the two apart. As a step of its own the Pad copies the largest maps of the network, and keeps an
    8-bit graph from going through: it comes back to float for the copy.

    Returns:
        How many were moved.
    """
    graph = model.graph
    readers = Counter(name for node in graph.node for name in node.input)
    makers = {output: node for node in graph.node for output in node.output}
    values = constants(graph)
    kept = {output.name for output in graph.output}
    moved: list[Any] = []
    for conv in [node for node in graph.node if node.op_type == "Conv"]:
        pad = makers.get(conv.input[0])
        if pad is None or pad.op_type != "Pad" or readers[pad.output[0]] != 1 or pad.output[0] in kept:
            continue
        more = _margins(pad, values)
        own = next((a for a in conv.attribute if a.name == "pads"), None)
        by_hand = all(onnx.helper.get_attribute_value(a) == b"NOTSET" for a in conv.attribute if a.name == "auto_pad")
        if more is None or not by_hand:
            continue
        margins = more if own is None else more + np.array(own.ints)
        if own is not None:
            conv.attribute.remove(own)
        conv.attribute.append(onnx.helper.make_attribute("pads", margins.tolist()))
        conv.input[0] = pad.input[0]
        moved.append(pad)
    for pad in moved:
        graph.node.remove(pad)
    drop_unread(graph)
    return len(moved)


def _margins(pad: Any, values: dict[str, onnx.TensorProto]) -> NDArray[np.int64] | None:
    """Rows and columns before, then behind; None when it pads with anything but zeros in height and width."""
    mode = next((onnx.helper.get_attribute_value(a) for a in pad.attribute if a.name == "mode"), b"constant")
    fill = _array(pad, 2, values) if len(pad.input) > 2 and pad.input[2] else np.zeros(1)
    amounts = _array(pad, 1, values)
    of_some_axes = len(pad.input) > 3 and pad.input[3]
    if mode != b"constant" or fill is None or fill.any() or amounts is None or of_some_axes:
        return None
    ends: NDArray[np.int64] = amounts.reshape(2, -1)
    return None if ends[:, :2].any() or (ends < 0).any() else ends[:, 2:].ravel()


def _array(node: Any, place: int, values: dict[str, onnx.TensorProto]) -> NDArray[Any] | None:
    """The constant that a node reads at `place`; None where it reads none."""
    known = values.get(node.input[place]) if len(node.input) > place else None
    return None if known is None else numpy_helper.to_array(known)
