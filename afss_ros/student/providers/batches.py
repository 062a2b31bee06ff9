"""Looks of several cameras in one run: on a GPU many small pictures cost little more than one.

Only what waits at the moment is taken together; nobody waits for others to come. So a look is never later than it would
be in a queue, and answers are what they would be one by one: to the bit on a processor, where a test holds it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from time import perf_counter
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from afss_ros.student.contract import BATCH_AXIS, DTYPES

GAIN = ("cuda",)
"""Providers on which a run of several looks is worth it, and a run of another number of them compiles nothing anew."""
WHY_NOT = (
    f"that takes a batch axis named '{BATCH_AXIS}' (afss arrange --free-batch), provider {' or '.join(GAIN)}, and"
    " binding host"
)


def is_free(session: ort.InferenceSession) -> bool:
    """Whether a session takes any number of pictures at once."""
    return all(list(t.shape[:1]) == [BATCH_AXIS] for t in (*session.get_inputs(), *session.get_outputs()))


class BatchSession:
    """A session whose batch axis is free, with outputs bound to memory that is allocated once.

    Not thread-safe: the answers of a run are overwritten by the next.

    Args:
        most: looks of one run, at most.
    """

    def __init__(self, session: ort.InferenceSession, most: int) -> None:
        self.most = most
        self._session = session
        self._binding = session.io_binding()
        image = session.get_inputs()[0]
        self._input_name: str = image.name
        self.images = np.zeros((most, *image.shape[1:]), np.uint8)
        self._outputs = {
            output.name: np.zeros((most, *output.shape[1:]), DTYPES[output.type]) for output in session.get_outputs()
        }

    def run(self, image: NDArray[np.uint8]) -> Mapping[str, NDArray[Any]]:
        """Run the network on `image`, uint8 (H, W, 3), of the network's size; answers have a batch of 1."""
        return self.run_all([image])[0]

    def run_all(self, images: Sequence[NDArray[np.uint8]]) -> list[Mapping[str, NDArray[Any]]]:
        """Run the network once on up to `most` images; an answer for each, with a batch of 1."""
        count = len(images)
        batch = self.images[:count]
        for place, image in zip(batch, images, strict=True):
            place[...] = image
        self._binding.bind_input(self._input_name, "cpu", 0, np.uint8, batch.shape, batch.ctypes.data)
        for name, whole in self._outputs.items():
            array = whole[:count]
            self._binding.bind_output(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        self._session.run_with_iobinding(self._binding)
        return [{name: whole[i : i + 1] for name, whole in self._outputs.items()} for i in range(count)]

    def warm_up(self) -> None:
        """Run every number of looks once: a provider chooses its kernels when it first meets a shape."""
        for count in range(1, self.most + 1):
            self.run_all(list(self.images[:count]))


class Together:
    """Gives each look of several threads its answer, and runs those that wait together.

    Args:
        turn: given in the order in which it is asked for, and held during a run.
    """

    def __init__(self, session: BatchSession, turn: AbstractContextManager[None]) -> None:
        self._session = session
        self._turn = turn
        self._mutex = threading.Lock()
        self._waiting: list[_Look] = []

    def run(self, image: NDArray[np.uint8]) -> Mapping[str, NDArray[Any]]:
        """What the network says of `image`; the arrays are the caller's.

        Raises:
            RuntimeError: the run that this look was part of failed.
        """
        look = _Look(image)
        with self._mutex:
            self._waiting.append(look)
        try:
            with self._turn:
                # Where more wait than fit into a run, the first may be others'.
                while look.answer is None and look.error is None:
                    self._run_first()
        finally:
            self._forget(look)
        if look.error is not None:
            raise RuntimeError(str(look.error)) from look.error
        assert look.answer is not None
        return look.answer

    def _run_first(self) -> None:
        with self._mutex:
            taken = self._waiting[: self._session.most]
        try:
            for look, answer in zip(taken, self._session.run_all([look.image for look in taken]), strict=True):
                look.answer = {name: np.array(value) for name, value in answer.items()}
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            for look in taken:
                look.error = error
        # A thread that was told to end leaves those of others waiting, for the next whose turn it is.
        for look in taken:
            if look.answer is not None or look.error is not None:
                self._forget(look)

    def _forget(self, look: _Look) -> None:
        with self._mutex:
            if look in self._waiting:
                self._waiting.remove(look)


class _Look:
    """One picture, and what is said of it once it was its turn."""

    def __init__(self, image: NDArray[np.uint8]) -> None:
        self.image = image
        self.answer: Mapping[str, NDArray[Any]] | None = None
        self.error: Exception | None = None


def measure(session: BatchSession, runs: int = 10) -> str:
    """Milliseconds of as many looks as fit into a run, in one run and one by one, and how far their answers agree.

    Args:
        runs: of each, in turns; medians are told.
    """
    images = list(np.random.default_rng(0).integers(0, 256, session.images.shape, np.uint8))
    alone = [{name: np.array(value) for name, value in session.run(image).items()} for image in images]
    same = [
        float(np.mean(answer[name] == wanted[name]))
        for answer, wanted in zip(session.run_all(images), alone, strict=True)
        for name in wanted
    ]
    taken: list[tuple[float, float]] = []
    for _ in range(runs):
        started = perf_counter()
        session.run_all(images)
        half = perf_counter()
        for image in images:
            session.run(image)
        taken.append((half - started, perf_counter() - half))
    together, one_by_one = np.median(taken, axis=0) * 1e3
    agree = f"at least {min(same):.6f} of each answer is the same"
    return f"{together:.2f} ms in one run, {one_by_one:.2f} ms one by one; {agree}"
