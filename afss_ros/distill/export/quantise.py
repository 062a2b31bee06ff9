"""A student in 8-bit integers: static quantisation, calibrated on frames, with the fragile parts left in float."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from afss_ros import datasets
from afss_ros.distill.data.batches import validation_example
from afss_ros.distill.errors import DistillError
from afss_ros.distill.export.qdq import drop_clips
from afss_ros.put import put
from afss_ros.spacing import evenly_spaced

_LOG = logging.getLogger(__name__)
_FIRST = 3
"""Convolutions at the beginning that stay float. What sets dark craft off from dark sky is a step or two of 8 bits:
with one instead of three, the shipped student loses 2 points of whole-craft IoU, and gains 3 ms of 30."""


class _Frames(CalibrationDataReader):  # type: ignore[misc]
    """Calibration frames, one after the other."""

    def __init__(self, frames: Iterator[NDArray[np.uint8]]) -> None:
        self._frames = frames

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        frame = next(self._frames, None)
        return None if frame is None else {"image": frame[None]}


def quantise(student: Path, out: Path, samples: Sequence[datasets.Sample], *, frames: int = 64) -> Path:
    """Write the int8 version of a float student: same inputs, outputs and metadata.

    Convolutions and what lies between them become 8-bit (weights per channel); the first convolutions, the prediction
    layers, and everything outside the network proper stay float: their few operations decide most of the error.

    Args:
        student: the float `.onnx`.
        out: where to write; appears only when complete.
        samples: to calibrate on; `frames` evenly spaced ones are used.
        frames: how many.

    Raises:
        DistillError: there is nothing to calibrate on, or the model cannot be quantised.
    """
    if not samples:
        raise DistillError("no samples to calibrate on")
    model = onnx.load(str(student))
    size = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    keep = evenly_spaced(len(samples), frames)
    pictures = (validation_example(samples[i], size)["image"].numpy() for i in keep)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        prepared, quantised = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        quant_pre_process(str(student), str(prepared), skip_symbolic_shape=True)
        ready = onnx.load(str(prepared))
        try:
            quantize_static(
                str(prepared), str(quantised), _Frames(pictures), quant_format=QuantFormat.QDQ, per_channel=True,
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
                op_types_to_quantize=["Conv", "Add", "Relu", "Resize", "GlobalAveragePool", "MaxPool", "AveragePool"],
                nodes_to_exclude=fragile_nodes(ready),
                extra_options={"CalibMovingAverage": True, "ActivationSymmetric": False},
            )  # fmt: skip
        except (RuntimeError, ValueError) as err:
            raise DistillError(f"{student}: cannot be quantised ({err})") from err
        _finish(model, quantised)
        put(quantised, out)
    _LOG.info("%s: %.1f MB, calibrated on %d frames", out, out.stat().st_size / 1e6, len(keep))
    return out


def fragile_nodes(model: onnx.ModelProto) -> list[str]:
    """Names of the nodes to leave in float: up to the first convolutions, and from the last ones on to the outputs."""
    nodes = list(model.graph.node)
    first = [i for i, n in enumerate(nodes) if n.op_type == "Conv"][:_FIRST][-1]
    makers = {output: node for node in nodes for output in node.output}
    fragile = {n.name for n in nodes[: first + 1]}
    waiting: list[Any] = [makers[o.name] for o in model.graph.output if o.name in makers]
    while waiting:  # upstream from every output, up to and including the nearest convolution
        node = waiting.pop()
        if node.name in fragile:
            continue
        fragile.add(node.name)
        if node.op_type != "Conv":
            waiting += [makers[i] for i in node.input if i in makers]
    return sorted(fragile)


def _finish(source: onnx.ModelProto, target: Path) -> None:
    model = onnx.load(str(target))
    _LOG.debug("%d clips dropped", drop_clips(model))
    props = {p.key: p.value for p in source.metadata_props}
    props["afss.producer"] = props.get("afss.producer", "") + ", static int8"
    onnx.helper.set_model_props(model, props)
    onnx.save(model, str(target))
