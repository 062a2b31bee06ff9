"""One thread that works on the newest item it was given."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from afss_ros.nodes.mailbox import Mailbox

T = TypeVar("T")


class Worker(Generic[T]):
    """A thread behind a one-slot `Mailbox`; `stop` joins it.

    Args:
        name: the thread's name, for debuggers.
        work: called in the thread with each item taken. It answers for its own errors.
        on_error: called in the thread with what `work` raised nevertheless; the thread then goes on.
        on_overwrite: called for every item that a newer one replaced.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[T], None],
        *,
        on_error: Callable[[Exception], None],
        on_overwrite: Callable[[], None] | None = None,
    ) -> None:
        self._mailbox: Mailbox[T] = Mailbox(on_overwrite)
        self._work = work
        self._on_error = on_error
        self._thread = threading.Thread(target=self._run, name=name)
        self._thread.start()

    def submit(self, item: T) -> None:
        """Hand over the newest item, without waiting."""
        self._mailbox.put(item)

    def stop(self) -> None:
        """Finish the item in work and the one waiting, then end and join the thread. Safe to call again."""
        self._mailbox.close()
        self._thread.join()

    def _run(self) -> None:
        while (item := self._mailbox.take()) is not None:
            try:
                self._work(item)
            except Exception as error:
                self._on_error(error)
