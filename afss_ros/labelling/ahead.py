"""Work done ahead of the one who needs it, in one thread, in bounded memory."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterable[T], depth: int, interrupt: Callable[[], None] = lambda: None) -> Iterator[T]:
    """Iterate `items` in another thread, at most `depth` of them ahead.

    An exception there is raised here, in its place. Closing this iterator ends the thread.

    Args:
        interrupt: called when the iterator is closed before its end: releases `items` where they wait for something.
    """
    ready: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(max(1, depth))
    stop = threading.Event()

    def offer(item: T | None, error: BaseException | None) -> bool:
        while not stop.is_set():
            try:
                ready.put((item, error), timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not offer(item, None):
                    return
        except BaseException as error:
            offer(None, error)
        else:
            offer(None, StopIteration())

    thread = threading.Thread(target=work, name="afss-decode-ahead", daemon=True)
    thread.start()
    exhausted = False
    try:
        while True:
            item, error = ready.get()
            if isinstance(error, StopIteration):
                exhausted = True
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]
    finally:
        stop.set()
        if not exhausted:
            interrupt()
        thread.join()
