"""A selection in a terminal: its progress, and a table of what was dropped and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Group
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from afss_ros.distill.selection.command import PICTURE, Selected
from afss_ros.distill.selection.decide import REASONS
from afss_ros.terminal import screen


@contextmanager
def selection_bar() -> Iterator[Callable[[], None]]:
    """Count the images looked at; gives what `select` reports to."""
    columns = (SpinnerColumn(), TextColumn("selecting, {task.completed} images looked at"))
    with Progress(*columns, console=screen(errors=True), transient=True) as bar:
        task = bar.add_task("select", total=None)
        yield lambda: bar.advance(task)


def summary(selected: Selected, out: Path) -> Group:
    """What stays, by split, and what was dropped, by reason."""
    splits = ", ".join(f"{count} {split}" for split, count in selected.by_split.items())
    table = Table(show_header=False, box=None)
    for reason, count in selected.by_reason.items():
        table.add_row(str(count), f"kept ({splits})" if reason == "kept" else f"dropped: {REASONS[reason]}")
    note = [Text(selected.note, style="yellow")] if selected.note else []
    return Group(f"{out}: see {PICTURE} for examples", table, *note)
