"""A fuzzing run: a process for each target, started anew behind an input that ended it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from processes import ROOT, kill_group

STILL_S = 600.0
"""Without a word after which an input counts as hung: it takes no processor time, or that would have ended it."""


@dataclass(frozen=True)
class Fault:
    """An input that did what none may do."""

    target: str
    number: int
    what: str


def run(target: str, seed: int, first: int, count: int) -> list[Fault]:
    """Feed `count` inputs, from number `first` on; what any of them did that none may."""
    faults: list[Fault] = []
    at, end = first, first + count
    while at < end:
        last = at - 1
        for number, what, more in _child(target, seed, at, end - at):
            if what == "begins":
                last = number
            elif what == "failed":
                faults.append(Fault(target, number, more))
            elif what == "done":
                return faults
            elif last < at:
                raise RuntimeError(f"the process that feeds {target} does not begin: {what}{more}")
            else:
                faults.append(Fault(target, last, f"{what}{more}"))
        at = max(last, at) + 1
    return faults


def _child(target: str, seed: int, first: int, count: int) -> Iterator[tuple[int, str, str]]:
    """What a process says, and how it ended where it did not say that it is done."""
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "fuzzing.child", target, str(seed), str(first), str(count)],
        cwd=ROOT,
        env={
            **os.environ,
            "FUZZ_FD": str(writing),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "test"), str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "OMP_NUM_THREADS": "1",
        },
        pass_fds=[writing],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    os.close(writing)
    done = False
    try:
        with os.fdopen(reading, "rb", buffering=0) as pipe:
            for line in _lines(pipe.fileno()):
                if line is None:
                    yield (-1, "hung", f": no word for {STILL_S:.0f} s")
                    return
                number, what, more = json.loads(line)
                done = done or what == "done"
                yield number, what, more
        if not done:
            _, said = process.communicate()
            yield (-1, "ended", f" by {_how(process.returncode)}: {said[-1500:]}")
    finally:
        kill_group(process)


def _lines(pipe: int) -> Iterator[bytes | None]:
    """Lines as they come; None, and the end, when none comes for long."""
    rest = b""
    while True:
        if not select.select([pipe], [], [], STILL_S)[0]:
            yield None
            return
        piece = os.read(pipe, 1 << 16)
        if not piece:
            return
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines


def _how(code: int) -> str:
    if code == -signal.SIGPROF:
        return "the limit of processor time"
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def keep(fault: Fault, seed: int, folder: Path) -> Path:
    """Write an input that did wrong to a file, for `found/` and for whoever mends it."""
    from fuzzing.child import content_of

    path = folder / fault.target / f"seed{seed}-{fault.number}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content_of(fault.target, seed, fault.number))
    return path


def until(seconds: float, targets: list[str], seed: int, batch: int = 300) -> Iterator[tuple[str, int, list[Fault]]]:
    """Go round the targets for a while: the target, how many inputs it has had, and what was found in the last ones."""
    began = time.monotonic()
    had = dict.fromkeys(targets, 0)
    while time.monotonic() - began < seconds:
        for target in targets:
            faults = run(target, seed, had[target], batch)
            had[target] += batch
            yield target, had[target], faults
