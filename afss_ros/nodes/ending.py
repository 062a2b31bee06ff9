"""The end of a process that has done its work, in a bounded time.

What tears DDS down waits without limit for what its own threads do, and holds Python's lock meanwhile, so that no
thread of Python can watch it; some of it is torn down by the interpreter's end, or by the C library's. The kernel's
alarm needs none of them.
"""

from __future__ import annotations

import atexit
import faulthandler
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

LIMIT_S = 60.0
"""Many times what the end takes on a busy machine."""


def bound(limit_s: float | None = None) -> None:
    """Let SIGALRM end this process after `limit_s` seconds, whatever it does; stderr says where it was.

    Args:
        limit_s: `LIMIT_S` where it is None.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    # Without a stderr there is nobody to tell.
    if sys.__stderr__ is not None:
        faulthandler.register(signal.SIGALRM, file=sys.__stderr__, all_threads=True, chain=True)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_S if limit_s is None else limit_s)


@contextmanager
def bounded() -> Iterator[None]:
    """Bound what is within; not what comes after it."""
    handler = signal.getsignal(signal.SIGALRM)
    bound()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.unregister(signal.SIGALRM)
        signal.signal(signal.SIGALRM, handler)


@cache
def bound_exit() -> None:
    """Bound the end of the interpreter, when that comes."""
    atexit.register(bound)
