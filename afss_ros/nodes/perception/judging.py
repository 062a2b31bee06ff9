"""How far each frame's answer is to be believed: one number with its reason, from the student and from the picture.

The student's part (`student.doubt`) compares what it says with itself and with the frame before; the picture's part
(`monitor`) knows faults of the camera, the Sun, and scenes unlike the training. Knows nothing of rclpy.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from afss_ros.monitor import Monitor
from afss_ros.perception import Frame, Perception, Reasons
from afss_ros.student.doubt import Glance, doubt, glance

FAR_APART_S = 1.0
"""Frames further apart are not compared."""
DUE_AFTER = 0.9
"""Share of the time between two looks after which the next is due: frames come a little early, too."""
_MOST_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Judgement(Reasons):
    """One frame's: the student's reasons, and those of the picture where that was looked at.

    Attributes:
        usable: whether nothing says that the picture shows nothing.
    """

    usable: bool = True

    @property
    def texts(self) -> dict[str, str]:
        """What messages tell of it: `doubt`, the strongest reason, and every one by name."""
        return {name: f"{value:.3f}" for name, value in {"doubt": self.score, **self.reasons}.items()}


class Judge:
    """Judges the frames of one camera in the order in which they come.

    Args:
        threshold: of detections, read for every frame.
        monitor: looks at pictures; None for not.
        pictures_per_s: at most so many are looked at, read for every frame; 0 for none.
        suspect: whether the memory that answers come from is not to be trusted; the reason `memory` tells of it.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        threshold: Callable[[], float],
        monitor: Monitor | None = None,
        *,
        pictures_per_s: Callable[[], float] = lambda: 0.0,
        suspect: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._threshold = threshold
        self._monitor = monitor
        self._pictures_per_s = pictures_per_s
        self._suspect = suspect
        self._clock = clock
        self._before: tuple[float, Glance] | None = None
        self._looked_at = float("-inf")
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._newest: Judgement | None = None
        self._since_report: deque[str] = deque(maxlen=_MOST_KEPT)
        self._complaint = ""

    @property
    def is_due(self) -> bool:
        """Whether the next picture is to be looked at."""
        rate = self._pictures_per_s()
        return self._monitor is not None and rate > 0 and self._clock() - self._looked_at >= DUE_AFTER / rate

    def __call__(self, frame: Frame, perception: Perception) -> Judgement:
        """Judge a frame that was just perceived."""
        now_s = self._clock()
        verdict = None
        if self._monitor is not None and self.is_due:
            self._looked_at = now_s
            verdict = self._monitor(frame.image, frame.stamp_ns or int(now_s * 1e9))
        taken_s = frame.stamp_ns / 1e9 if frame.stamp_ns else now_s
        now = glance(perception, (frame.image.shape[0], frame.image.shape[1]))
        before = self._before[1] if self._before and 0 <= taken_s - self._before[0] <= FAR_APART_S else None
        self._before = taken_s, now
        own = doubt(perception, now, before, threshold=self._threshold())
        suspect = self._suspect()
        judged = Judgement(
            own.reasons | (verdict.reasons if verdict is not None else {}) | ({"memory": 1.0} if suspect else {}),
            usable=not suspect and (verdict is None or verdict.usable),
        )
        with self._lock:
            self._newest = judged
            if verdict is not None:
                self._counts["looked_at"] += 1
                self._counts.update(verdict.findings[:1])
                self._since_report.append(verdict.findings[0] if verdict.findings else "")
        return judged

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """For /diagnostics: key and value."""
        with self._lock:
            if self._newest is None:
                return ()
            found = {name: count for name, count in self._counts.items() if name != "looked_at"}
            return (
                ("doubt", f"{self._newest.score:.2f}"),
                ("doubt.reason", self._newest.reason),
                ("monitor.looked_at", str(self._counts["looked_at"])),
                *((f"monitor.{name}", str(count)) for name, count in sorted(found.items())),
            )

    def complaint(self) -> str:
        """What is wrong with every picture looked at since the last call, by its commonest reason; empty for nothing.

        One frame's glint is no state of the node; pictures that show nothing for a whole report are. Where no picture
        was looked at, as between two of a slow camera, what was wrong before still is.
        """
        with self._lock:
            seen = list(self._since_report)
            self._since_report.clear()
        if seen:
            self._complaint = self._of(seen)
        return self._complaint if self._pictures_per_s() > 0 else ""

    @staticmethod
    def _of(seen: list[str]) -> str:
        if not all(seen):
            return ""
        reason, count = Counter(seen).most_common(1)[0]
        what = "have the Sun in view" if reason == "sun" else f"are {reason}"
        return f"input: {count} of {len(seen)} pictures looked at {what}"
