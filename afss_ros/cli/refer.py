"""`afss refer`: sentences in, masks out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress

from afss_ros.cli.optional import with_optional
from afss_ros.terminal import screen

if TYPE_CHECKING:
    from afss_ros.refer.sets.evaluate import Answers

_ADAPTER = "adapter.pt"
"""In the directory of a run of `afss refer tune`."""


def ask(
    picture: Annotated[Path, typer.Argument(help="A picture.", show_default=False)],
    sentence: Annotated[str, typer.Argument(help="What is meant: 'the left solar panel'.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder for the picture and the mask.")] = Path("referred"),
    model: Annotated[
        Path | None, typer.Option("--model", help="A student, an .onnx; else the one that is shipped.")
    ] = None,
    provider: Annotated[str, typer.Option("--provider", help="auto, cuda, tensorrt or cpu.")] = "auto",
) -> None:
    """Find what a sentence means in a picture: a mask, a picture to look at, and why."""
    from afss_ros.refer.ask import ask as resolve

    typer.echo(resolve(picture, sentence, out, model, provider))


def build(
    source: Annotated[str, typer.Argument(help="A data set, a COCO .json, or made:N for N made scenes.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the sentences.", show_default=False)],
    kinds: Annotated[str | None, typer.Option("--kinds", help="What may be said; else every kind.")] = None,
    per_thing: Annotated[int, typer.Option("--per-thing", min=1, help="Most sentences of one thing.")] = 4,
    split: Annotated[str | None, typer.Option("--split", help="Use only this split.", show_default=False)] = None,
    degrade: Annotated[
        str | None, typer.Option("--degrade", help="Spoil the pictures: historic or space.", show_default=False)
    ] = None,
    tile: Annotated[
        int | None,
        typer.Option("--tile", min=32, help="Cut pictures into tiles of so many pixels.", show_default=False),
    ] = None,
    overlap: Annotated[float, typer.Option("--overlap", min=0, max=0.9, help="Of tiles, as a share.")] = 0.2,
    seed: Annotated[int, typer.Option("--seed", help="The same seed says the same.")] = 1,
) -> None:
    """Say what can be said of labelled pictures; each sentence is proven to mean one thing.

    Killed? Run it again: it goes on where it stopped.
    """
    from afss_ros.refer.sets.build import build as say
    from afss_ros.refer.sets.build import length
    from afss_ros.refer.sets.generate import KINDS
    from afss_ros.refer.sets.sources import Tiles

    wanted = KINDS if kinds is None else tuple(name.strip() for name in kinds.split(","))
    with _progress() as progress:
        task = progress.add_task("Saying", total=length(source, split))
        built = say(
            source, out, seed=seed, kinds=wanted, per_thing=per_thing, split=split, degrade=degrade,
            tiles=None if tile is None else Tiles(tile, overlap), advance=lambda: progress.advance(task),
        )  # fmt: skip
    for problem in built.problems:
        typer.echo(f"left out: {problem}", err=True)
    if degrade is not None:
        typer.echo(f"{built.untrue} sentences are no longer true in the {degrade} views, and are left out")
    said = ", ".join(f"{name} {count}" for name, count in built.kinds.most_common())
    typer.echo(
        f"{out}: {built.kinds.total()} sentences about {built.said} of {built.things} things in {built.scenes} pictures"
        f" ({said})"
    )
    if built.problems:
        raise typer.Exit(3)


def check(data: Annotated[Path, typer.Argument(help="A folder that `afss refer build` made.")]) -> None:
    """Judge a set of sentences, independently of what made it: certain, ambiguous or false."""
    from afss_ros.refer.sets.check import check as judge

    with _progress() as progress:
        task = progress.add_task("Judging", total=None)
        findings = judge(data, lambda: progress.advance(task))
    for found in findings.doubtful:
        typer.echo(f"line {found.line}, {found.scene}: {found.text!r} is {found.verdict}: {found.why}")
    counts = findings.counts
    typer.echo(f"{data}: {counts['certain']} certain, {counts['ambiguous']} ambiguous, {counts['false']} false")
    if findings.doubtful:
        raise typer.Exit(1)


def evaluate(
    resolver: Annotated[
        str, typer.Argument(help="A network's .onnx; a run of tune; grammar; or a bar: truth, class-word.")
    ],
    data: Annotated[Path, typer.Option("--data", help="A folder that `afss refer build` made.", show_default=False)],
    model: Annotated[
        Path | None, typer.Option("--model", help="The grammar's student, an .onnx; else the one that is shipped.")
    ] = None,
    split: Annotated[str | None, typer.Option("--split", help="Use only this split.", show_default=False)] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Write the figures here.", show_default=False)] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write a page here.", show_default=False)] = None,
    controls: Annotated[
        bool, typer.Option("--controls", help="Ask without words too, with others' and with opposite ones.")
    ] = False,
) -> None:
    """Ask a resolver about every sentence of a set: overlap by kind, and what it says where nothing is meant."""
    from contextlib import ExitStack

    from afss_ros.refer.sets import evaluate as figures
    from afss_ros.refer.sets import report

    with ExitStack() as stack:
        answers = _adapted(resolver) or figures.answers_of(resolver, model, stack)
        progress = stack.enter_context(_progress())
        task = progress.add_task("Asking", total=None)
        asked = report.asked(data, resolver, answers, split, controls, lambda: progress.advance(task))
    asked.write(json, html)
    screen().print(asked.table())
    overall = asked.result.overall
    typer.echo(
        f"no-target accuracy {_figure(overall.no_target_accuracy)}, target accuracy {_figure(overall.target_accuracy)},"
        f" refused {overall.refused}"
    )
    if asked.controls is not None:
        found = asked.controls
        typer.echo(
            f"{found.sentences} sentences: mIoU {_figure(found.miou)}, without words {_figure(found.blinded)}, with"
            f" another thing's sentence {_figure(found.exchanged)}; {found.opposites} pairs of opposite words,"
            f" {_figure(found.disjoint)} answered with two things"
        )


def find(
    source: Annotated[Path, typer.Argument(help="A bag, a video, pictures, or a labelled set.", show_default=False)],
    sentence: Annotated[str, typer.Argument(help="What is looked for: 'an antenna in shadow'.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder for found.jsonl and sheet.jpg.")] = Path("found"),
    topic: Annotated[
        str | None, typer.Option("--topic", help="The images' topic in a bag.", show_default=False)
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", help="A student, an .onnx; else the one that is shipped.")
    ] = None,
    network: Annotated[
        Path | None,
        typer.Option("--network", help="Ask this referring network too; find where they differ.", show_default=False),
    ] = None,
    differ: Annotated[float, typer.Option("--differ", min=0, max=1, help="By how much, as 1 - IoU.")] = 0.5,
) -> None:
    """Find the frames that a sentence is about, or with --network those that grammar and network do not agree on."""
    from afss_ros.refer.sets.find import FOUND_FILE
    from afss_ros.refer.sets.find import find as search

    with _progress() as progress:
        task = progress.add_task("Looking", total=None)
        found = search(
            source, sentence, out, topic=topic, model=model, network=network, differ=differ,
            advance=lambda: progress.advance(task),
        )  # fmt: skip
    for problem in found.problems:
        typer.echo(f"left out: {problem}", err=True)
    for line in found.hits[:10]:
        typer.echo(f"  {line['key']}: {line['why']}, score {line['score']:.2f}")
    what = "are answered differently" if network is not None else "are meant"
    typer.echo(f"{out / FOUND_FILE}: {len(found.hits)} of {found.frames} frames {what}")
    if found.problems:
        raise typer.Exit(3)


def convert(
    source: Annotated[Path, typer.Argument(help="A public set of sentences.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder for the sentences.", show_default=False)],
    form: Annotated[
        str | None,
        typer.Option("--form", help="refcoco, risbench, refsegrs, aerial-d, urban1960; else told by its files."),
    ] = None,
) -> None:
    """Read a public set of sentences: RefCOCO, RRSIS-D, NWPU-Refer, RISBench, RefSegRS, Aerial-D, Urban1960SatBench."""
    from afss_ros.refer.forms.convert import convert as read

    done = read(source, out, form)
    for problem in done.problems[:20]:
        typer.echo(f"look at: {problem}", err=True)
    typer.echo(f"{out}: {done.sentences} sentences about {done.pictures} pictures, {len(done.problems)} to look at")
    if done.problems:
        raise typer.Exit(3)


def rewrite(
    data: Annotated[Path, typer.Argument(help="A folder that `afss refer build` made.", show_default=False)],
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", help="OpenAI-compatible: http://localhost:8000/v1.", show_default=False)
    ] = None,
    model: Annotated[str, typer.Option("--model", help="Its name there.")] = "gemma-3-12b-it",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Sentences to reword.")] = 1000,
    count: Annotated[int, typer.Option("--count", min=1, max=20, help="Wordings of each.")] = 3,
    budget: Annotated[
        int | None, typer.Option("--budget", min=1, help="Most tokens, all runs together.", show_default=False)
    ] = None,
    kept: Annotated[
        Path | None, typer.Option("--kept", help="Add what was ticked on the review page.", show_default=False)
    ] = None,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to wait for an answer.")] = 60.0,
    seed: Annotated[int, typer.Option("--seed", help="Chooses the sentences.")] = 1,
) -> None:
    """Ask a language model for other words; kept only where they provably mean the same thing.

    The key of an account is taken from OPENAI_API_KEY, if it is set.
    """
    import os

    from afss_ros.refer.rewrite.endpoint import Endpoint
    from afss_ros.refer.rewrite.kept import keep
    from afss_ros.refer.rewrite.run import PAGE, Wishes
    from afss_ros.refer.rewrite.run import rewrite as reword

    if kept is not None:
        typer.echo(f"{data}: {keep(data, kept)} sentences added that a person accepted")
        return
    if endpoint is None:
        raise typer.BadParameter("give --endpoint, or --kept")
    place = Endpoint(endpoint, model, os.environ.get("OPENAI_API_KEY", ""), timeout)
    with _progress() as progress:
        task = progress.add_task("Rewording", total=limit)
        done = reword(data, place, Wishes(limit, count, budget, seed=seed), advance=lambda: progress.advance(task))
    for problem in done.problems:
        typer.echo(f"no answer: {problem}", err=True)
    for why, times in done.refused.most_common(8):
        typer.echo(f"  {times} refused: {why}")
    typer.echo(
        f"{data}: {done.accepted} wordings accepted, {done.refused.total()} refused, {done.review} to look at in"
        f" {data / PAGE}; {done.asked} questions asked, {done.known} answers known, {done.spent} tokens in all"
    )
    if done.stopped:
        typer.echo(f"stopped: {done.stopped}", err=True)
    if done.stopped or done.problems:
        raise typer.Exit(3)


def chats(
    sets: Annotated[list[Path], typer.Argument(help="Folders that `afss refer build` made.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder for train.jsonl and held_out.jsonl.", show_default=False)],
    count: Annotated[int, typer.Option("--count", min=1, max=20, help="Wordings of a phrase.")] = 3,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most phrases of each file.")] = 5000,
    seed: Annotated[int, typer.Option("--seed", help="Chooses the phrases.")] = 1,
) -> None:
    """Write what a local writer is taught with: questions of `afss refer rewrite`, and answers that are proven."""
    from afss_ros.refer.rewrite.chats import write_chats

    written = write_chats(sets, out, count=count, limit=limit, seed=seed)
    typer.echo(f"{out}: " + ", ".join(f"{number} chats in {name}" for name, number in written.items()))


def tune_writer(
    recipe: Annotated[Path, typer.Argument(help="A recipe; see config/refer_writer.yaml.", show_default=False)],
    data: Annotated[Path, typer.Option("--data", help="A folder of `afss refer chats`.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder for the adapter.")] = Path("runs/writer"),
) -> None:
    """Tune a local writer such as Gemma 3 with QLoRA; needs a CUDA GPU."""
    from afss_ros.refer_training.writer import tune

    typer.echo(f"{tune(recipe, data, out)}")


def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe; see config/refer.yaml.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="The run's directory; continues what is there.")] = Path(
        "runs/refer"
    ),
) -> None:
    """Train a small network that points with words, on sentences of `afss refer build`."""
    from afss_ros.refer_training import recipe as recipes
    from afss_ros.refer_training.train import Progress as Step
    from afss_ros.refer_training.train import train as learn

    with _progress() as progress:
        tasks = {part: progress.add_task(part, total=None) for part in ("eyes", "reader")}

        def report(step: Step) -> None:
            about = f"{step.part}, loss {step.loss:.3f}"
            progress.update(tasks[step.part], completed=step.step, total=step.of, description=about)

        scores = learn(recipes.read(recipe), out, report)
    typer.echo(f"{out}: " + ", ".join(f"{name} {value:.3f}" for name, value in scores.items()))


def tune(
    recipe: Annotated[Path, typer.Argument(help="A recipe; see config/refer_large.yaml.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="The run's directory; continues what is there.")] = Path(
        "runs/refer_large"
    ),
) -> None:
    """Adapt SigLIP 2 and SAM 2 to the sentences of a set, with LoRA; wants a GPU."""
    from afss_ros.refer_training.clipsam import recipe as recipes
    from afss_ros.refer_training.clipsam.tune import tune as learn
    from afss_ros.refer_training.train import Progress as Step

    with _progress() as progress:
        task = progress.add_task("adapter", total=None)

        def report(step: Step) -> None:
            progress.update(task, completed=step.step, total=step.of, description=f"loss {step.loss:.3f}")

        scores = learn(recipes.read(recipe), out, report)
    typer.echo(f"{out}: " + ", ".join(f"{name} {value:.3f}" for name, value in scores.items()))


def export(
    run: Annotated[Path, typer.Argument(help="A run of `afss refer train` or `tune`.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="The .onnx to write.", show_default=False)],
) -> None:
    """Write a run's network as one .onnx, checked against torch: of train with its words inside, of tune beside it."""
    if (run / _ADAPTER).exists():
        from afss_ros.refer_training.clipsam.export import export as write_large

        typer.echo(f"{write_large(run, out)}")
        return
    from afss_ros.refer_training.export import export as write

    typer.echo(f"{write(run, out)}")


def _adapted(resolver: str) -> Answers | None:
    """A run of `afss refer tune` that answers; None if it is none."""
    if not (Path(resolver) / _ADAPTER).exists():
        return None
    from afss_ros.refer.sets.evaluate import ByResolver
    from afss_ros.refer_training.clipsam.resolver import LargeResolver

    return ByResolver(LargeResolver(Path(resolver)))


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _progress() -> Progress:
    return Progress(console=screen(errors=True), transient=True)


refer_app = typer.Typer(help="Point at things with words: ask, and look after sets of sentences.", no_args_is_help=True)
for command in (ask, build, check, convert, evaluate, find, rewrite, chats, train, tune, export):
    refer_app.command()(with_optional(command))
refer_app.command("tune-writer")(with_optional(tune_writer))
