"""Counters and latency windows, on a clock that the test turns."""

from __future__ import annotations

import pytest

from afss_ros.nodes.perception.statistics import FrameStatistics, Percentiles, percentiles


class HandClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def statistics(clock: HandClock) -> FrameStatistics:
    return FrameStatistics(clock)


def test_every_frame_is_counted_once(statistics: FrameStatistics) -> None:
    for _ in range(4):
        statistics.count_received()
    statistics.count_overwritten()
    statistics.count_bad("no step")
    statistics.count_processed({"total": 5.0}, image_age_ms=7.0)
    s = statistics.snapshot()
    assert (s.received, s.overwritten, s.bad, s.processed) == (4, 1, 1, 1)
    assert s.bad_reasons == ("no step",)
    assert s.image_age_ms == 7.0


def test_the_newest_reasons_are_kept(statistics: FrameStatistics) -> None:
    for i in range(7):
        statistics.count_bad(f"reason {i}")
    assert statistics.snapshot().bad_reasons == tuple(f"reason {i}" for i in range(2, 7))


def test_fps_is_of_the_last_five_seconds(statistics: FrameStatistics, clock: HandClock) -> None:
    statistics.listen()
    for _ in range(20):
        clock.now += 0.5
        statistics.count_processed({}, None)
    assert statistics.snapshot().fps == pytest.approx(2.0, abs=0.21)
    clock.now += 6.0
    assert statistics.snapshot().fps == 0.0


def test_fps_is_right_from_the_first_second_on(statistics: FrameStatistics, clock: HandClock) -> None:
    statistics.listen()
    for _ in range(10):
        clock.now += 0.1
        statistics.count_processed({}, None)
    assert statistics.snapshot().fps == pytest.approx(10.0)


def test_old_latencies_are_forgotten(statistics: FrameStatistics, clock: HandClock) -> None:
    statistics.count_processed({"total": 900.0}, None)
    clock.now += 61.0
    statistics.count_processed({"total": 10.0}, None)
    assert statistics.snapshot().latency == {"total": Percentiles(10.0, 10.0)}


def test_silence_starts_with_listening_and_ends_with_an_image(statistics: FrameStatistics, clock: HandClock) -> None:
    clock.now += 50.0
    statistics.listen()
    clock.now += 3.0
    assert statistics.snapshot().silence_s == 3.0
    statistics.count_received()
    assert statistics.snapshot().silence_s == 0.0


def test_percentiles_by_stage_ignore_frames_without_it() -> None:
    found = percentiles([{"total": float(i), **({"rare": 1.0} if i == 7 else {})} for i in range(101)])
    assert found == {"total": Percentiles(50.0, 95.0), "rare": Percentiles(1.0, 1.0)}
