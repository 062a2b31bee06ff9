"""How a command ends that was asked to stop and has kept what it had."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from afss_ros.distill.training.stopping import StoppedError
from afss_ros.terminal import say


@contextmanager
def stoppable() -> Iterator[None]:
    """Say what a stopped training says, and leave with the code of its signal: 130 for Ctrl-C, 143 for SIGTERM."""
    try:
        yield
    except StoppedError as stopped:
        say(str(stopped), errors=True)
        raise typer.Exit(128 + stopped.number) from None
