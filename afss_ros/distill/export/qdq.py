"""Quantised graphs without the steps that quantisation itself makes needless."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import onnx
from onnx import numpy_helper

from afss_ros.distill.export.onnx_graph import constants, drop_unread


def drop_clips(model: onnx.ModelProto) -> int:
    """Remove every Clip between two quantisations where the second saturates at or inside its bounds, in place.

    8-bit integers cannot leave their range: an activation of 0 to 6 that is quantised over 0 to 6 has been clipped by
    that alone. What goes is Quantise, Dequantise and Clip, so that a runtime sees one convolution from integers to
    integers, where it saw three float passes over the largest maps of the network.

    Returns:
        How many were removed.
    """
    graph = model.graph
    makers = {output: node for node in graph.node for output in node.output}
    users: dict[str, list[Any]] = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            users[name].append(node)
    values = constants(graph)
    needless: list[Any] = []
    for clip in [node for node in graph.node if node.op_type == "Clip"]:
        back = makers.get(clip.input[0])
        forth = makers.get(back.input[0]) if back is not None and back.op_type == "DequantizeLinear" else None
        if back is None or forth is None or forth.op_type != "QuantizeLinear":
            continue
        alone = all(len(users[node.output[0]]) == 1 for node in (forth, back))
        after = users[clip.output[0]]
        if not alone or not after or not all(node.op_type == "QuantizeLinear" for node in after):
            continue
        if not all(_within(node, clip, values) for node in after):
            continue
        for node in after:
            node.input[0] = forth.input[0]
        needless += [forth, back, clip]
    for node in needless:
        graph.node.remove(node)
    drop_unread(graph)  # shared scales stay
    return len(needless) // 3


def _within(quantise: Any, clip: Any, values: dict[str, Any]) -> bool:
    """Whether what `quantise` can represent lies inside the bounds of `clip`, but for half a step of rounding."""
    if any(name not in values for name in (*quantise.input[1:], *clip.input[1:])) or len(quantise.input) < 3:
        return False
    step, zero = (numpy_helper.to_array(values[name]) for name in quantise.input[1:3])
    if step.size != 1 or zero.dtype != "uint8":
        return False
    bounds = [float(numpy_helper.to_array(values[name])) for name in clip.input[1:3] if name]
    if len(bounds) != 2:
        return False
    low, high = -float(zero) * float(step), (255 - float(zero)) * float(step)
    return low >= bounds[0] - float(step) / 2 and high <= bounds[1] + float(step) / 2
