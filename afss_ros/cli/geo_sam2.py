"""The part of `afss geo` that is about SAM 2: tuned on chips, asked about the objects of a raster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from afss_ros.cli.threads import Threads, within

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


COMMANDS: tuple[Callable[..., None], ...] = (tune_sam2, refine)


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
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("tuning", total=None, loss=0.0, scores="-")

        def report(at: Progress) -> None:
            if at.scores:
                bar.update(task, scores=" ".join(f"{name} {value:.2f}" for name, value in at.scores.items()))
            bar.update(task, completed=at.step, total=at.steps, loss=at.loss)

        yield report
