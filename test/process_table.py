"""Which processes run on this machine, read from /proc: whose children they are, and which marks they carry."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

Table = dict[int, "Process"]


@dataclass(frozen=True)
class Process:
    """A process; its number and its start together are never used twice."""

    pid: int
    started: int
    """Clock ticks since the machine started."""
    parent: int = field(compare=False)
    has_ended: bool = field(compare=False)
    """And waits for its parent to ask how."""

    @property
    def command(self) -> str:
        words = _read(self.pid, "cmdline").replace(b"\0", b" ").strip()
        return (words or _read(self.pid, "comm").strip()).decode(errors="replace")


def table() -> Table:
    """All processes of this machine by their numbers.

    Not of one moment: who is born while it is read may be missing, with its parent having ended before its turn.
    """
    return {pid: process for pid in pids() if (process := look(pid)) is not None}


def look(pid: int) -> Process | None:
    """The process of a number, if there is one."""
    # The name, in brackets, may hold anything; what follows it: state, parent, and as the 20th the start.
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    if not fields:
        return None
    return Process(pid, int(fields[19]), parent=int(fields[1]), has_ended=fields[0] in (b"Z", b"X"))


def descendants(pid: int) -> set[int]:
    """The numbers of the processes below one; who is born while they are asked may be missing."""
    if not Path(f"/proc/self/task/{os.getpid()}/children").exists():  # a kernel that was built without
        known = table()
        return {p.pid for p in known.values() if p.pid != pid and any(a.pid == pid for a in ancestry(p, known))}
    found: set[int] = set()
    open_ = [pid]
    while open_:
        children = _children(open_.pop()) - found
        found |= children
        open_ += children
    return found


def _children(pid: int) -> set[int]:
    """Of all its threads."""
    try:
        threads = [entry.name for entry in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return set()
    return {int(child) for thread in threads for child in _read(pid, f"task/{thread}/children").split()}


def running() -> set[Process]:
    """All processes of this machine that have not ended."""
    return {process for process in table().values() if not process.has_ended}


def ancestry(process: Process, known: Table) -> Iterator[Process]:
    """The process itself, its parent, and so on up."""
    above: Process | None = process
    while above is not None:
        yield above
        above = known.get(above.parent)


def started_with(
    name: str, value: str, *, separator: str | None = None, among: Collection[int] | None = None
) -> set[int]:
    """The numbers of the processes, of all or `among` some, that were started with `name=value` in their environment.

    With a separator also those whose value goes on with it. Processes of other users cannot be read and are not among
    them; what a process changed in its own environment does not count.
    """
    entry = f"\0{name}={value}".encode()
    ends = ("\0", separator or "\0")
    found = set()
    for pid in pids() if among is None else among:
        environment = b"\0" + _read(pid, "environ")
        place = environment.find(entry)
        if place >= 0 and environment[place + len(entry) :][:1].decode(errors="replace") in ends:
            found.add(pid)
    return found


def kill(victims: Collection[Process], patience_s: float = 60.0) -> None:
    """Kill processes (SIGKILL) and wait until they have ended, whosever children they are.

    Raises:
        TimeoutError: some have not ended.
    """
    end = time.monotonic() + patience_s
    while victims and (left := set(victims) & running()):  # looking at all of the machine for nobody is not free
        if time.monotonic() > end:
            raise TimeoutError(f"processes {sorted(p.pid for p in left)} live {patience_s:g} s after SIGKILL")
        for process in left:
            try:
                os.kill(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.01)


def pids() -> list[int]:
    """The numbers of all processes."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _read(pid: int, name: str) -> bytes:
    """What a file of the process holds; empty if the process has ended meanwhile or the file may not be read."""
    try:
        file = os.open(f"/proc/{pid}/{name}", os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(file, 1 << 20)
    except OSError:
        return b""
    finally:
        os.close(file)
