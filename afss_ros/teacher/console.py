"""The progress of a labelling run in a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from afss_ros.teacher.engine import Progress
from afss_ros.teacher.manifest import LOOKED_AT


@contextmanager
def labelling_bar() -> Iterator[tuple[Callable[[int | None], None], Callable[[Progress], None]]]:
    """Show a bar; gives the `started` and `advanced` that `command.label` reports to."""
    columns = (TextColumn("labelling"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    bar = Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True))
    task = bar.add_task("label", total=None, rate="")
    begun: list[float] = []
    labelled = 0

    def started(length: int | None) -> None:
        begun.append(time.monotonic())
        bar.update(task, total=length)
        bar.start()  # not before: an input that is refused has no progress to show

    def advanced(progress: Progress) -> None:
        nonlocal labelled
        labelled += progress.image is not None
        rate = labelled / max(1e-3, time.monotonic() - begun[0])
        text = f"{rate:.2f} frames/s, {progress.counts['kept']} kept{gpu_memory()}"
        bar.update(task, completed=progress.seen, rate=text)

    try:
        yield started, advanced
    finally:
        bar.stop()


def summary(counts: dict[str, int]) -> str:
    """The counts as a sentence that adds up."""
    looked = sum(counts[status] for status in LOOKED_AT)
    rest = ", ".join(f"{counts[s]} {s}" for s in counts if s not in LOOKED_AT and counts[s])
    kinds = ", ".join(f"{counts[s]} {s}" for s in LOOKED_AT)
    return f"{sum(counts.values())} frames: {looked} labelled ({kinds}){', ' + rest if rest else ''}"


def gpu_memory() -> str:
    """The most memory that torch has held on the GPU, for a progress bar; empty without torch or a GPU."""
    torch = sys.modules.get("torch")  # never imported for this alone
    if torch is None or not torch.cuda.is_available():
        return ""
    return f", {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB of GPU memory"
