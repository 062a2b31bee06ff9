"""One slot, the newest wins; one thread that works on it."""

from __future__ import annotations

import threading

from afss_ros.nodes.mailbox import Mailbox
from afss_ros.nodes.worker import Worker


def test_the_newest_item_wins_and_every_replaced_one_is_counted() -> None:
    replaced: list[None] = []
    mailbox: Mailbox[str] = Mailbox(lambda: replaced.append(None))
    for item in "abc":
        mailbox.put(item)
    assert mailbox.take() == "c"
    assert len(replaced) == 2


def test_an_item_that_was_taken_is_not_replaced() -> None:
    replaced: list[None] = []
    mailbox: Mailbox[str] = Mailbox(lambda: replaced.append(None))
    mailbox.put("a")
    mailbox.take()
    mailbox.put("b")
    assert mailbox.take() == "b"
    assert replaced == []


def test_take_waits_for_an_item() -> None:
    mailbox: Mailbox[str] = Mailbox()
    threading.Timer(0.02, mailbox.put, ["late"]).start()
    assert mailbox.take() == "late"


def test_a_closed_mailbox_gives_what_waits_and_then_none() -> None:
    mailbox: Mailbox[str] = Mailbox()
    mailbox.put("last")
    mailbox.close()
    mailbox.put("too late")
    assert mailbox.take() == "last"
    assert mailbox.take() is None


def test_a_worker_stops_after_what_it_was_given() -> None:
    done: list[int] = []
    worker: Worker[int] = Worker("test", done.append, on_error=lambda error: None)
    worker.submit(1)
    worker.stop()
    worker.submit(2)
    worker.stop()
    assert done == [1]


def test_a_worker_survives_errors_and_passes_them_on() -> None:
    errors: list[Exception] = []
    first_done = threading.Event()
    answers: list[float] = []

    def invert(number: int) -> None:
        try:
            answers.append(1 / number)
        finally:
            first_done.set()

    worker: Worker[int] = Worker("test", invert, on_error=errors.append)
    worker.submit(0)
    assert first_done.wait(60)
    worker.submit(4)
    worker.stop()
    assert [type(e) for e in errors] == [ZeroDivisionError]
    assert answers == [0.25]


def test_an_item_in_work_is_never_overwritten_and_only_the_newest_follows_it() -> None:
    started, release = threading.Event(), threading.Event()
    done: list[int] = []
    overwritten: list[None] = []

    def work(number: int) -> None:
        started.set()
        assert release.wait(60)
        done.append(number)

    worker = Worker("test", work, on_error=lambda e: None, on_overwrite=lambda: overwritten.append(None))
    worker.submit(0)
    assert started.wait(60)
    for number in (1, 2, 3):
        worker.submit(number)
    release.set()
    worker.stop()
    assert done == [0, 3]
    assert len(overwritten) == 2
