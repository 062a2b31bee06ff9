"""The option of every command that computes for long: how many threads it may take."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Annotated

import typer

from afss_ros.threads import limited

Threads = Annotated[
    int | None,
    typer.Option("--threads", min=1, help="Else OMP_NUM_THREADS, else as many as cores are free.", show_default=False),
]


def within(threads: int | None) -> AbstractContextManager[object]:
    """What is done inside takes so many threads; None leaves the choice to each step."""
    return nullcontext() if threads is None else limited(threads)
