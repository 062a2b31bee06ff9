"""A worker's thread outlives what is raised in it, and what cannot be outlived is followed by another thread."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable

import pytest

from afss_ros.nodes.worker import Worker

PATIENCE_S = 60.0


class Log:
    """What a worker did, in order."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._changed = threading.Condition()

    def __call__(self, what: object) -> None:
        with self._changed:
            self.said.append(str(what))
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[list[str]], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self.said), PATIENCE_S), self.said


def told_to_end(thread: threading.Thread) -> None:
    assert (
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit)) == 1
    )


def own_thread(name: str) -> threading.Thread:
    return next(thread for thread in threading.enumerate() if thread.name == name)


def test_what_ends_a_thread_in_its_work_is_an_error_of_that_item_and_the_next_is_done() -> None:
    log = Log()

    def work(item: str) -> None:
        if item == "bad":
            raise SystemExit(1)
        log(item)

    worker = Worker("mill", work, on_error=log)
    worker.submit("bad")
    log.wait_for(lambda said: len(said) == 1)
    worker.submit("good")
    log.wait_for(lambda said: len(said) == 2)
    assert worker.stop()
    assert log.said == ["the thread mill was told to end: SystemExit", "good"]


def test_what_ends_a_thread_that_waits_is_no_error_of_an_item() -> None:
    items, between = Log(), Log()
    turns = threading.Semaphore(0)
    worker = Worker("idler", items, on_error=items, idle=turns.release, on_idle_error=between)
    assert turns.acquire(timeout=PATIENCE_S)
    told_to_end(own_thread("idler"))
    between.wait_for(lambda said: len(said) == 1)
    worker.submit("an item")
    items.wait_for(lambda said: said == ["an item"])
    assert worker.stop()
    assert between.said == ["the thread idler was told to end: SystemExit"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_ended_all_the_same_is_followed_by_another() -> None:
    log = Log()

    def fail_at_telling(error: Exception) -> None:
        log(error)
        if len(log.said) == 1:
            raise error

    def work(item: str) -> None:
        if item == "bad":
            raise ValueError(item)
        log(item)

    worker = Worker("brittle", work, on_error=fail_at_telling)
    first = own_thread("brittle")
    worker.submit("bad")
    first.join(PATIENCE_S)
    assert not first.is_alive()
    worker.submit("good")
    log.wait_for(lambda said: len(said) == 3)
    assert worker.stop()
    assert log.said == ["bad", "the thread brittle had ended; another goes on", "good"]
    worker.submit("late")
    assert len(log.said) == 3, "stopped is stopped"
