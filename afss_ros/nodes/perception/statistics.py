"""Where every frame went and how long it took, kept by one thread and read by another.

`received = processed + overwritten + bad`, plus at most two frames on their way: one waiting, one in work.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

LATENCY_WINDOW_S = 60.0
RATE_WINDOW_S = 5.0
_MAX_SAMPLES = 4096
_REASONS_KEPT = 5


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Latency of one stage in milliseconds: median and 95th percentile."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The statistics at one moment.

    Attributes:
        received, processed, overwritten, bad: frames since the node started.
        bad_reasons: the newest reasons for bad frames, newest last.
        fps: frames processed per second over the last `RATE_WINDOW_S`.
        latency: percentiles by stage over the last `LATENCY_WINDOW_S`.
        image_age_ms: header stamp to publication of the newest output, in ROS time; None before the first.
        silence_s: seconds since the last image arrived, or since `listen` when none did.
        listening_since: when `listen` was called last, monotonic seconds.
    """

    received: int
    processed: int
    overwritten: int
    bad: int
    bad_reasons: tuple[str, ...]
    fps: float
    latency: Mapping[str, Percentiles]
    image_age_ms: float | None
    silence_s: float
    listening_since: float = 0.0


class FrameStatistics:
    """Counters and latency windows of the perception node. Thread safe.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._received = self._processed = self._overwritten = self._bad = 0
        self._reasons: deque[str] = deque(maxlen=_REASONS_KEPT)
        self._samples: deque[tuple[float, dict[str, float]]] = deque(maxlen=_MAX_SAMPLES)
        self._image_age_ms: float | None = None
        self._heard = self._listening_since = clock()

    def listen(self) -> None:
        """Start the clock of silence: images are expected from now on."""
        with self._lock:
            self._heard = self._listening_since = self._clock()

    @property
    def processed(self) -> int:
        """Frames processed since the node started."""
        return self._processed

    def count_received(self) -> None:
        with self._lock:
            self._received += 1
            self._heard = self._clock()

    def count_overwritten(self) -> None:
        with self._lock:
            self._overwritten += 1

    def count_bad(self, reason: str) -> None:
        with self._lock:
            self._bad += 1
            self._reasons.append(reason)

    def count_processed(self, timings_ms: Mapping[str, float], image_age_ms: float | None) -> None:
        """Count one published output with the wall time of its stages, in milliseconds."""
        with self._lock:
            self._processed += 1
            self._samples.append((self._clock(), dict(timings_ms)))
            self._image_age_ms = image_age_ms

    def snapshot(self) -> Snapshot:
        with self._lock:
            now = self._clock()
            while self._samples and now - self._samples[0][0] > LATENCY_WINDOW_S:
                self._samples.popleft()
            samples = list(self._samples)
            rate_window = max(min(RATE_WINDOW_S, now - self._listening_since), 1e-3)
            return Snapshot(
                received=self._received,
                processed=self._processed,
                overwritten=self._overwritten,
                bad=self._bad,
                bad_reasons=tuple(self._reasons),
                fps=sum(now - t <= rate_window for t, _ in samples) / rate_window,
                latency=percentiles([timings for _, timings in samples]),
                image_age_ms=self._image_age_ms,
                silence_s=now - self._heard,
                listening_since=self._listening_since,
            )


def percentiles(timings_ms: list[dict[str, float]]) -> dict[str, Percentiles]:
    """Median and 95th percentile by stage.

    >>> percentiles([{"infer": 10.0}, {"infer": 30.0}])["infer"].p50
    20.0
    """
    stages = dict.fromkeys(stage for timings in timings_ms for stage in timings)
    result = {}
    for stage in stages:
        p50, p95 = np.percentile([t[stage] for t in timings_ms if stage in t], (50, 95))
        result[stage] = Percentiles(float(p50), float(p95))
    return result
