"""`afss evaluate` and `afss compare`: what students are worth."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from afss_ros.cli.crew import Cluster, Gpus, Memory, Plan, Timeout, Workers, crew
from afss_ros.cli.threads import Threads, within
from afss_ros.terminal import screen


def evaluate(
    model: Annotated[str | None, typer.Argument(help="The student, an .onnx, or its URL.", show_default=False)] = None,
    data: Annotated[
        str | None, typer.Option("--data", help="A data set folder, or a COCO .json; or its URL.", show_default=False)
    ] = None,
    tracking: Annotated[
        list[Path] | None,
        typer.Option("--tracking", help="A recording of a node that tracked: judge it.", show_default=False),
    ] = None,
    truth: Annotated[
        list[Path] | None,
        typer.Option("--truth", help="The rendered flight; with a model, fly it here and now.", show_default=False),
    ] = None,
    split: Annotated[str | None, typer.Option("--split", help="Use only this split.", show_default=False)] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Write every figure here.", show_default=False)] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write a report here.", show_default=False)] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Images, spread over the set.")] = None,
    tta: Annotated[str, typer.Option("--tta", help="Test-time augmentation: none or d4.")] = "none",
    provider: Annotated[str, typer.Option("--provider", help="auto, cuda, tensorrt or cpu.")] = "auto",
    tiling: Annotated[str, typer.Option("--tiling", help="auto: larger frames in tiles too. Or none.")] = "none",
    threshold: Annotated[
        float, typer.Option("--threshold", min=0.0, max=1.0, help="Score from which a detection counts as an alarm.")
    ] = 0.5,
    calibration: Annotated[
        Path | None,
        typer.Option(
            "--calibration",
            help="Figures (--json) of another set: are scores chances, once calibrated there?",
            show_default=False,
        ),
    ] = None,
    threads: Threads = None,
    workers: Workers = 0,
    cluster: Cluster = None,
    gpus: Gpus = 0.0,
    memory: Memory = 0.0,
    timeout: Timeout = None,
    plan: Plan = False,
) -> None:
    """Measure a student on a data set: IoU, Dice, AP, box IoU, size, GMACs, latency. Or tracks, by their truth."""
    from rich.progress import Progress

    from afss_ros.evaluation import run, table

    console = screen()
    if tracking or truth:
        _evaluate_tracks(
            console, None if model is None else Path(model), tracking or [], truth or [], json, provider, threads
        )
        return
    if model is None or data is None:
        raise typer.BadParameter("give MODEL and --data; or --tracking and --truth; or MODEL and --truth")
    who = crew(cluster, workers, gpus, memory, timeout)
    if plan:
        from afss_ros.evaluation.spread import EvaluateStep, estimate

        step = EvaluateStep(model, data, split, limit, tta, provider, tiling, run.SCORE_THRESHOLD)
        typer.echo(str(estimate(step, who)))
        return
    with Progress(console=screen(errors=True), transient=True) as progress, within(threads):
        task = progress.add_task("Evaluating", total=None)
        document = run.run(
            model,
            data,
            split=split,
            limit=limit,
            tta=tta,
            provider=provider,
            tiling=tiling,
            threshold=threshold,
            calibration=calibration,
            html=html,
            started=lambda count: progress.update(task, total=count),
            advance=lambda: progress.advance(task),
            crew=who,
            told=lambda tally: progress.update(task, description=f"Evaluating, {tally}"),
        )
    if json is not None:
        run.write_json(json, document)
    console.print(table.render(document))
    if document["problems"]:
        raise typer.Exit(3)


def _evaluate_tracks(
    console: Console,
    model: Path | None,
    tracking: list[Path],
    truth: list[Path],
    json: Path | None,
    provider: str,
    threads: int | None,
) -> None:
    from rich.progress import Progress

    from afss_ros.evaluation import run as writing
    from afss_ros.evaluation.tracking import run, table

    if bool(tracking) == (model is not None) or not truth:
        raise typer.BadParameter("give --tracking and --truth, for each recording; or MODEL and --truth")
    with Progress(console=screen(errors=True), transient=True) as progress, within(threads):
        task = progress.add_task("Following", total=len(truth))

        def advance() -> None:
            progress.advance(task)

        if model is not None:
            flights = run.fly(model, truth, advance, provider)
        else:
            flights = run.compare(tracking, truth, advance)
    document = run.document(flights, model=str(model) if model is not None else None, truth=[str(p) for p in truth])
    if json is not None:
        writing.write_json(json, document)
    console.print(table.render(document))


def compare(
    documents: Annotated[list[Path], typer.Argument(help="What afss evaluate --json wrote.", show_default=False)],
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page with plots and pictures here.", show_default=False)
    ] = None,
) -> None:
    """Put evaluations of several students on the same images side by side."""
    from afss_ros.evaluation import compare as comparison

    found = comparison.read(documents)
    if html is not None:
        from afss_ros.datasets.files import write_atomically
        from afss_ros.evaluation import compare_html
        from afss_ros.evaluation.compare_cases import worst_cases

        with comparison.understood(documents):
            compared = worst_cases(found)
            page = compare_html.render(found, compared)
        for reason in compared.missing:
            logging.warning("not drawn: %s", reason)
        html.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(html, page.encode())
    with comparison.understood(documents):
        table = comparison.render(found)
    screen().print(table)
