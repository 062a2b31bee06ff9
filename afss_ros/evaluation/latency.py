"""How long a student takes: wall time a stage, on this machine, alone in its process.

Figures of one machine are compared as ratios; on a shared machine take the medians.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter_ns

import numpy as np
from numpy.typing import NDArray

from afss_ros.perception import Frame
from afss_ros.student import Student

STAGES = ("preprocess", "inference", "postprocess", "total")


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds: the median, and what 95 of 100 frames stay below."""

    p50: float
    p95: float


def student_latency(
    student: Student, size: tuple[int, int] | None = None, *, frames: int = 50, warm_up: int = 5
) -> dict[str, Latency]:
    """Time a student on frames of one size.

    Args:
        size: (H, W) of the frames in pixels; the network's own input when not given.
        frames: how many are timed, after `warm_up` that are not.

    Returns:
        A latency for each of `STAGES`; "total" is the whole call, so a little more than the sum of the others.
    """
    frame = Frame(sample_picture(*(size or student.contract.input_size)), source="benchmark")
    for _ in range(warm_up):
        student(frame)
    times: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for _ in range(frames):
        start = perf_counter_ns()
        timings = student(frame).timings_ms
        times["total"].append((perf_counter_ns() - start) / 1e6)
        for stage in STAGES[:-1]:
            times[stage].append(timings[stage])
    return {stage: _latency(values) for stage, values in times.items()}


def sample_picture(height: int, width: int) -> NDArray[np.uint8]:
    """A grey box with two blue wings before black with stars: uint8 (height, width, 3), RGB."""
    picture = np.zeros((height, width, 3), np.uint8)
    random = np.random.default_rng(0)
    picture[random.integers(0, height, 200), random.integers(0, width, 200)] = 200
    rows = slice(height * 3 // 8, height * 5 // 8)
    picture[rows, width // 8 : width * 3 // 8] = (30, 40, 160)
    picture[rows, width * 5 // 8 : width * 7 // 8] = (30, 40, 160)
    picture[rows, width * 3 // 8 : width * 5 // 8] = 180
    return picture


def _latency(values: list[float]) -> Latency:
    return Latency(float(np.percentile(values, 50)), float(np.percentile(values, 95)))
