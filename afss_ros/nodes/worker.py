"""One thread that works on the newest item it was given."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from afss_ros.nodes.deadline import AbandonableThread
from afss_ros.nodes.mailbox import Mailbox

T = TypeVar("T")


_IDLE_S = 0.25
PATIENCE_S = 5.0
"""How long `Worker.stop` waits for the item in work, where nobody says otherwise."""


class InterruptedWorkError(Exception):
    """The thread was told to end while it worked or waited: SystemExit, or what else no `except Exception` holds."""


class Worker(Generic[T]):
    """A thread behind a one-slot `Mailbox`; `stop` joins it, unless it does not end.

    The thread outlives whatever is raised in it. If it ends all the same, the next item starts another.

    Args:
        name: the thread's name, for debuggers.
        work: called in the thread with each item taken. It answers for its own errors.
        on_error: called in the thread with what `work` raised nevertheless; the thread then goes on.
        on_overwrite: called for every item that a newer one replaced.
        idle: called in the thread while nothing waits: after each item, and a few times a second.
        on_idle_error: called with what was raised while there was no item, by `idle` or by who interrupted the thread;
            the default is `on_error`.
        period_s: seconds from taking one item to taking the next, at least, asked a few times a second; what comes
            meanwhile replaces what waits.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[T], None],
        *,
        on_error: Callable[[Exception], None],
        on_overwrite: Callable[[], None] | None = None,
        idle: Callable[[], None] | None = None,
        on_idle_error: Callable[[Exception], None] | None = None,
        period_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._mailbox: Mailbox[T] = Mailbox(on_overwrite)
        self._work = work
        self._on_error = on_error
        self._idle = idle
        self._on_idle_error = on_idle_error or on_error
        self._name = name
        self._item: T | None = None
        self._over = False
        self._period_s = period_s
        self._taken_at = -math.inf
        self._thread = AbandonableThread(self._run, name)
        self._thread.start()

    def submit(self, item: T) -> None:
        """Hand over the newest item, without waiting."""
        self._mailbox.put(item)
        if not self._over and not self._thread.is_alive():
            self._tell(InterruptedWorkError(f"the thread {self._name} had ended; another goes on"))
            self._thread = AbandonableThread(self._run, self._name)
            self._thread.start()

    def stop(self, within_s: float = PATIENCE_S) -> bool:
        """Finish the item in work and the one waiting, then end and join the thread. Safe to call again.

        Args:
            within_s: seconds that this may take.

        Returns:
            Whether the thread has ended. If not it is left behind: it ends after the item in work, if that ever ends,
            and the one that waited is dropped.
        """
        self._mailbox.close()
        self._thread.join(within_s)
        if not self._thread.is_alive():
            return True
        self._mailbox.empty()
        return False

    def _run(self) -> None:
        while not self._over:
            try:
                self._item = self._next()
                if self._item is None:
                    self._over = True
                else:
                    self._work(self._item)
                self._item = None
            except Exception as error:
                self._tell(error)
            except BaseException as error:
                self._tell(InterruptedWorkError(f"the thread {self._name} was told to end: {type(error).__name__}"))

    def _tell(self, error: Exception) -> None:
        item, self._item = self._item, None
        (self._on_error if item is not None else self._on_idle_error)(error)

    def _next(self) -> T | None:
        """The item that waits or comes, once its time has come; None in the end. Idle until then."""
        while (rest_s := self._taken_at + self._period_s() - time.monotonic()) > 0:
            if self._mailbox.wait_closed(min(rest_s, _IDLE_S)):
                break
            if self._idle is not None:
                self._idle()
        item = self._wait()
        self._taken_at = time.monotonic()
        return item

    def _wait(self) -> T | None:
        if self._idle is None:
            return self._mailbox.take()
        patience_s = 0.0
        while True:
            try:
                return self._mailbox.take(patience_s)
            except TimeoutError:
                self._idle()
                patience_s = _IDLE_S
