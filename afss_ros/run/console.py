"""The progress of a run in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from afss_ros.run.perceive import RunSummary
from afss_ros.sources import Unreadable
from afss_ros.terminal import screen


class Bar:
    """What `run.run` reports to."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def started(self, length: int | None) -> None:
        self._progress.update(self._task, total=length)

    def advanced(self) -> None:
        self._progress.advance(self._task)

    def skipped(self, unreadable: Unreadable) -> None:
        self._progress.console.print(f"unreadable, skipped: {unreadable.name}: {unreadable.reason}", soft_wrap=True)


@contextmanager
def running_bar() -> Iterator[Bar]:
    columns = (TextColumn("perceiving"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen(errors=True)) as progress:
        yield Bar(progress, progress.add_task("run", total=None))


def summary_line(summary: RunSummary, out: Path) -> str:
    found = ", ".join(f"{count} {name}" for name, count in sorted(summary.detections.items())) or "nothing found"
    skipped = f", {len(summary.unreadable)} inputs unreadable" if summary.unreadable else ""
    inference = summary.latency_ms.get("inference", {}).get("p50")
    speed = f", inference {inference:.1f} ms on {summary.provider}" if inference is not None else ""
    return f"{out}: {summary.frames} frames, {found}{speed}{skipped}"
