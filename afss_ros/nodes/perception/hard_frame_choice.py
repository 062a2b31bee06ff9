"""Which doubtful frames are kept: the most doubtful of every while, within a rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

_BURST_S = 60.0
"""Frames not taken are saved up for so long: an interesting minute may use what a dull one left."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be kept.

    Attributes:
        min_doubt: frames below it are not wanted, 0..1.
        max_rate: frames a second, on average over a minute.
        min_gap_s: seconds between two of them, at least.
    """

    min_doubt: float
    max_rate: float
    min_gap_s: float


@dataclass(frozen=True, slots=True)
class _Held(Generic[T]):
    item: T
    doubt: float
    time_s: float


class Choice(Generic[T]):
    """Holds the most doubtful candidate until the gap and the rate allow to give it out; of equals, the newest.

    Give it every frame, in order, with monotonic seconds. It holds one candidate, whatever happens.
    """

    def __init__(self) -> None:
        self._held: _Held[T] | None = None
        self._since = 0.0
        self._last = float("-inf")
        self._tokens = 1.0
        self._refilled: float | None = None
        self.given_up = 0
        """Candidates that lost against a more doubtful, or newer one."""

    def offer(self, item: T, doubt: float, now_s: float, limits: Limits, *, can_take: bool = True) -> T | None:
        """See one frame, and perhaps give out the one held.

        Args:
            can_take: False while the taker is busy; the candidate then stays, and competes with the next ones.
        """
        self._refill(now_s, limits.max_rate)
        if doubt >= limits.min_doubt and now_s - self._last >= limits.min_gap_s:
            self._hold(item, doubt, now_s)
        if self._held is None or not can_take or self._tokens < 1.0 or now_s - self._since < limits.min_gap_s:
            return None
        self._tokens -= 1.0
        return self.release()

    def release(self) -> T | None:
        """Give out what is held, at the end."""
        held, self._held = self._held, None
        if held is None:
            return None
        self._last = held.time_s
        return held.item

    def _hold(self, item: T, doubt: float, now_s: float) -> None:
        if self._held is None:
            self._since = now_s
        else:
            self.given_up += 1
        if self._held is None or doubt >= self._held.doubt:
            self._held = _Held(item, doubt, now_s)

    def _refill(self, now_s: float, max_rate: float) -> None:
        if self._refilled is not None:
            most = max(1.0, max_rate * _BURST_S)
            self._tokens = min(most, self._tokens + max_rate * max(0.0, now_s - self._refilled))
        self._refilled = now_s
