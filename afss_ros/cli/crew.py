"""The options of every command whose work falls into shards: who does it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from afss_ros.terminal import say, screen

if TYPE_CHECKING:
    from afss_ros.cluster import Crew, SetAside, Tally

Cluster = Annotated[
    str | None,
    typer.Option("--cluster", help="On Ray: auto, or ray://HOST:10001. Else this machine.", show_default=False),
]
Workers = Annotated[int, typer.Option("--workers", min=0, help="Processes; 0: one here, as many as fit on a cluster.")]
Gpus = Annotated[float, typer.Option("--gpus", min=0, help="Of each worker on a cluster; 0.25: four share one.")]
Plan = Annotated[bool, typer.Option("--plan", help="Only say how many shards, hours and gigabytes it will take.")]
Memory = Annotated[float, typer.Option("--memory", min=0, help="GB of each worker on a cluster; 0 does not say.")]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        min=0,
        help="Seconds for a shard, then its worker is killed; 0: no end. Else 20 times the median, 600 at least.",
        show_default=False,
    ),
]


def crew(cluster: str | None, workers: int, gpus: float, memory: float, timeout: float | None) -> Crew:
    """Who these options ask for."""
    from afss_ros.cluster import Crew

    return Crew(cluster, workers, gpus=gpus, memory_gb=memory, timeout_s=timeout)


class ShardBar:
    """A bar over all shards of a run, with its rate and how the work stands."""

    def __init__(self, what: str, total: int | None) -> None:
        columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[said]}", markup=False))
        self.progress = Progress(*columns, TimeRemainingColumn(), console=screen(errors=True))
        self._task = self.progress.add_task(what, total=total, said="")
        self._begun = time.monotonic()
        self._first: int | None = None
        self._stands = ""
        self._done = 0

    def completed(self, done: int) -> None:
        """So much is done."""
        self._done = done
        if self._first is None:  # what was there already is no rate
            self._first, self._begun = done, time.monotonic()
        rate = (done - self._first) / max(1e-3, time.monotonic() - self._begun)
        self.progress.update(self._task, completed=done, said=f"{rate:.1f}/s{self._stands}")

    def of(self, done: int, total: int) -> None:
        """So much of so much is done."""
        self.progress.update(self._task, total=total)
        self.completed(done)

    def stands(self, tally: Tally) -> None:
        """How the work stands."""
        self._stands = f", {tally}"
        if self._first is None:
            self.progress.update(self._task, said=str(tally))


@contextmanager
def shard_bar(what: str, total: int | None, kept: str) -> Iterator[ShardBar]:
    """A bar while something is done; Ctrl-C ends it with code 130, and the words that it can be gone on with."""
    bar = ShardBar(what, total)
    try:
        with bar.progress:
            yield bar
    except KeyboardInterrupt:
        say(f"stopped; {kept}, and the same command goes on", errors=True)
        raise typer.Exit(130) from None


def left_out(aside: Sequence[SetAside]) -> None:
    """Name the shards that were set aside, and leave with code 3 where there are any."""
    for outcome in aside:
        logging.error("not done: %s: %s", outcome.shard.name, outcome.reason)
    if aside:
        typer.echo(f"{len(aside)} shard{'s' * (len(aside) != 1)} set aside; the same command tries them again")
        raise typer.Exit(3)
