"""An ONNX Runtime session whose weights lie in memory of ours.

ONNX Runtime reads an initializer that it is given as OrtValue where it lies, unless its own optimisers have made
another tensor of it. So the graph is optimised once, as for any session; the tensors of what comes out are given to a
second session, which optimises nothing. It answers to the bit like the first, at the same speed.

What stays out of reach are weights that a kernel packs into an order of its own when the session begins: those of int8
convolutions. Without packing (`session.disable_prepacking`) they would be read from us, and the shipped int8 student
takes 1.8 times as long. The known answer sees what of them matters.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime as ort

from afss_ros.student.errors import StudentError
from afss_ros.student.memory.held import HeldWeights
from afss_ros.student.memory.initializers import initializers, repacked


class NotHeldError(StudentError):
    """The weights stay where ONNX Runtime put them."""


class _HoldingSession(ort.InferenceSession):  # type: ignore[misc]  # onnxruntime is untyped
    """A session that keeps what it reads from: ONNX Runtime has but the addresses."""

    def __init__(self, model: bytes, options: ort.SessionOptions, kept: object) -> None:
        super().__init__(model, options, providers=["CPUExecutionProvider"])
        self._kept = kept


def hold(
    model: bytes, options: Callable[[], ort.SessionOptions], like: ort.InferenceSession
) -> tuple[ort.InferenceSession, HeldWeights]:
    """Open a model on the CPU over weights that are held; they live as long as the session.

    Args:
        options: a new set of those that the model runs with.
        like: a session of the model, opened with such options, that the new one must answer like.

    Raises:
        NotHeldError: it cannot be had for this model or under this ONNX Runtime.
    """
    try:
        optimised = _optimised(model, options())
        elsewhere = repacked(optimised)
        held = HeldWeights({n: a for n, a in initializers(optimised).items() if n not in elsewhere})
        own = options()
        own.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        values = []
        for name, array in held.arrays.items():
            value = ort.OrtValue.ortvalue_from_numpy(array)
            if value.data_ptr() != array.ctypes.data:
                raise NotHeldError(f"ONNX Runtime copies {name}")
            own.add_initializer(name, value)
            values.append(value)
        session = _HoldingSession(optimised, own, (held, values))
        session.disable_fallback()
        ours, theirs = (_look(each) for each in (session, like))
    except NotHeldError:
        raise
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise NotHeldError(f"{type(error).__name__}: {' '.join(str(error).split())}") from error
    if not all(a.tobytes() == b.tobytes() for a, b in zip(ours, theirs, strict=True)):
        raise NotHeldError("the optimised graph answers otherwise than the model")
    return session, held


def _optimised(model: bytes, options: ort.SessionOptions) -> bytes:
    """What ONNX Runtime makes of a model before it runs it; written to a file in memory, for it knows no other way."""
    descriptor = os.memfd_create("optimised")
    try:
        options.optimized_model_filepath = f"/proc/self/fd/{descriptor}"
        ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        with open(descriptor, "rb", closefd=False) as file:
            file.seek(0)
            return file.read()
    finally:
        os.close(descriptor)


def _look(session: ort.InferenceSession) -> list[Any]:
    declared = session.get_inputs()[0]
    picture = np.random.default_rng(0).integers(0, 256, declared.shape, np.uint8)
    return list(session.run(None, {declared.name: picture}))
