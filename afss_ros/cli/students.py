"""`afss train`, `afss export` and `afss search`: from labels to students."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from afss_ros.cli.stopping import stoppable
from afss_ros.cli.threads import Threads, within
from afss_ros.terminal import say, screen

Model = Annotated[Path, typer.Argument(help="A student, an .onnx.", show_default=False)]
KnownSets = Annotated[
    list[Path], typer.Option("--data", help="Sets of which all craft are known; some without any.", show_default=False)
]
ToWrite = Annotated[Path, typer.Option("--out", help="The .onnx to write.", show_default=False)]
Split = Annotated[str | None, typer.Option("--split", help="Use only this split.", show_default=False)]


def train(
    recipe: Annotated[Path | None, typer.Argument(help="A recipe; see config/train.", show_default=False)] = None,
    out: Annotated[Path, typer.Option("--out", help="The run's directory; continues what is there.")] = Path(
        "runs/student"
    ),
    data: Annotated[list[Path] | None, typer.Option("--data", help="Train on these sets.", show_default=False)] = None,
    validation: Annotated[
        list[Path] | None,
        typer.Option("--validation", help="Choose the weights on these; else on `val` of --data.", show_default=False),
    ] = None,
    student: Annotated[
        str | None, typer.Option("--student", help="A name of docs/students.md.", show_default=False)
    ] = None,
    initial: Annotated[
        Path | None,
        typer.Option("--initial", help="Go on from these weights: a run, or a .safetensors.", show_default=False),
    ] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", help="Budget.", show_default=False)] = None,
    epochs: Annotated[float | None, typer.Option("--epochs", help="Budget.", show_default=False)] = None,
    seed: Annotated[int | None, typer.Option("--seed", show_default=False)] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    threads: Threads = None,
) -> None:
    """Train a student on labelled images. Under torchrun, on several devices."""
    from afss_ros.distill import families
    from afss_ros.distill import recipe as recipes
    from afss_ros.distill.training.console import training_bar
    from afss_ros.distill.training.processes import Place

    if recipe is None and data and (own := data[0] / "train.yaml").is_file():
        logging.info("%s: the recipe that came with the set", own)
        recipe = own
    chosen = recipes.adjusted(recipe, data=data or (), student=student, minutes=minutes, epochs=epochs, seed=seed)
    if validation:
        from afss_ros.distill.data.validation_sets import validated_on

        chosen = validated_on(chosen, validation)
    if initial is not None:
        if student is not None:
            raise typer.BadParameter(f"{initial} says which student it is; leave out --student {student}")
        from afss_ros.distill.training.checkpoint import continued

        chosen = continued(chosen, initial)
    family = families.find(chosen.student.name)
    logging.info("%s: student of the family %s, licence %s", chosen.student.name, family.name, family.licence)
    with stoppable(), training_bar() as report, within(threads):
        outcome = families.train(chosen, out, report, device=device)
    if Place.of(device).writes:
        scores = ", ".join(f"{name} {value:.3f}" for name, value in outcome.metrics.items())
        say(f"{out}: step {outcome.step}, {scores}")


def export(
    run: Annotated[Path, typer.Argument(help="A run of `afss train`, or published weights.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="The .onnx to write.", show_default=False)],
    size: Annotated[int, typer.Option("--size", help="Side of the input image, pixels.")] = 512,
    labels_stride: Annotated[int, typer.Option("--labels-stride", help="Input pixels per label pixel: 1, 2, 4.")] = 2,
    boxes: Annotated[str, typer.Option("--boxes", help="Detections come from: labels, boxes.")] = "labels",
    int8: Annotated[Path | None, typer.Option("--int8", help="An 8-bit version too.", show_default=False)] = None,
    calibrate: Annotated[
        Path | None, typer.Option("--calibrate", help="Set to calibrate it on.", show_default=False)
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option("--weights", help="A .safetensors too, to start others from.", show_default=False),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(
            "--scores", help="Figures (`afss evaluate --json`) of its export: make scores chances.", show_default=False
        ),
    ] = None,
    allow_unlearned: Annotated[
        bool, typer.Option("--allow-unlearned", help="Also where no label map has taught it some of its parts.")
    ] = False,
) -> None:
    """Write a run's best weights as a student (.onnx), checked against torch and the student contract."""
    from afss_ros.distill import families
    from afss_ros.distill.export import to_onnx as exporting
    from afss_ros.evaluation import run as run_figures

    line = None if scores is None else run_figures.read_calibration(scores, to_export=True)
    options = exporting.ExportOptions(
        (size, size), labels_stride, boxes, allow_unlearned=allow_unlearned, score_calibration=line
    )
    families.export(run, out, options)
    say(f"{out}")
    if int8 is not None:
        exporting.export_int8(run, out, int8, calibrate)
        say(f"{int8}")
    if weights is not None:
        exporting.export_weights(run, weights)
        say(f"{weights}")


def presence(
    model: Model,
    data: KnownSets,
    out: ToWrite,
    split: Split = None,
    looks: Annotated[int, typer.Option("--looks", help="At each picture; all but the first spoilt.", min=1)] = 2,
    threads: Threads = None,
) -> None:
    """Let a student tell whether a picture shows any craft; what it told before stays as it is."""
    from rich.progress import Progress

    from afss_ros import datasets
    from afss_ros.distill.export import presence as laying
    from afss_ros.student import Student
    from afss_ros.threads import limited

    samples = [sample for path in data for sample in datasets.load(path, split).samples]
    with Student(model, provider="cpu", threads=1):  # that it is one is said before thousands of pictures are looked at
        pass
    with Progress(console=screen(errors=True), transient=True) as progress, within(threads), limited() as given:
        task = progress.add_task("Looking", total=len(samples))
        laid = laying.lay(model, samples, looks=looks, threads=given, advance=lambda: progress.advance(task))
    laying.write(model, out, laid.line)
    say(f"{out}: laid on {laid.looks} looks, {laid.with_craft} of them at a craft; weigh it anew")


def weigh(
    model: Model,
    data: KnownSets,
    out: ToWrite,
    split: Split = None,
    threads: Threads = None,
) -> None:
    """Make a student's scores chances, by weighing the evidence for each craft; false alarms score less."""
    from rich.progress import Progress

    from afss_ros import datasets
    from afss_ros.distill.export import weigh as weighing
    from afss_ros.student import Student
    from afss_ros.threads import limited

    samples = [sample for path in data for sample in datasets.load(path, split).samples]
    with Progress(console=screen(errors=True), transient=True) as progress, within(threads), limited() as given:
        task = progress.add_task("Weighing", total=len(samples))
        with Student(model, provider="cpu", threads=given) as student:
            found = weighing.weigh(student.evidence, samples, lambda: progress.advance(task))
    weighing.write(model, out, found.weights)
    say(
        f"{out}: {found.detections} detections, {found.right} right; score error {found.error_before:.3f} before,"
        f" {found.error_after:.3f} after; {found.weights}"
    )


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
    threads: Threads = None,
) -> None:
    """Train many students alike and draw what accuracy costs: parameters, GMACs, latency."""
    from rich.markdown import Markdown

    from afss_ros.distill import recipe as recipes
    from afss_ros.distill.search import candidates as searching
    from afss_ros.distill.search import pareto

    with within(threads):
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
    screen().print(Markdown(pareto.table(results)))
    say(f"{out / 'pareto.png'}")
