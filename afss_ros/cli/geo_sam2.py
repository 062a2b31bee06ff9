"""The part of `afss geo` that is about SAM 2: tuned on chips, asked about the objects of a raster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from afss_ros.cli.threads import Threads, within
from afss_ros.terminal import screen

if TYPE_CHECKING:
    from afss_ros.geo.sam2.tune import Progress
    from afss_ros.teacher.protocols import Detector

_DOWNLOAD = typer.Option("--download", help="Fetch missing weights from the Hub.")
_REVISION = typer.Option("--revision", help="Commit of a Hub checkpoint.")


def tune_sam2(
    data: Annotated[list[Path], typer.Argument(help="Sets of `afss geo chip`, split.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="The run's folder; continues what is there.")] = Path("runs/sam2"),
    checkpoint: Annotated[
        str, typer.Option("--checkpoint", help="Hub name, folder, or Meta's .pt file for its package sam2.")
    ] = "facebook/sam2.1-hiera-tiny",
    revision: Annotated[str, _REVISION] = "",
    tune: Annotated[str, typer.Option("--tune", help="Some of decoder,prompt,image,lora.")] = "decoder",
    rank: Annotated[int, typer.Option("--rank", min=1, help="Of LoRA.")] = 8,
    epochs: Annotated[float, typer.Option("--epochs", help="Budget.")] = 10.0,
    iterations: Annotated[int, typer.Option("--iterations", min=0, help="Budget in place of epochs.")] = 0,
    rate: Annotated[float, typer.Option("--rate", help="Peak learning rate, but of the image encoder.")] = 1e-4,
    image_rate: Annotated[float, typer.Option("--image-rate", help="Of the image encoder.")] = 3e-6,
    clip: Annotated[float, typer.Option("--clip", help="Largest norm of the gradient.")] = 0.1,
    objects: Annotated[int, typer.Option("--objects", min=1, help="Asked about at once: memory.")] = 16,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Of such groups, a step.")] = 1,
    corrections: Annotated[int, typer.Option("--corrections", min=0, help="Further points, at most.")] = 7,
    bare_ground: Annotated[float, typer.Option("--bare-ground", help="Questions without an object, a share.")] = 0.25,
    turns: Annotated[int, typer.Option("--turns", min=1, max=8, help="Quarter turns and flips shown.")] = 1,
    seed: Annotated[int, typer.Option("--seed", help="Draws everything.")] = 0,
    cache: Annotated[
        Path | None, typer.Option("--cache", help="Folder of embeddings, for several runs.", show_default=False)
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Encode pictures anew at every step.")] = False,
    precision: Annotated[str, typer.Option("--precision", help="auto, fp32 or bf16.")] = "auto",
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    download: Annotated[bool, _DOWNLOAD] = False,
    threads: Threads = None,
) -> None:
    """Tune SAM 2 on a set of chips: its mask decoder, or more, by boxes and points that are not quite right."""
    from afss_ros.geo.sam2.parts import Rates
    from afss_ros.geo.sam2.settings import Settings
    from afss_ros.geo.sam2.tune import tune as run
    from afss_ros.teacher.models.checkpoints import Access

    settings = Settings(
        checkpoint, revision, tuple(n.strip() for n in tune.split(",") if n.strip()), rank, epochs, iterations,
        Rates(rate, image_rate), clip=clip, objects=objects, batch=batch, corrections=corrections,
        bare_ground=bare_ground, turns=turns, precision=precision, seed=seed,
    )  # fmt: skip
    with _tuning_bar() as report, within(threads):
        scores = run(data, out, settings, report, cache=cache, keep_embeddings=not no_cache,
                     access=Access(download), device=device)  # fmt: skip
    typer.echo(f"{out}: " + ", ".join(f"{name} {value:.3f}" for name, value in scores.items()))


def refine(
    proposals: Annotated[
        Path | None,
        typer.Argument(help="Polygons, or probabilities of `afss geo predict`.", show_default=False),
    ] = None,
    image: Annotated[Path, typer.Option("--image", help="The raster.", show_default=False)] = ...,  # type: ignore[assignment]
    sam2: Annotated[
        str, typer.Option("--sam2", help="A run of tune-sam2, or a checkpoint as it was published.", show_default=False)
    ] = ...,  # type: ignore[assignment]
    out: Annotated[Path, typer.Option("--out", help="A .gpkg or .geojson; continues a run.", show_default=False)] = ...,  # type: ignore[assignment]
    grid: Annotated[
        int | None,
        typer.Option("--grid", min=1, help="Ask by so many points along a window's side.", show_default=False),
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", help="Ask by a text detector's boxes: building", show_default=False)
    ] = None,
    detector: Annotated[str, typer.Option("--detector", help="Grounding DINO by Hub name or folder.")] = (
        "IDEA-Research/grounding-dino-tiny"
    ),
    truth_boxes: Annotated[
        Path | None,
        typer.Option("--truth-boxes", help="Ask by the truth's boxes: an upper bound, no result.", show_default=False),
    ] = None,
    window: Annotated[int, typer.Option("--window", min=0, help="Pixels; 0: as it learned, else 512.")] = 0,
    overlap: Annotated[
        int | None, typer.Option("--overlap", min=0, help="Pixels; a quarter of the window.", show_default=False)
    ] = None,
    dilate: Annotated[float, typer.Option("--dilate", min=0, help="Pixels that boxes grow.")] = 2.0,
    least_score: Annotated[
        float | None,
        typer.Option("--least-score", help="Of SAM 2's own; 0.5, of points 0.88.", show_default=False),
    ] = None,
    least_overlap: Annotated[
        float, typer.Option("--least-overlap", help="IoU with the proposal, else that stays.")
    ] = 0.5,
    reject: Annotated[float, typer.Option("--reject", help="Leave out proposals less probably objects.")] = 0.0,
    min_area: Annotated[float, typer.Option("--min-area", min=0, help="Pixels.")] = 20,
    simplify: Annotated[float, typer.Option("--simplify", min=0, help="Pixels.")] = 0,
    square: Annotated[bool, typer.Option("--square", help="Right angles where they fit.")] = False,
    threshold: Annotated[float, typer.Option("--threshold", help="Of probabilities, 0..1.")] = 0.5,
    bands: Annotated[str | None, typer.Option("--bands", help="As for predict.", show_default=False)] = None,
    tone: Annotated[Path | None, typer.Option("--stretch", help="As for predict.", show_default=False)] = None,
    zero_is_empty: Annotated[
        bool | None, typer.Option("--zero-is-empty/--zero-is-data", help="As for predict.", show_default=False)
    ] = None,
    objects: Annotated[int, typer.Option("--objects", min=1, help="Asked about at once: memory.")] = 16,
    download: Annotated[bool, _DOWNLOAD] = False,
    threads: Threads = None,
) -> None:
    """Draw the objects of a raster anew with SAM 2, from the boxes of polygons, a grid of points or a text."""
    import logging

    from afss_ros.cli.geo_rasters import _bar, _list, _tone
    from afss_ros.geo.errors import GeoError
    from afss_ros.geo.sam2.refine import UPPER_BOUND, Job, Rules
    from afss_ros.geo.sam2.refine import refine as run
    from afss_ros.geo.sam2.tuned import ready
    from afss_ros.teacher.models.checkpoints import Access

    given = {"boxes": proposals, "truth": truth_boxes, "grid": grid, "text": text}
    kinds = [name for name, value in given.items() if value is not None]
    if len(kinds) != 1:
        raise GeoError("prompts come from one place: proposals, --grid N, --text WORDS, or --truth-boxes FILE")
    if truth_boxes is not None:
        logging.warning("%s: what comes out is an %s, no result", truth_boxes, UPPER_BOUND.partition("(")[2][:-1])
    job = Job(image, out, kinds[0], proposals or truth_boxes, text or "", window, overlap, _tone(tone),  # type: ignore[arg-type]
              tuple(_list(bands)), zero_is_empty, threshold)  # fmt: skip
    rules = Rules(dilate, least_score, least_overlap, reject, min_area=min_area, simplify=simplify, square=square,
                  together=objects, points=grid or 32)  # fmt: skip
    access = Access(download)
    with _bar("Refining") as report, within(threads):
        found = run(job, ready(sam2, "", access), rules, report, _detector(detector, access) if text else None)
    typer.echo(f"{out}: {found.drawn} drawn by SAM 2, {found.kept} left as they were, {found.rejected} left out")


def compare(
    scenes: Annotated[
        list[Path],
        typer.Argument(help="Rasters, or cities of SpaceNet 2 as published: a folder each.", show_default=False),
    ],
    out: Annotated[Path, typer.Option("--out", help="The folder of everything; continues what is there.")] = Path(
        "runs/compare"
    ),
    labels: Annotated[
        list[Path] | None, typer.Option("--labels", help="One vector file a raster, or for all.", show_default=False)
    ] = None,
    students: Annotated[str, typer.Option("--students", help="Names of docs/students.md.")] = "unet-tiled",
    channels: Annotated[
        str, typer.Option("--channels", help="Some of footprint,boundary,contact,both.")
    ] = "footprint,boundary,contact",
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How many.")] = 3,
    epochs: Annotated[float | None, typer.Option("--epochs", help="Of a student; 30.", show_default=False)] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", help="In place of epochs.", show_default=False)] = None,
    size: Annotated[int, typer.Option("--size", help="Side of a chip, pixels.")] = 512,
    blocks: Annotated[int, typer.Option("--blocks", min=1, help="Chips along a block's side.")] = 10,
    guard: Annotated[
        bool, typer.Option("--guard/--no-guard", help="Leave out training chips that touch others.")
    ] = True,
    draw_blocks: Annotated[bool, typer.Option("--draw-blocks", help="Other blocks for each seed.")] = False,
    sam2: Annotated[
        str, typer.Option("--sam2", help="Checkpoint to tune; none: U-Nets alone.")
    ] = "facebook/sam2.1-hiera-tiny",
    tune: Annotated[str, typer.Option("--tune", help="As for tune-sam2.")] = "decoder",
    sam2_epochs: Annotated[float, typer.Option("--sam2-epochs", help="Budget of tuning.")] = 10.0,
    sam2_iterations: Annotated[int, typer.Option("--sam2-iterations", min=0, help="In place of epochs.")] = 0,
    rate: Annotated[float, typer.Option("--rate", help="As for tune-sam2.")] = 1e-4,
    corrections: Annotated[int, typer.Option("--corrections", min=0, help="As for tune-sam2.")] = 7,
    objects: Annotated[int, typer.Option("--objects", min=1, help="As for tune-sam2.")] = 16,
    least_score: Annotated[
        float | None, typer.Option("--least-score", help="As for refine.", show_default=False)
    ] = None,
    picture: Annotated[str, typer.Option("--picture", help="Of SpaceNet, as for chip.")] = "rgb",
    bands: Annotated[str | None, typer.Option("--bands", help="As for chip.", show_default=False)] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    download: Annotated[bool, _DOWNLOAD] = False,
    threads: Threads = None,
) -> None:
    """Compare U-Nets and tuned SAM 2 on one blocked split, several seeds, and write the table."""
    from rich.progress import Progress as Bar

    from afss_ros.cli.geo_rasters import _list, _scenes
    from afss_ros.geo import spacenet
    from afss_ros.geo.comparison.plan import Plan
    from afss_ros.geo.comparison.run import compare as run
    from afss_ros.geo.sam2.parts import Rates
    from afss_ros.geo.sam2.refine import Rules
    from afss_ros.geo.sam2.settings import Settings
    from afss_ros.teacher.models.checkpoints import Access

    if all(path.is_dir() for path in scenes):
        found = [spacenet.read(path, picture) for path in scenes]
        cities = {city.name: tuple(s for s in city.scenes if s.labels is not None) for city in found}
    else:
        cities = {"ground": _scenes(scenes, labels, None)}
    settings = None if sam2 == "none" else Settings(
        sam2, tune=tuple(_list(tune)), epochs=sam2_epochs, iterations=sam2_iterations, rates=Rates(rate),
        corrections=corrections, objects=objects,
    )  # fmt: skip
    plan = Plan(
        cities, out, tuple(_list(students)), tuple(_list(channels)), tuple(range(seeds)), minutes,
        None if minutes is not None else epochs or 30.0, size, blocks, guard, draw_blocks=draw_blocks, sam2=settings,
        rules=Rules(least_score=least_score, together=objects), wanted=tuple(_list(bands)), device=device,
    )  # fmt: skip
    with Bar(console=screen(errors=True), transient=True) as bar, within(threads):
        task = bar.add_task("comparing", total=None)
        path = run(plan, lambda what, done, total: bar.update(task, description=what, completed=done, total=total),
                   Access(download))  # fmt: skip
    typer.echo(path.read_text())
    typer.echo(f"{path}; all figures: {path.with_suffix('.json')}")


COMMANDS: tuple[Callable[..., None], ...] = (tune_sam2, refine, compare)


def _detector(checkpoint: str, access: object) -> Detector:
    from afss_ros.teacher.models.checkpoints import Access, find_folder
    from afss_ros.teacher.models.grounding_dino import GroundingDino

    assert isinstance(access, Access)
    return GroundingDino("grounding_dino", find_folder(checkpoint, "", access))


@contextmanager
def _tuning_bar() -> Iterator[Callable[[Progress], None]]:
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("tuning"),
        BarColumn(),
        TextColumn("step {task.completed}/{task.total}  loss {task.fields[loss]:.3f}  {task.fields[scores]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=screen(errors=True)) as bar:
        task = bar.add_task("tuning", total=None, loss=0.0, scores="-")

        def report(at: Progress) -> None:
            if at.scores:
                bar.update(task, scores=" ".join(f"{name} {value:.2f}" for name, value in at.scores.items()))
            bar.update(task, completed=at.step, total=at.steps, loss=at.loss)

        yield report
