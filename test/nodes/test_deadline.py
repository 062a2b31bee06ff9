"""Work that never ends is left behind, and nobody waits for it."""

from __future__ import annotations

import threading
import time

import pytest

from afss_ros.nodes.deadline import DeadlineError, left_behind, within
from afss_ros.nodes.progress import Progress
from afss_ros.nodes.worker import Worker


def test_what_work_returns_or_raises_is_handed_on() -> None:
    assert within(60.0, lambda: 42, name="counting") == 42
    with pytest.raises(ZeroDivisionError):
        within(60.0, lambda: 1 // 0, name="dividing")


def test_work_that_does_not_end_is_given_up_and_its_late_result_disposed_of() -> None:
    release, disposed = threading.Event(), threading.Event()

    def work() -> str:
        release.wait()
        return "late"

    ages: list[float] = []
    with pytest.raises(DeadlineError, match=r"waiting has not ended within 0\.2 s"):
        within(
            0.2,
            work,
            name="waiting",
            period_s=0.05,
            meanwhile=lambda age: not ages.append(age),  # type: ignore[func-returns-value]
            dispose=lambda result: disposed.set() if result == "late" else None,
        )
    assert ages == sorted(ages) and ages[-1] >= 0.2
    assert "waiting" in left_behind()
    release.set()
    assert disposed.wait(60)


def test_who_waits_may_lose_interest() -> None:
    release = threading.Event()
    started = time.monotonic()
    with pytest.raises(DeadlineError, match="given up after"):
        within(3600.0, release.wait, name="waiting", period_s=0.01, meanwhile=lambda age: age < 0.05)
    release.set()
    assert time.monotonic() - started < 60


def test_a_worker_that_hangs_is_left_behind_with_what_waited_counted() -> None:
    started, release, overwritten = threading.Event(), threading.Event(), threading.Event()

    def hang(_: int) -> None:
        started.set()
        release.wait()

    worker = Worker("hanging", hang, on_error=lambda error: None, on_overwrite=overwritten.set)
    worker.submit(1)
    assert started.wait(60)
    worker.submit(2)
    assert not overwritten.is_set()
    assert not worker.stop(0.05)
    assert overwritten.is_set(), "the item that waited has no fate"
    assert "hanging" in left_behind()
    release.set()
    assert worker.stop(60)


def test_progress_tells_stage_and_age_of_one_item_at_a_time() -> None:
    now = 100.0
    progress = Progress(lambda: now)
    assert progress.in_work is None
    progress.enter("decode")
    now = 101.0
    progress.enter("inference")
    now = 103.5
    assert str(progress.in_work) == "in inference for 3.5 s"
    progress.done()
    assert progress.in_work is None
    progress.enter("decode")
    now = 104.0
    assert str(progress.in_work) == "in decode for 0.5 s"
