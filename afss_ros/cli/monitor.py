"""`afss monitor calibrate` and `afss monitor rates`: when the input monitor speaks, and how often it is right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress
from rich.table import Table

from afss_ros.terminal import screen

Set = Annotated[Path, typer.Argument(help="A data set folder, or a COCO .json.", show_default=False)]
Split = Annotated[str | None, typer.Option("--split", help="Use only this split.", show_default=False)]


def calibrate(
    data: Set,
    out: Annotated[Path, typer.Option("--out", help="Write the limits here (.yaml).", show_default=False)],
    false_alarms: Annotated[
        float, typer.Option("--false-alarms", min=0.0001, max=0.2, help="Share of right frames past each limit.")
    ] = 0.005,
    split: Split = None,
) -> None:
    """Choose the monitor's limits on frames that are right, such as `afss render` makes."""
    from afss_ros import datasets
    from afss_ros.datasets.files import write_atomically
    from afss_ros.evaluation.monitor import limits_file
    from afss_ros.evaluation.monitor.calibrate import calibrate as choose

    dataset = datasets.load(data, split)
    about = f"{len(dataset)} frames of {data.name}, {false_alarms:g} of them past each limit"
    with _progress() as progress:
        frames = progress.track((s.read_image() for s in dataset), total=len(dataset), description="Measuring")
        limits = choose(frames, false_alarms=false_alarms, about=about)
    write_atomically(out, limits_file.text(limits).encode())
    typer.echo(f"{out}: {', '.join(f'{name} {value:.3g}' for name, value in limits.at.items())}")


def rates(
    data: Set,
    limits: Annotated[
        Path | None, typer.Option("--limits", help="Instead of those that are shipped.", show_default=False)
    ] = None,
    split: Split = None,
    json: Annotated[Path | None, typer.Option("--json", help="Write the figures here.", show_default=False)] = None,
) -> None:
    """Count findings on pictures as they are, and on the same spoiled in every way that the monitor should notice."""
    from afss_ros import datasets
    from afss_ros.datasets.files import write_atomically
    from afss_ros.evaluation.monitor import limits_file
    from afss_ros.evaluation.monitor.calibrate import rates as count
    from afss_ros.monitor import load_limits
    from afss_ros.monitor.limits import SHIPPED

    dataset = datasets.load(data, split)
    with _progress() as progress:
        task = progress.add_task("Measuring", total=len(dataset))
        found = count(
            [s.read_image for s in dataset], load_limits(limits or SHIPPED), advance=lambda: progress.advance(task)
        )
    if json is not None:
        write_atomically(json, limits_file.figures(found).encode())
    table = Table("pictures", "findings", "share", "by the strongest reason", title=f"{data}, {len(dataset)} pictures")
    for name, rate in found.items():
        reasons = ", ".join(f"{reason} {number}" for reason, number in rate.reasons.most_common())
        table.add_row(name or "as they are", f"{rate.found}", f"{rate.rate:.3f}", reasons)
    screen().print(table)


def _progress() -> Progress:
    return Progress(console=screen(errors=True), transient=True)
