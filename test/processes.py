"""The one way in which tests start processes: none outlives the test or fixture that it was started for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 300.0
"""How long a test waits for a process: a busy machine is slow, not wrong."""


@contextmanager
def started(
    command: Sequence[str | Path],
    *,
    cwd: Path = ROOT,
    domain: int | None = None,
    changes: Mapping[str, str] | None = None,
    stdout: int | IO[str] | None = subprocess.PIPE,
    stderr: int | IO[str] | None = subprocess.STDOUT,
    stdin: int | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """Start a process, and at the end kill it with all that it started, if it has not ended by itself.

    Args:
        domain: DDS domain, as ROS_DOMAIN_ID.
        changes: environment variables besides those of this process.
    """
    process = subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **({} if domain is None else {"ROS_DOMAIN_ID": str(domain)}), **(changes or {})},
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        text=True,
        start_new_session=True,  # a group of its own, by which it is killed
    )
    try:
        yield process
    finally:
        kill_group(process)


def kill_group(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def finish(process: subprocess.Popen[str], patience_s: float = PATIENCE_S) -> tuple[int, str]:
    """Wait for the end of a process; its exit code and its output."""
    output, _ = process.communicate(timeout=patience_s)
    return process.returncode, output or ""


def run(
    command: Sequence[str | Path], *, patience_s: float = PATIENCE_S, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with standard output and error apart.

    Raises:
        subprocess.TimeoutExpired: it was killed, with all that it started.
    """
    with started(command, **{"stderr": subprocess.PIPE, **options}) as process:
        output, errors = process.communicate(timeout=patience_s)
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def python(*arguments: str | Path) -> list[str | Path]:
    """The command that runs this Python with `arguments`."""
    return [sys.executable, *arguments]
