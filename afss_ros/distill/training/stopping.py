"""A request to stop a training: heard at once, granted behind the step under way, when all can be kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C, and what schedulers send before they take a machine away."""


class StoppedError(KeyboardInterrupt):
    """A training that was asked to stop, and has kept all that it had.

    Args:
        number: the signal that asked for it.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


class Request:
    """Whether somebody asked this process to stop, and by which signal; 0 for none."""

    def __init__(self) -> None:
        self.number = 0

    def hear(self, number: int, _: FrameType | None) -> None:
        """The handler of a signal. A second one is meant: it interrupts whatever is done."""
        if self.number:
            raise KeyboardInterrupt
        self.number = number


@contextmanager
def listening() -> Iterator[Request]:
    """Hear the signals that ask to stop, instead of what they did before; not in threads, which have no handlers."""
    request = Request()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.signal(number, request.hear) for number in SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
