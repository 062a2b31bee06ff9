"""A day of frames is told hour by hour; what it measured is in docs/tracking.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from afss_ros.evaluation.tracking.day import live, resident


def test_each_hour_is_told_with_what_is_held() -> None:
    hours: list[dict[str, Any]] = []
    memory: Iterator[float] = iter([3.0, 9.0, 5.0])
    figures = live(3.0, 0.02, hours.append, lambda: next(memory))
    assert figures["frames"] == 216 and [h["hour"] for h in hours] == [1, 2, 3]
    assert [figures[k] for k in ("first_MiB", "last_MiB", "most_MiB")] == [3.0, 5.0, 9.0]
    # A frame every 50 s: the link has room for each.
    assert figures["packets"] == 216 and figures["times_real_time"] > 10
    assert resident() > 5
