"""What a thread is doing, and for how long: a heartbeat is the progress of the work, not that of a timer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InWork:
    """An item that is being worked on.

    Attributes:
        stage: what is being done to it.
        age_s: seconds since it was taken.
    """

    stage: str
    age_s: float

    def __str__(self) -> str:
        return f"in {self.stage} for {self.age_s:.1f} s"


class Progress:
    """Where one item at a time is on its way; told by the thread that works, asked by any other.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._stage = ""
        self._since = 0.0

    def enter(self, stage: str) -> None:
        """The item is in `stage` now; the first stage after `done` is that of a new item."""
        with self._lock:
            if not self._stage:
                self._since = self._clock()
            self._stage = stage

    def done(self) -> None:
        """The item is finished, well or not."""
        with self._lock:
            self._stage = ""

    @property
    def in_work(self) -> InWork | None:
        """The item in work, or None while there is none."""
        with self._lock:
            return InWork(self._stage, self._clock() - self._since) if self._stage else None
