"""How many threads the work on the ground takes: as many as there are cores free, and those it waits for asleep.

Threads of one operation wait for each other at its end. Where another process holds a core, the thread that was to run
on it comes late to every one of these meetings, thousands a second, and the others wait; OpenMP's wait spinning, on the
core that the late one needs. One thread waits for nobody.

Nothing here imports torch; what is loaded is told.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SPARE = 0.25
"""Of a core, in use by others: what daemons and a terminal take, and no reason to leave a core to them."""
_LOOK_S = 0.2
"""Long enough for the kernel's count of idle time, in steps of 10 ms, to mean something."""
_current: ContextVar[int] = ContextVar("threads", default=0)


@dataclass(frozen=True, slots=True)
class Cores:
    """What this process may use.

    Attributes:
        allowed: cores that it may run on.
        quota: cores' worth of time that its control group grants; infinite without a limit.
        free: cores' worth of time that nobody used just now, of those allowed.
    """

    allowed: int
    quota: float
    free: float


def threads_for(cores: Cores) -> int:
    """The most threads of which each has a core to itself; at least 1.

    >>> threads_for(Cores(8, float("inf"), 7.9)), threads_for(Cores(8, 2.5, 7.9)), threads_for(Cores(2, 2.0, 0.4))
    (8, 2, 1)
    """
    return max(1, int(min(cores.allowed, cores.quota, cores.free + _SPARE)))


def asked_for(environment: Mapping[str, str]) -> int:
    """What OMP_NUM_THREADS says for the outermost level; 0 when it says nothing that OpenMP would take."""
    first = environment.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) if first.isdecimal() else 0


def current() -> int:
    """What the work around this one has chosen; 0 when nothing has."""
    return _current.get()


def chosen(wanted: int = 0, before: int = 0) -> int:
    """How many threads to take: the first of these that is not 0.

    What was asked for here (`wanted`); what the work around this one has chosen; OMP_NUM_THREADS; what the same work
    had `before` it was interrupted, because sums in another order are other sums; and else the cores that are free.
    """
    return wanted or current() or asked_for(os.environ) or before or threads_for(look())


@contextmanager
def limited(wanted: int = 0, before: int = 0) -> Iterator[int]:
    """Choose the number of threads for what is done inside, in this thread: see `chosen`. It is put back at the end.

    torch and OpenCV, where they are loaded, are told; ONNX Runtime has to be, with the number that this gives.
    """
    number = chosen(wanted, before)
    torch, cv2 = sys.modules.get("torch"), sys.modules.get("cv2")
    told = None if torch is None else torch.get_num_threads()
    readers = None if cv2 is None else cv2.getNumThreads()
    token = _current.set(number)
    try:
        _tell(torch, "set_num_threads", number, told)
        _tell(cv2, "setNumThreads", number, readers)
        yield number
    finally:
        _current.reset(token)
        _tell(torch, "set_num_threads", told, number)
        _tell(cv2, "setNumThreads", readers, number)


def wait_asleep(environment: dict[str, str] | os._Environ[str] = os.environ) -> None:
    """Let OpenMP's threads sleep where they wait, unless the user has said how; for the start of a program alone.

    OpenMP reads it when it is loaded, so it has to come before torch, and programs that this one starts inherit it.
    """
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"} & environment.keys():
        environment["OMP_WAIT_POLICY"] = "passive"


def look() -> Cores:
    """What this process may use at this moment, which takes a fifth of a second; off Linux, all cores count as free."""
    if not hasattr(os, "sched_getaffinity"):
        count = float(os.cpu_count() or 1)
        return Cores(int(count), float("inf"), count)
    allowed = os.sched_getaffinity(0)
    return Cores(len(allowed), _quota(), _free(allowed))


def _tell(library: Any, name: str, number: int | None, known: int | None) -> None:
    # OpenCV starts its threads anew whenever it is told.
    if library is not None and number is not None and number != known:
        getattr(library, name)(number)


def _free(allowed: set[int]) -> float:
    try:
        first, since = idle_ticks(Path("/proc/stat").read_text(), allowed), time.monotonic()
        time.sleep(_LOOK_S)
        ticks = idle_ticks(Path("/proc/stat").read_text(), allowed) - first
    except (OSError, ValueError, IndexError):
        return float(len(allowed))
    return ticks / os.sysconf("SC_CLK_TCK") / (time.monotonic() - since)


def idle_ticks(stat: str, allowed: set[int]) -> int:
    """Clock ticks that the cores `allowed` spent idle, or waiting for disks, since the machine started.

    Args:
        stat: content of /proc/stat, see proc_stat(5).
    """
    rows = (line.split() for line in stat.splitlines() if line.startswith("cpu"))
    return sum(int(row[4]) + int(row[5]) for row in rows if row[0][3:].isdecimal() and int(row[0][3:]) in allowed)


def _quota() -> float:
    """The least that any control group above this process grants it, in cores."""
    root = Path("/sys/fs/cgroup")
    try:
        own = next(line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return float("inf")
    group = root / own.strip("/")
    return min(quota_of(path) for path in (group, *group.parents) if path == root or root in path.parents)


def quota_of(group: Path) -> float:
    """What cpu.max of one control group (version 2) grants, in cores; infinite without a limit or without the file."""
    try:
        granted, period = (group / "cpu.max").read_text().split()
        return int(granted) / int(period)
    except (OSError, ValueError):
        return float("inf")
