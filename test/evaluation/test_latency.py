"""Timing a student."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from afss_ros.evaluation.latency import STAGES, student_latency
from afss_ros.student import Student


def test_every_stage_is_timed_and_the_total_holds_them(tiny_student: Path) -> None:
    with Student(tiny_student, provider="cpu") as student:
        latency = student_latency(student, (128, 96), frames=10)
    assert tuple(latency) == STAGES
    assert all(0 < stage.p50 <= stage.p95 for stage in latency.values())
    assert latency["total"].p50 >= max(latency[stage].p50 for stage in STAGES[:-1])


def test_a_slower_network_takes_longer(tiny_student: Path, slow_student: Callable[[float], Path]) -> None:
    medians = []
    for path in (tiny_student, slow_student(30.0)):
        with Student(path, provider="cpu", threads=1) as student:
            medians.append(student_latency(student, frames=5, warm_up=1)["inference"].p50)
    assert medians[1] > 5 * medians[0]
