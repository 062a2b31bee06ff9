"""`afss label` and `afss select`: from recordings to labels, and to those worth learning from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afss_ros.cli.crew import Cluster, Gpus, Memory, Plan, Timeout, Workers, crew
from afss_ros.cli.threads import Threads, within
from afss_ros.terminal import say, screen


def label(
    out: Annotated[
        str, typer.Option("--out", help="The data set to make, or to go on with; or its URL.", show_default=False)
    ],
    source: Annotated[
        list[str] | None, typer.Argument(help="Bags, folders of pictures or videos; or URLs.", show_default=False)
    ] = None,
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
    finish: Annotated[
        bool, typer.Option("--finish", help="Label no more: report, COCO, YOLO and bag of what is in --out.")
    ] = False,
    bag: Annotated[bool, typer.Option("--bag/--no-bag", help="Write labelled.mcap too.")] = True,
    download: Annotated[bool, typer.Option("--download", help="Fetch missing weights from the Hub.")] = False,
    accept_licence: Annotated[bool, typer.Option("--accept-licence", help="Of models that ask for it.")] = False,
    threads: Threads = None,
    workers: Workers = 0,
    cluster: Cluster = None,
    gpus: Gpus = 0.0,
    memory: Memory = 0.0,
    timeout: Timeout = None,
    plan: Plan = False,
) -> None:
    """Label recordings by text prompt; run again to go on after a stop. Look at report.html before training on it."""
    from afss_ros.cluster.stores import Folder
    from afss_ros.labelling import command, console
    from afss_ros.labelling.settings import load_settings, parse_overrides
    from afss_ros.teacher.models.checkpoints import Access

    if finish:
        say(f"{out}: {console.summary(command.finish(out, bag=bag))}; look at {out}/report.html")
        return
    if not source:
        raise typer.BadParameter("what is to be labelled? Give a bag, a folder of pictures or a video, or --finish")
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
    who = crew(cluster, workers, gpus, memory, timeout)
    if plan:
        from afss_ros.labelling.spread.estimate import estimate

        access = Access(download, accept_licence)
        typer.echo(str(estimate(source, chosen, who, topics=topic or (), access=access)))
        return
    bar = console.LabellingBar()
    try:
        with bar, within(threads):
            counts = command.label(
                source,
                out,
                chosen,
                topics=topic or (),
                access=Access(download, accept_licence),
                bag=bag,
                crew=who,
                started=bar.started,
                advanced=bar.advanced,
            )
    except KeyboardInterrupt:
        say(console.interrupted(Folder.of(out).path, bar.counts, bar.length), errors=True)
        raise typer.Exit(130) from None
    say(f"{out}: {console.summary(counts)}")
    if counts["unreadable"] or counts.get("damaged") or counts.get("set aside"):
        raise typer.Exit(3)


def mine(
    data: Annotated[Path, typer.Argument(help="A set with label maps, e.g. of `afss render`.")],
    model: Annotated[Path, typer.Option("--model", help="The student that is asked.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="The data set to make.", show_default=False)],
    split: Annotated[str | None, typer.Option("--split", help="Use only this split.", show_default=False)] = None,
    alarm: Annotated[float, typer.Option("--alarm", help="Score from which a craft in an empty image is hard.")] = 0.3,
    iou: Annotated[float, typer.Option("--iou", help="IoU of the whole craft below which an image is hard.")] = 0.8,
    easy: Annotated[float, typer.Option("--easy", min=0.0, max=1.0, help="Share of the others that stays.")] = 0.5,
    repeat: Annotated[int, typer.Option("--repeat", min=1, help="Times that a false alarm is written.")] = 2,
    threads: Threads = None,
) -> None:
    """Mine hard examples: what a student gets wrong, false alarms above all, as a set to train it on."""
    from rich.progress import Progress

    from afss_ros import datasets
    from afss_ros.distill.selection import mine as mining
    from afss_ros.student import Student
    from afss_ros.threads import limited

    settings = mining.Mining(alarm=alarm, iou=iou, easy=easy, repeat=repeat)
    source = datasets.load(data, split)
    with Progress(console=screen(errors=True), transient=True) as progress, within(threads), limited() as given:
        task = progress.add_task("Mining", total=len(source.samples))
        with Student(model, provider="cpu", threads=given, score_threshold=min(alarm, 0.5)) as student:
            mined = mining.mine(student, source, out, settings, lambda: progress.advance(task))
    say(
        f"{out}: {mined.written} images; {mined.alarms} false alarms, {mined.wrong} craft seen wrongly, {mined.easy}"
        " neither"
    )


def select(
    labels: Annotated[list[Path], typer.Argument(help="Labelled sets, of `afss label` or any form.")],
    out: Annotated[Path, typer.Option("--out", help="The data set to make.", show_default=False)],
    keep: Annotated[str, typer.Option("--keep", help='Filter on scores: "agreement >= 0.6".')] = "",
    rank: Annotated[str, typer.Option("--rank", help="Score that decides which of several images stays.")] = "",
    quota: Annotated[list[str] | None, typer.Option("--quota", help="At most so many images: antenna=200")] = None,
    duplicates: Annotated[int, typer.Option("--duplicates", help="Bits of hash that make two one; -1: keep.")] = 4,
    darkest: Annotated[float, typer.Option("--darkest", help="Least brightness of a craft, 0 to 255.")] = 8.0,
    clipped: Annotated[float, typer.Option("--clipped", help="Largest overexposed share of a craft.")] = 0.5,
    blur_px: Annotated[float, typer.Option("--blur", help="Widest edges of a craft, pixels.")] = 8.0,
    val: Annotated[
        float, typer.Option("--val", help="Share for validation, by whole sequences; a single one is cut in time.")
    ] = 0.0,
    test: Annotated[float, typer.Option("--test", help="Share for testing, likewise.")] = 0.0,
    seed: Annotated[int, typer.Option("--seed", help="Of the splits.")] = 0,
    against: Annotated[
        list[Path] | None,
        typer.Option("--against", help="Another labelling of each set: where they differ, nobody decides."),
    ] = None,
    choices: Annotated[
        Path | None, typer.Option("--choices", help="What a person saved from the report page.", show_default=False)
    ] = None,
) -> None:
    """Select what is worth learning from: by scores, quality, likeness, quotas, a person's word. Splits by sequence."""
    from afss_ros.distill.selection import console, settings
    from afss_ros.distill.selection import select as select_images

    chosen = settings.parse(
        {
            "keep": keep,
            "rank": rank,
            "quotas": settings.parse_quotas(quota or []),
            "duplicates": duplicates,
            "darkest": darkest,
            "clipped": clipped,
            "blur_px": blur_px,
            "val": val,
            "test": test,
            "seed": seed,
        },
        where="afss select",
    )
    with console.selection_bar() as advance:
        selected = select_images(labels, out, chosen, against=against or (), choices=choices, advance=advance)
    screen().print(console.summary(selected, out), soft_wrap=True)
