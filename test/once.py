"""What is costly to make and only read is made once a run of tests, however many workers share the run."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest


def once(folders: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder of this run that `make` has filled; no test may change what is in it.

    The first who asks has it made, and others wait meanwhile. Where that failed, the next who asks has it made anew.

    Args:
        make: is given an empty folder.
    """
    base = folders.getbasetemp()
    # Each worker of xdist has a folder of its own within that of the run.
    shelf = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "once"
    shelf.mkdir(exist_ok=True)
    made = shelf / f"{name}.made"
    with (shelf / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            folder = tempfile.mkdtemp(prefix=f"{name}-", dir=shelf)
            make(Path(folder))
            made.write_text(folder)
    return Path(made.read_text())
