"""A training run on the terminal: one bar with loss, speed and the newest scores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from afss_ros.distill.training import loop as training
from afss_ros.distill.training.processes import Place
from afss_ros.terminal import screen


@contextmanager
def training_bar() -> Iterator[training.Report]:
    """A bar on stderr that follows a run; the context gives the function to report to.

    Of several processes that train together, only the one that writes shows it.
    """
    columns = (
        TextColumn("training"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%  step {task.fields[step]}  loss {task.fields[loss]:.3f}"),
        TextColumn("{task.fields[speed]:.0f} images/s  {task.fields[scores]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen(errors=True), disable=not Place.of().writes) as bar:
        task = bar.add_task("training", total=1.0, step=0, loss=0.0, speed=0.0, scores="-")

        def report(progress: training.Progress) -> None:
            if progress.scores:
                bar.update(task, scores=_short(progress.scores))
            numbers = {"loss": progress.loss, "speed": progress.images_per_second}
            bar.update(task, completed=min(progress.done, 1.0), step=progress.step, **numbers)  # type: ignore[arg-type]

        yield report


def _short(scores: dict[str, float]) -> str:
    names = ("whole_iou", "body_iou", "panel_iou")
    return " ".join(f"{n.removesuffix('_iou')} {scores[n]:.2f}" for n in names if n in scores) or "-"
