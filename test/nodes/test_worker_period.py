"""A worker with a period takes the newest of what came meanwhile, and ends when it is told to."""

from __future__ import annotations

import threading

from afss_ros.nodes.worker import Worker

PATIENCE_S = 60.0


def test_what_comes_within_the_period_is_overwritten_and_the_newest_is_worked_on_in_the_end() -> None:
    worked: list[int] = []
    overwritten: list[int] = []
    first = threading.Event()

    def work(item: int) -> None:
        worked.append(item)
        first.set()

    worker = Worker(
        "w", work, on_error=lambda _: None, on_overwrite=lambda: overwritten.append(1), period_s=lambda: 3600.0
    )
    worker.submit(1)
    assert first.wait(PATIENCE_S)
    for item in (2, 3, 4):
        worker.submit(item)
    assert worked == [1]
    assert worker.stop(PATIENCE_S)
    assert (worked, len(overwritten)) == ([1, 4], 2)


def test_a_period_that_gets_shorter_counts_at_once() -> None:
    period_s = 3600.0
    done = threading.Semaphore(0)
    worker: Worker[int] = Worker("w", lambda _: done.release(), on_error=lambda _: None, period_s=lambda: period_s)
    worker.submit(1)
    assert done.acquire(timeout=PATIENCE_S)
    worker.submit(2)
    period_s = 0.0
    assert done.acquire(timeout=PATIENCE_S)
    assert worker.stop(PATIENCE_S)
