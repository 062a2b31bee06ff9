"""`afss run`: a student on files, without ROS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afss_ros.terminal import say


def run(
    source: Annotated[Path, typer.Argument(help="A folder of pictures, a video, or a bag.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder for the results.", show_default=False)],
    model: Annotated[
        Path | None, typer.Option("--model", help="A student, an .onnx; else the one that is shipped.")
    ] = None,
    provider: Annotated[str, typer.Option("--provider", help="auto, cuda, tensorrt or cpu.")] = "auto",
    tiling: Annotated[str, typer.Option("--tiling", help="auto: larger frames in tiles too. Or none.")] = "none",
    topic: Annotated[str | None, typer.Option("--topic", help="Image topic of a bag that has several.")] = None,
    formats: Annotated[str, typer.Option("--formats", help="What to write, of these.")] = "coco,masks,overlays,mcap",
    score_threshold: Annotated[float, typer.Option("--score", min=0, max=1, help="Least score.")] = 0.5,
    grey_bits: Annotated[int, typer.Option("--grey-bits", min=8, max=16, help="Bits that a mono16 camera uses.")] = 16,
    tracking: Annotated[
        bool, typer.Option("--tracking", help="Follow craft: tracks, bearings and positions in the bag.")
    ] = False,
    target_length: Annotated[
        float, typer.Option("--target-length", min=0, help="Of the craft in metres, for its range; 0: unknown.")
    ] = 0.0,
) -> None:
    """Perceive files without ROS: COCO JSON, label masks, overlays, and a bag for Foxglove."""
    from afss_ros.run import Options
    from afss_ros.run import run as perceive
    from afss_ros.run.console import running_bar, summary_line

    wanted = tuple(name.strip() for name in formats.split(",") if name.strip())
    with running_bar() as told:
        options = Options(
            source, out, topic, model, provider, score_threshold, wanted, tiling, grey_bits, tracking, target_length
        )
        summary = perceive(options, started=told.started, advanced=told.advanced, skipped=told.skipped)
    say(summary_line(summary, out))
    if summary.unreadable:
        raise typer.Exit(3)
