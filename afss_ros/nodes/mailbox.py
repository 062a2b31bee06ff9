"""A mailbox with one slot: the newest item wins, and what it replaced is counted.

A queue in front of a slow consumer turns into latency. One slot cannot: the consumer always takes the newest item, so
the age of what it works on stays below one period of the producer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """One slot between a producer and a consumer thread.

    Args:
        on_overwrite: called, in the producer's thread, for every item that was replaced before anyone took it.
    """

    def __init__(self, on_overwrite: Callable[[], None] | None = None) -> None:
        self._on_overwrite = on_overwrite
        self._changed = threading.Condition()
        self._items: list[T] = []
        self._closed = False

    def put(self, item: T) -> None:
        """Leave `item` for the consumer, in place of an item still waiting. Ignored once the mailbox is closed."""
        with self._changed:
            if self._closed:
                return
            overwritten = bool(self._items)
            self._items = [item]
            self._changed.notify()
        if overwritten and self._on_overwrite is not None:
            self._on_overwrite()

    def take(self, within_s: float | None = None) -> T | None:
        """Wait for an item and take it. None when the mailbox is closed and empty: the consumer's signal to leave.

        Raises:
            TimeoutError: nothing came within `within_s` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._items or self._closed, within_s):
                raise TimeoutError
            return self._items.pop() if self._items else None

    def wait_closed(self, within_s: float) -> bool:
        """Wait for the end of the mailbox, whatever comes meanwhile; whether it has come."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed, within_s)

    def close(self) -> None:
        """Accept nothing more. An item still waiting can be taken once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def empty(self) -> None:
        """Drop an item still waiting; counted as overwritten, for it was never taken."""
        with self._changed:
            dropped = bool(self._items)
            self._items = []
        if dropped and self._on_overwrite is not None:
            self._on_overwrite()
