"""When to show each frame of a recording."""

from __future__ import annotations

_SECOND = 1_000_000_000
MAX_GAP_S = 5.0
"""Longest pause that is kept between two frames; a recording that was stopped for an hour is not waited for."""
MAX_LAG_S = 0.25
"""Lag that is still caught up with; beyond it the recording is shifted, so that a stall is not followed by a burst."""


class Pace:
    """Gives every frame the moment it is due, in seconds of a steady clock.

    Args:
        rate_hz: fixed rate; 0 keeps the time between stamps.
    """

    def __init__(self, rate_hz: float = 0.0) -> None:
        self._period_s = 1.0 / rate_hz if rate_hz > 0 else 0.0
        self._due_s: float | None = None
        self._stamp_ns = 0

    def due(self, stamp_ns: int, now_s: float) -> float:
        """When to show the frame of this stamp. `now_s` is the steady clock's time; the first frame is due now."""
        before, self._stamp_ns = self._stamp_ns, stamp_ns
        if self._due_s is None:
            self._due_s = now_s
        else:
            step_s = self._period_s or min(max((stamp_ns - before) / _SECOND, 0.0), MAX_GAP_S)
            self._due_s += step_s
        if now_s - self._due_s > MAX_LAG_S:
            self._due_s = now_s
        return self._due_s
