"""`afss`: one command, a subcommand for each step of the loop.

Every subcommand is a thin wrapper that imports its step when it is called, so `afss run` works where torch is not
installed, and `afss --help` is instant. Needs typer and rich, which is all that this module imports.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.text import Text

app = typer.Typer(
    name="afss",
    help="Spacecraft perception: run a student on files, and the loop on the ground that makes a better one.",
    add_completion=False,
    pretty_exceptions_enable=False,
)


data_app = typer.Typer(help="Look after data sets: check, convert.", no_args_is_help=True)
app.add_typer(data_app, name="data")


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and debug logs.")] = False,
) -> None:
    level = logging.DEBUG if debug else logging.INFO
    handler = RichHandler(console=Console(stderr=True), show_path=False, show_time=False)
    logging.basicConfig(level=level, format="%(message)s", handlers=[handler], force=True)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def version() -> None:
    """Print the version of afss_ros."""
    from afss_ros import __version__

    typer.echo(__version__)


@app.command()
def run(
    source: Annotated[Path, typer.Argument(help="A folder of pictures, a video, or a bag.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder for the results.", show_default=False)],
    model: Annotated[
        Path | None, typer.Option("--model", help="A student, an .onnx; else the one that is shipped.")
    ] = None,
    provider: Annotated[str, typer.Option("--provider", help="auto, cuda, tensorrt or cpu.")] = "auto",
    topic: Annotated[str | None, typer.Option("--topic", help="Image topic of a bag that has several.")] = None,
    formats: Annotated[str, typer.Option("--formats", help="What to write, of these.")] = "coco,masks,overlays,mcap",
    score_threshold: Annotated[float, typer.Option("--score", min=0, max=1, help="Least score.")] = 0.5,
) -> None:
    """Perceive files without ROS: COCO JSON, label masks, overlays, and a bag for Foxglove."""
    from afss_ros.run import Options
    from afss_ros.run import run as perceive
    from afss_ros.run.console import running_bar, summary_line

    wanted = tuple(name.strip() for name in formats.split(",") if name.strip())
    with running_bar() as told:
        options = Options(source, out, topic, model, provider, score_threshold, wanted)
        summary = perceive(options, started=told.started, advanced=told.advanced, skipped=told.skipped)
    Console().print(summary_line(summary, out), soft_wrap=True)
    if summary.unreadable:
        raise typer.Exit(3)


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(help="The student, an .onnx.", show_default=False)],
    data: Annotated[Path, typer.Option("--data", help="A data set folder, or a COCO .json.", show_default=False)],
    split: Annotated[str | None, typer.Option("--split", help="Use only this split.", show_default=False)] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Write every figure here.", show_default=False)] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write a report here.", show_default=False)] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Images, spread over the set.")] = None,
    tta: Annotated[str, typer.Option("--tta", help="Test-time augmentation: none or d4.")] = "none",
    provider: Annotated[str, typer.Option("--provider", help="auto, cuda, tensorrt or cpu.")] = "auto",
) -> None:
    """Measure a student on a data set: IoU, Dice, AP, box IoU, size, GMACs, latency."""
    from rich.progress import Progress

    from afss_ros.evaluation import run, table

    console = Console()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Evaluating", total=None)
        document = run.run(
            model,
            data,
            split=split,
            limit=limit,
            tta=tta,
            provider=provider,
            html=html,
            started=lambda count: progress.update(task, total=count),
            advance=lambda: progress.advance(task),
        )
    if json is not None:
        run.write_json(json, document)
    console.print(table.render(document))
    if document["problems"]:
        raise typer.Exit(3)


@app.command()
def render(
    out: Annotated[Path, typer.Argument(help="The data set folder to make or resume; a bag with --trajectory.")],
    count: Annotated[int, typer.Option("--count", min=1, help="Frames.")] = 1000,
    size: Annotated[int, typer.Option("--size", help="Width and height in pixels.")] = 512,
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same frames.")] = 1,
    split: Annotated[str, typer.Option("--split", help="train, val or test: no craft is in two of them.")] = "train",
    processes: Annotated[int, typer.Option("--processes", min=1, help="Rendering processes.")] = 2,
    trajectory: Annotated[
        str | None,
        typer.Option("--trajectory", help="approach, flyaround or tumble: record a bag.", show_default=False),
    ] = None,
    rate: Annotated[float, typer.Option("--rate", min=0.1, help="Frames a second of the bag.")] = 10.0,
    raw: Annotated[bool, typer.Option("--raw", help="Raw pictures in the bag rather than JPEG.")] = False,
) -> None:
    """Render spacecraft before Earth and sky, with exact part masks and boxes, as a data set or a bag."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("rendering"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("render", total=count)

        def advance(done: int) -> None:
            progress.update(task, completed=done)

        if trajectory is not None:
            from afss_ros.synthetic.recording import Recording, record
            from afss_ros.synthetic.trajectory import draw_trajectory

            motion = draw_trajectory(trajectory, count, size, round(size * 3 / 4), seed, split)
            total = record(out, motion, Recording(rate_hz=rate, quality=None if raw else 88), advance)
        else:
            from afss_ros.synthetic.produce import Order, produce

            total = produce(Order(out, count, size, seed, split), processes, advance)
    Console().print(f"{out}: {total} frames")


@app.command()
def train(
    recipe: Annotated[Path | None, typer.Argument(help="A recipe; see config/train.", show_default=False)] = None,
    out: Annotated[Path, typer.Option("--out", help="The run's directory; continues what is there.")] = Path(
        "runs/student"
    ),
    data: Annotated[list[Path] | None, typer.Option("--data", help="Train on these sets.", show_default=False)] = None,
    student: Annotated[str | None, typer.Option("--student", help="<decoder>-<encoder>.", show_default=False)] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", help="Budget.", show_default=False)] = None,
    epochs: Annotated[float | None, typer.Option("--epochs", help="Budget.", show_default=False)] = None,
    seed: Annotated[int | None, typer.Option("--seed", show_default=False)] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1, ...")] = "auto",
) -> None:
    """Train a student on labelled images. Under torchrun, on several devices."""
    from afss_ros.distill import recipe as recipes
    from afss_ros.distill import training
    from afss_ros.distill.console import training_bar

    chosen = recipes.adjusted(recipe, data=data or (), student=student, minutes=minutes, epochs=epochs, seed=seed)
    with training_bar() as report:
        trained = training.train(chosen, out, report, device=device)
    scores = ", ".join(f"{name} {value:.3f}" for name, value in trained.metrics.items())
    Console().print(f"{out / 'best.pt'}: step {trained.step}, {scores}")


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="A run of `afss train`.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="The .onnx to write.", show_default=False)],
    size: Annotated[int, typer.Option("--size", help="Side of the input image, pixels.")] = 512,
    labels_stride: Annotated[int, typer.Option("--labels-stride", help="Input pixels per label pixel: 1, 2, 4.")] = 2,
    boxes: Annotated[str, typer.Option("--boxes", help="Detections come from: labels, boxes.")] = "labels",
    int8: Annotated[Path | None, typer.Option("--int8", help="An 8-bit version too.", show_default=False)] = None,
    calibrate: Annotated[
        Path | None, typer.Option("--calibrate", help="Set to calibrate it on.", show_default=False)
    ] = None,
) -> None:
    """Write a run's best weights as a student (.onnx), checked against torch and the student contract."""
    from afss_ros.distill import export as exporting

    options = exporting.ExportOptions((size, size), labels_stride, boxes)
    exporting.export(run, out, options)
    Console().print(f"{out}")
    if int8 is not None:
        exporting.export_int8(run, out, int8, calibrate)
        Console().print(f"{int8}")


@app.command()
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


@app.command()
def compare(
    documents: Annotated[list[Path], typer.Argument(help="What afss evaluate --json wrote.", show_default=False)],
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page with plots here.", show_default=False)
    ] = None,
) -> None:
    """Put evaluations of several students on the same images side by side."""
    from afss_ros.evaluation import compare as comparison

    found = comparison.read(documents)
    if html is not None:
        from afss_ros.datasets.files import write_atomically
        from afss_ros.evaluation import compare_html

        html.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(html, compare_html.render(found).encode())
    Console().print(comparison.render(found))


@data_app.command("check")
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
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Checking", total=len(dataset))
        findings = check(dataset, advance=lambda: progress.advance(task))
    Console().print(table.render_findings(str(data), findings))
    if findings.problems:
        raise typer.Exit(3)


@data_app.command("convert")
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
    written = convert(dataset, out, to)
    typer.echo(f"{written} samples in {out}; {len(dataset.problems)} problems, see `afss data check`")
    if dataset.problems:
        raise typer.Exit(3)


@app.command()
def search(
    recipe: Annotated[Path, typer.Argument(help="The recipe of every run, its budget included.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="The search; continues what is there.")] = Path("runs/search"),
    students: Annotated[
        list[str] | None, typer.Option("--student", help="Compare these; a default grid.", show_default=False)
    ] = None,
    size: Annotated[int, typer.Option("--size", help="Side of the exported students' input, pixels.")] = 512,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Images to evaluate on.", show_default=False)
    ] = None,
    provider: Annotated[str, typer.Option("--provider", help="auto, cuda, tensorrt or cpu.")] = "cpu",
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda, ...")] = "auto",
) -> None:
    """Train many students alike and draw what accuracy costs: parameters, GMACs, latency."""
    from rich.markdown import Markdown

    from afss_ros.distill import pareto
    from afss_ros.distill import recipe as recipes
    from afss_ros.distill import search as searching

    results = searching.search(
        recipes.load(recipe),
        out,
        students or searching.GRID,
        input_size=size,
        limit=limit,
        provider=provider,
        device=device,
        told=lambda result: logging.info("%s: S_final %s", result["student"], result["s_final"]),
    )
    Console().print(Markdown(pareto.table(results)))
    Console().print(f"{out / 'pareto.png'}")


def _is_ours(error: BaseException) -> bool:
    """Whether an error carries a message meant for people: ours, or the file system's."""
    return isinstance(error, OSError) or any(c.__module__.startswith("afss_ros.") for c in type(error).__mro__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run `afss` and return its exit code.

    Codes: 0 done; 1 a failure, said in one line, or an interruption; 2 a wrong command line; 3 done, but some inputs
    were unreadable. An error that is not one of the package's own is a defect and shows its traceback.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        app(args=arguments, prog_name="afss")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 0
    except Exception as error:
        if "--debug" in arguments or not _is_ours(error):
            traceback.print_exc()
        else:
            Console(stderr=True).print(
                Text.assemble(("error: ", "bold red"), f"{type(error).__name__}: {error}"), soft_wrap=True
            )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
