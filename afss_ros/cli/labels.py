"""`afss label`: from recordings to labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def label(
    source: Annotated[Path, typer.Argument(help="A bag, a folder of pictures or a video.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="The data set to make, or to go on with.", show_default=False)],
    config: Annotated[Path | None, typer.Option("--config", help="Settings; see config/label.yaml.")] = None,
    topic: Annotated[list[str] | None, typer.Option("--topic", help="An image topic; may be repeated.")] = None,
    prompt: Annotated[str | None, typer.Option("--prompt", help='What a craft is called: "spacecraft."')] = None,
    detector: Annotated[str | None, typer.Option("--detector", help="baseline, grounding_dino, ...")] = None,
    segmenter: Annotated[str | None, typer.Option("--segmenter", help="grabcut, sam2, ...")] = None,
    views: Annotated[str | None, typer.Option("--views", help="none, v1 to v4, or identity,hflip,...")] = None,
    video: Annotated[str | None, typer.Option("--video", help="off, or what propagates: flow, sam2.")] = None,
    keep: Annotated[str | None, typer.Option("--keep", help='Filter: "detector_score >= 0.60".')] = None,
    every: Annotated[int | None, typer.Option("--every", min=1, help="Every n-th frame.")] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0, help="Time between frames.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Any setting: refine.top=0")] = None,
    bag: Annotated[bool, typer.Option("--bag/--no-bag", help="Write labelled.mcap too.")] = True,
    download: Annotated[bool, typer.Option("--download", help="Fetch missing weights from the Hub.")] = False,
    accept_licence: Annotated[bool, typer.Option("--accept-licence", help="Of models that ask for it.")] = False,
) -> None:
    """Label a recording by text prompt; run again to go on after a stop. Look at report.html before training on it."""
    from afss_ros.teacher import command, console
    from afss_ros.teacher.checkpoints import Access
    from afss_ros.teacher.settings import load_settings, parse_overrides

    named = {
        "prompts": None if prompt is None else {"spacecraft": prompt},
        "detector.name": detector,
        "segmenter.name": segmenter,
        "refine.views": views,
        "video.propagator": video,
        "keep": keep,
        "frames.every": every,
        "frames.seconds": seconds,
    }
    overrides = {name: value for name, value in named.items() if value is not None}
    chosen = load_settings(config, {**overrides, **parse_overrides(settings or ())})
    with console.labelling_bar() as (started, advanced):
        counts = command.label(
            source,
            out,
            chosen,
            topics=topic or (),
            access=Access(download, accept_licence),
            bag=bag,
            started=started,
            advanced=advanced,
        )
    Console().print(f"{out}: {console.summary(counts)}")
    if counts["unreadable"]:
        raise typer.Exit(3)
