"""Moments in which no frame is to be expected, told from when the last ones arrived."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import pairwise

_INTERVALS = 8
_SILENCE_S = 1.0
_SILENCE_PERIODS = 3


class Arrivals:
    """When frames arrived, and so for how long none will. Thread safe.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._times: deque[float] = deque(maxlen=_INTERVALS + 1)

    def arrived(self) -> None:
        """Count a frame that arrives now."""
        with self._lock:
            self._times.append(self._clock())

    def free_s(self) -> float:
        """Seconds until the next frame is to be expected, at the shortest of the last intervals; 0 when it is overdue.

        Infinite before the first frame and once the camera has fallen silent.
        """
        with self._lock:
            times, now = list(self._times), self._clock()
        if not times:
            return math.inf
        quiet_s = now - times[-1]
        shortest_s = min((b - a for a, b in pairwise(times)), default=_SILENCE_S)
        if quiet_s > max(_SILENCE_S, _SILENCE_PERIODS * shortest_s):
            return math.inf
        return max(shortest_s - quiet_s, 0.0)
