"""The progress of a labelling run in a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from afss_ros.labelling.engine import Progress
from afss_ros.labelling.manifest import DAMAGED, LOOKED_AT, Manifest
from afss_ros.terminal import screen


class LabellingBar:
    """A bar, shown within the block; `command.label` reports to its `started` and `advanced`.

    Attributes:
        length: frames to expect; None where that is unknown.
        counts: frames by status so far; None before the first.
    """

    def __init__(self) -> None:
        columns = (TextColumn("labelling"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
        self._bar = Bar(*columns, TimeRemainingColumn(), console=screen(errors=True))
        self._task = self._bar.add_task("label", total=None, rate="")
        self._begun = 0.0
        self._before: int | None = None
        self.length: int | None = None
        self.counts: dict[str, int] | None = None

    def __enter__(self) -> LabellingBar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def started(self, length: int | None) -> None:
        """Show the bar; not before, since an input that is refused has no progress."""
        self.length, self._begun = length, time.monotonic()
        self._bar.update(self._task, total=length)
        self._bar.start()

    def advanced(self, progress: Progress) -> None:
        """Show how far the run is."""
        self.counts = progress.counts
        labelled = sum(progress.counts[status] for status in LOOKED_AT)
        if self._before is None:
            self._before = labelled - (progress.image is not None)
        rate = (labelled - self._before) / max(1e-3, time.monotonic() - self._begun)
        shards = "" if progress.shards is None else f", {progress.shards}"
        text = f"{rate:.2f} frames/s, {progress.counts['kept']} kept{shards}{gpu_memory()}"
        self._bar.update(self._task, completed=progress.seen, rate=text)


def summary(counts: dict[str, int]) -> str:
    """The counts as a sentence that adds up."""
    looked = sum(counts[status] for status in LOOKED_AT)
    rest = "".join(f", {n} {s}" for s, n in counts.items() if s not in (*LOOKED_AT, DAMAGED) and n)
    kinds = ", ".join(f"{counts[s]} {s}" for s in LOOKED_AT)
    places = counts.get(DAMAGED, 0)
    damage = f"; the recording is damaged in {places} place{'s' * (places > 1)}" if places else ""
    return f"{_frames(counts)} frames: {looked} labelled ({kinds}){rest}{damage}"


def _frames(counts: Mapping[str, int]) -> int:
    return sum(count for status, count in counts.items() if status != DAMAGED)


def interrupted(out: Path, counts: Mapping[str, int] | None, length: int | None) -> str:
    """What Ctrl-C has left, and how to go on.

    Args:
        counts: those shown last, of which `thinned` is in no file; None where no frame was reached.
    """
    if counts is None:
        return f"stopped before the first frame; the same command starts again, or goes on with what {out} holds"
    with closing(Manifest(out / "manifest.jsonl")) as manifest:  # Ctrl-C may come between a frame's line and the bar
        counts = {**counts, **manifest.counts}
    expected = "" if length is None else f" of {length}"
    return (
        f"stopped after {_frames(counts)}{expected} frames, {counts['kept']} of them kept: they are safe in {out}."
        " The same command goes on; with --finish it labels no more, and writes report, COCO and YOLO files of what"
        " there is"
    )


def gpu_memory() -> str:
    """The most memory that torch has held on the GPU, for a progress bar; empty without torch or a GPU."""
    torch = sys.modules.get("torch")  # never imported for this alone
    if torch is None or not torch.cuda.is_available():
        return ""
    return f", {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB of GPU memory"
