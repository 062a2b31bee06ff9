"""`afss render`, `afss data check` and `afss data convert`: data sets, made and looked after."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from afss_ros.cli.crew import Cluster, Gpus, Memory, Plan, Timeout, crew, left_out, shard_bar
from afss_ros.terminal import say, screen

if TYPE_CHECKING:
    from afss_ros.cluster import SetAside


def render(
    out: Annotated[
        str, typer.Argument(help="The data set folder to make or resume, or its URL; a bag with --trajectory.")
    ],
    count: Annotated[int, typer.Option("--count", min=1, help="Frames.")] = 1000,
    size: Annotated[int, typer.Option("--size", help="Width and height in pixels.")] = 512,
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same frames.")] = 1,
    split: Annotated[str, typer.Option("--split", help="train, val or test: no craft is in two of them.")] = "train",
    processes: Annotated[
        int | None,
        typer.Option("--processes", "--workers", min=1, help="Else 2, or as many as a cluster has room for."),
    ] = None,
    nature: Annotated[
        float,
        typer.Option(
            "--nature", min=0.0, max=1.0, help="Share of a set's frames before other planets, rocks, the Sun, nebulae."
        ),
    ] = 0.25,
    empty: Annotated[
        float, typer.Option("--empty", min=0.0, max=1.0, help="Share of these frames that show no craft.")
    ] = 0.5,
    trajectory: Annotated[
        str | None,
        typer.Option(
            "--trajectory",
            help="Record a bag: approach, flyaround, tumble; crossing, covering, return or traffic of several craft.",
            show_default=False,
        ),
    ] = None,
    rate: Annotated[float, typer.Option("--rate", min=0.1, help="Frames a second of the bag.")] = 10.0,
    raw: Annotated[bool, typer.Option("--raw", help="Raw pictures in the bag rather than JPEG.")] = False,
    disturbed: Annotated[
        bool, typer.Option("--disturbed", help="Lose frames of the bag, dazzle some, expose some badly.")
    ] = False,
    cluster: Cluster = None,
    gpus: Gpus = 0.0,
    memory: Memory = 0.0,
    timeout: Timeout = None,
    plan: Plan = False,
) -> None:
    """Render spacecraft before Earth and sky, with exact part masks and boxes, as a data set or a bag."""
    from afss_ros.cluster.stores import worked_on
    from afss_ros.synthetic.disturbances import Disturbances, draw_disturbances
    from afss_ros.synthetic.encounter import ENCOUNTERS, draw_encounter
    from afss_ros.synthetic.produce import Order, estimate, produce
    from afss_ros.synthetic.recording import Recording, record
    from afss_ros.synthetic.trajectory import draw_trajectory

    who = crew(cluster, processes or (2 if cluster is None else 0), gpus, memory, timeout)
    if plan and trajectory is None:
        typer.echo(str(estimate(Order(Path("set"), count, size, seed, split, nature=nature, empty=empty), who)))
        return
    aside: list[SetAside] = []
    with shard_bar("rendering", count, f"{out} keeps what is rendered") as bar:
        advance = bar.completed

        if trajectory is not None:
            height = round(size * 3 / 4)
            draw = draw_encounter if trajectory in ENCOUNTERS else draw_trajectory
            motion = draw(trajectory, count, size, height, seed, split)
            befalls = draw_disturbances(count, size, height, seed) if disturbed else Disturbances()
            how = Recording(rate_hz=rate, quality=None if raw else 88, disturbances=befalls)
            total = record(Path(out), motion, how, advance)
        else:
            with worked_on(out, ("dataset.json", "samples.jsonl", "samples-0.jsonl")) as (root, folder):
                order = Order(root, count, size, seed, split, nature=nature, empty=empty)
                total = produce(order, progress=advance, crew=who, told=bar.stands, aside=aside.append, folder=folder)
    say(f"{out}: {total} frames")
    left_out(aside)


def check_data(
    data: Annotated[Path, typer.Argument(help="A data set folder, or a COCO .json.", show_default=False)],
    split: Annotated[str | None, typer.Option("--split", help="Only this split.", show_default=False)] = None,
) -> None:
    """Read a whole data set and name everything that is wrong with it. Exit code 3 when something is."""
    from rich.progress import Progress

    from afss_ros import datasets
    from afss_ros.datasets.check import check
    from afss_ros.evaluation import table

    dataset = datasets.load(data, split)
    with Progress(console=screen(errors=True), transient=True) as progress:
        task = progress.add_task("Checking", total=len(dataset))
        findings = check(dataset, whole=split is None, advance=lambda: progress.advance(task))
    screen().print(table.render_findings(str(data), findings))
    if findings.problems:
        raise typer.Exit(3)


def convert_data(
    data: Annotated[Path, typer.Argument(help="A data set folder, or a COCO .json.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Where to write.", show_default=False)],
    to: Annotated[str, typer.Option("--to", help="afss, coco, yolo or yolo-parts.")] = "afss",
    split: Annotated[str | None, typer.Option("--split", help="Only this split.", show_default=False)] = None,
) -> None:
    """Write a data set in another form: ours, COCO (one .json, pictures stay), or YOLO segmentation."""
    from afss_ros import datasets
    from afss_ros.datasets.convert import convert

    dataset = datasets.load(data, split)
    converted = convert(dataset, out, to)
    for note in dataset.notes:
        logging.warning("%s", note)
    for problem in (*dataset.problems, *converted.left_out):
        logging.warning("left out: %s", problem)
    typer.echo(f"{converted.samples} of {len(dataset)} samples in {out}: {converted.what}")
    if dataset.problems or converted.left_out:
        typer.echo(
            f"{_counted(len(dataset.problems), 'problem')} of {data},"
            f" {_counted(len(converted.left_out), 'sample')} left out; see above"
        )
        raise typer.Exit(3)


def _counted(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'s'[: count != 1]}"
