"""Work that may never end, done for somebody who must not wait forever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class DeadlineError(Exception):
    """Work did not end in time. Its thread is left behind, and what it yet returns is dropped."""


class AbandonableThread(threading.Thread):
    """A thread that may be left behind: it keeps no process alive.

    Args:
        work: what it does.
        name: of the work, for messages and debuggers.
    """

    def __init__(self, work: Callable[[], None], name: str) -> None:
        super().__init__(target=work, name=name, daemon=True)


def left_behind() -> list[str]:
    """The names of all abandonable threads of this process that still run."""
    return [thread.name for thread in threading.enumerate() if isinstance(thread, AbandonableThread)]


class _Call(Generic[T]):
    """One call in a thread of its own, and what it returned or raised."""

    def __init__(self, name: str, work: Callable[[], T], dispose: Callable[[T], None]) -> None:
        self._work = work
        self._dispose = dispose
        self._lock = threading.Lock()
        self._abandoned = False
        self.results: list[T] = []
        self.error: BaseException | None = None
        self.thread = AbandonableThread(self._run, name)
        self.thread.start()

    def _run(self) -> None:
        try:
            result = self._work()
        except BaseException as error:
            self.error = error
            return
        with self._lock:
            if not self._abandoned:
                self.results.append(result)
                return
        self._dispose(result)

    def abandon(self) -> bool:
        """Want the result no longer; False if it is there after all."""
        with self._lock:
            self._abandoned = not self.results
            return self._abandoned


def within(
    limit_s: float,
    work: Callable[[], T],
    *,
    name: str,
    period_s: float = 0.1,
    meanwhile: Callable[[float], bool] = lambda age_s: True,
    dispose: Callable[[T], None] = lambda result: None,
) -> T:
    """Return what `work` returns, called in a thread of its own; what it raises is raised here.

    Args:
        limit_s: seconds that it may take.
        work: must be left alone when it does not end: nothing can stop it.
        name: of the work, for threads and messages.
        period_s: seconds between two calls of `meanwhile`.
        meanwhile: called in this thread while `work` goes on, with its age in seconds; False gives up at once.
        dispose: frees a result that comes too late, in the thread of the work.

    Raises:
        DeadlineError: `work` did not end in time, or `meanwhile` gave it up.
    """
    started = time.monotonic()
    call = _Call(name, work, dispose)
    while True:
        age_s = time.monotonic() - started
        call.thread.join(max(min(period_s, limit_s - age_s), 0.0))
        if not call.thread.is_alive():
            break
        age_s = time.monotonic() - started
        wanted = meanwhile(age_s)
        if (not wanted or age_s >= limit_s) and call.abandon():
            why = f"not ended within {limit_s:g} s" if wanted else f"given up after {age_s:.1f} s"
            raise DeadlineError(f"{name} has {why}")
    if call.error is not None:
        raise call.error
    return call.results[0]
