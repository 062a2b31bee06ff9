"""The half of `afss geo` that is about rasters: scenes to chips, and scenes to probabilities and shapes on the map."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from afss_ros.cli.crew import Cluster, Gpus, Memory, Plan, Timeout, crew, shard_bar
from afss_ros.terminal import screen

_log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from afss_ros.geo.chips import Scene
    from afss_ros.geo.raster import Block
    from afss_ros.geo.stretch import Stretch

_BANDS = typer.Option("--bands", help="Names or numbers: red,green,blue or 5,3,2.", show_default=False)
_ZERO = typer.Option(
    "--zero-is-empty/--zero-is-data", help="Pixels of 0 in all bands; by the file.", show_default=False
)
_STRETCH = typer.Option("--stretch", help="Of `afss geo stretch`, or a set.", show_default=False)
_OVERLAP = typer.Option("--overlap", min=0, help="Pixels.")


def info(
    raster: Annotated[Path, typer.Argument(help="A GeoTIFF, COG or VRT.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what a raster is: size, bands, CRS, pixels on the ground, and how it tells that there is no data."""
    from rich.table import Table

    from afss_ros.geo.raster import Raster, bounded
    from afss_ros.geo.rasterise import metres_per_pixel

    with bounded(), Raster(raster) as opened:
        facts = opened.facts()
        doubt = opened.alpha_in_doubt()
        facts["metres_per_pixel"] = [round(v, 4) for v in metres_per_pixel(opened.grid)]
    if as_json:
        typer.echo(json.dumps(facts | {"doubt": doubt}, indent=1))
        return
    table = Table(show_header=False, box=None)
    for name, value in facts.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        table.add_row(name, text if len(text) < 100 else text[:97] + "...")
    screen().print(table)
    if doubt:
        _log.warning("%s: %s", raster, doubt)


def stretch(
    rasters: Annotated[list[Path], typer.Argument(help="The scenes of a set.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="The .json to write.", show_default=False)],
    bands: Annotated[str | None, _BANDS] = None,
    low: Annotated[float, typer.Option("--low", help="Percentile that becomes 0.")] = 2.0,
    high: Annotated[float, typer.Option("--high", help="Percentile that becomes 255.")] = 98.0,
    zero_is_empty: Annotated[bool | None, _ZERO] = None,
) -> None:
    """Find the one stretch to 8 bits of a set of scenes, from percentiles of the pixels that hold data."""
    from afss_ros.datasets.files import write_atomically
    from afss_ros.geo import bands as band_names
    from afss_ros.geo.raster import Raster, bounded
    from afss_ros.geo.stretch import estimate

    with bounded():

        def blocks() -> Iterator[Block]:
            for path in rasters:
                with Raster(path, zero_is_empty=zero_is_empty, wanted=_list(bands)) as raster:
                    yield from raster.sample(max(1, 64 // len(rasters)), bands=band_names.numbers(raster, _list(bands)))

        tone = estimate(blocks(), (low, high), where=", ".join(map(str, rasters[:3])))
    write_atomically(out, json.dumps(tone.to_json()).encode())
    typer.echo(f"{out}: " + ", ".join(f"{a:g}..{b:g}" for a, b in zip(tone.low, tone.high, strict=True)))


def chip(
    scenes: Annotated[
        list[Path], typer.Argument(help="Rasters, or one city of SpaceNet 2 or 3 as published.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", help="The data set to make or complete.", show_default=False)],
    labels: Annotated[
        list[Path] | None, typer.Option("--labels", help="One vector file a scene, or for all.", show_default=False)
    ] = None,
    ms: Annotated[
        Path | None, typer.Option("--ms", help="Colours of one PAN scene: pan-sharpen.", show_default=False)
    ] = None,
    size: Annotated[int, typer.Option("--size", help="Side of a chip, pixels.")] = 512,
    overlap: Annotated[int, _OVERLAP] = 64,
    name: Annotated[str, typer.Option("--class", help="Name of the object.")] = "building",
    boundary: Annotated[int, typer.Option("--boundary", min=0, help="Class inside the outline, so wide.")] = 0,
    contact: Annotated[int, typer.Option("--contact", min=0, help="Class between objects closer than this.")] = 0,
    road_metres: Annotated[float, typer.Option("--road-metres", help="Lines reach so far to each side.")] = 2.0,
    bands: Annotated[str | None, _BANDS] = None,
    picture: Annotated[str, typer.Option("--picture", help="Of SpaceNet: rgb, ms, mul, pan, pan+mul.")] = "rgb",
    roads: Annotated[bool, typer.Option("--roads", help="SpaceNet's roads rather than buildings.")] = False,
    tone: Annotated[Path | None, _STRETCH] = None,
    zero_is_empty: Annotated[bool | None, _ZERO] = None,
) -> None:
    """Cut scenes and their labels into a data set that `afss train`, `evaluate` and `select` take."""
    from afss_ros.geo import spacenet
    from afss_ros.geo.chips import Cut
    from afss_ros.geo.chips import chip as cut_all

    if len(scenes) == 1 and scenes[0].is_dir():
        city = spacenet.read(scenes[0], picture, "roads" if roads else "buildings")
        for path in city.no_image:
            logging.warning("%s: labels of an image that is not there", path)
        if city.no_labels:
            logging.warning("%d images of %s have no labels, and their chips none", len(city.no_labels), city.name)
        chosen = city.scenes
    else:
        chosen = _scenes(scenes, labels, ms)
    cut = Cut(size, overlap, name, boundary, contact, road_metres, tuple(_list(bands)), zero_is_empty=zero_is_empty)
    with _bar("Cutting") as report:
        count = cut_all(chosen, out, cut, _tone(tone), report)
    typer.echo(f"{out}: {count} chips; split them: afss geo split {out}; train: afss train --data {out}")


def split(
    data: Annotated[Path, typer.Argument(help="A set of `afss geo chip`.", show_default=False)],
    train: Annotated[float, typer.Option("--train", help="Share.")] = 0.7,
    val: Annotated[float, typer.Option("--val", help="Share.")] = 0.15,
    test: Annotated[float, typer.Option("--test", help="Share.")] = 0.15,
    blocks: Annotated[int, typer.Option("--blocks", min=1, help="Chips along a block's side.")] = 10,
    guard: Annotated[bool, typer.Option("--guard", help="Leave out training chips that touch others.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="Draws the blocks.")] = 0,
) -> None:
    """Divide a set in space: whole blocks of chips, and say how many of a split's chips touch a training chip."""
    from afss_ros.geo.split import split_set

    shares = {"train": train, "val": val, "test": test}
    report = split_set(data, shares, blocks=blocks, guard=guard, seed=seed)
    for name, count in sorted(report.chips.items()):
        touching = f", {report.touching[name]} touch a training chip" if name in report.touching else ""
        typer.echo(f"{name}: {count} chips{touching}")


def rasterise(
    labels: Annotated[Path, typer.Argument(help="A vector file.", show_default=False)],
    like: Annotated[Path, typer.Option("--like", help="The raster whose pixels it gets.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="The mask, a GeoTIFF of 0 and 255.", show_default=False)],
    channel: Annotated[
        str, typer.Option("--channel", help="footprint, apart (gaps where two touch), boundary, contact.")
    ] = "footprint",
    width: Annotated[int, typer.Option("--width", min=1, help="Of boundary or contact, pixels.")] = 3,
    road_metres: Annotated[float, typer.Option("--road-metres", help="Lines reach so far to each side.")] = 2.0,
) -> None:
    """Write a vector file as a mask on the pixels of a raster."""
    from afss_ros.geo.masks import write_mask

    with _bar("Rasterising") as report:
        count = write_mask(labels, like, out, channel, width, road_metres, report)
    typer.echo(f"{out}: {count} shapes")


def predict(
    image: Annotated[str, typer.Argument(help="A raster of any size, or its URL.", show_default=False)],
    model: Annotated[str, typer.Option("--model", help="A student (.onnx), or its URL.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="The COG to write; continues a run.", show_default=False)],
    overlap: Annotated[int, _OVERLAP] = 128,
    bands: Annotated[str | None, _BANDS] = None,
    tone: Annotated[Path | None, _STRETCH] = None,
    provider: Annotated[str, typer.Option("--provider", help="auto, cuda, tensorrt or cpu.")] = "auto",
    workers: Annotated[
        int, typer.Option("--workers", min=0, help="0: one a processor, one on a GPU; as many as fit on a cluster.")
    ] = 0,
    zero_is_empty: Annotated[bool | None, _ZERO] = None,
    cluster: Cluster = None,
    gpus: Gpus = 0.0,
    memory: Memory = 0.0,
    timeout: Timeout = None,
    plan: Plan = False,
) -> None:
    """Write how likely each pixel of a raster is each class of a student: uint8, x 255, on the same grid."""
    from afss_ros.cluster.stores import is_url, local
    from afss_ros.geo import predict as prediction
    from afss_ros.geo.errors import GeoError

    raster, student_file = local(image), local(model)
    students, networks, names = prediction.student_networks(student_file, provider, workers if cluster is None else 1)
    try:
        own, own_bands = prediction.shown_as(students[0], student_file)
        shown = _tone(tone) or own
        if shown is None:
            raise GeoError(f"{model}: its card has no stretch; give --stretch, of afss geo stretch or its training set")
        side = students[0].contract.input_size[0]
        chosen = tuple(_list(bands)) or own_bands
        job = prediction.Job(
            raster, out, shown, names, side, min(overlap, side // 2), chosen, zero_is_empty, students[0].sha256
        )
        who = crew(cluster, workers or (len(networks) if cluster is None else 0), gpus, memory, timeout)
        if plan:
            from afss_ros.geo.spread import estimate

            typer.echo(str(estimate(job, networks, who)))
            return
        if cluster is None and not timeout:  # a thread cannot be killed, a process can
            with _bar("Predicting") as report:
                prediction.predict(job, networks, report)
        else:
            from afss_ros.geo.spread import predict_by

            with shard_bar("predicting", None, f"the strips beside {out} are kept") as bar:
                url = image if is_url(image) else ""
                predict_by(who, job, model, provider, image=url, report=bar.of, told=bar.stands)
    finally:
        for student in students:
            student.close()
    typer.echo(f"{out}: {', '.join(names)}")


def vectorise(
    probabilities: Annotated[Path, typer.Argument(help="Of `afss geo predict`.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="A .gpkg or .geojson.", show_default=False)],
    band: Annotated[int, typer.Option("--band", min=1, help="Class, by its number.")] = 1,
    threshold: Annotated[float, typer.Option("--threshold", help="Probability, 0..1.")] = 0.5,
    validation: Annotated[
        list[Path] | None,
        typer.Option(
            "--validation",
            help="Probabilities of other ground: choose the threshold by F1 of buildings there.",
            show_default=False,
        ),
    ] = None,
    validation_truth: Annotated[
        list[Path] | None,
        typer.Option("--validation-truth", help="Its footprints, one file each, or for all.", show_default=False),
    ] = None,
    min_area: Annotated[float, typer.Option("--min-area", min=0, help="Pixels.")] = 20,
    grow: Annotated[float, typer.Option("--grow", help="Pixels: give back a boundary class.")] = 0,
    simplify: Annotated[float, typer.Option("--simplify", min=0, help="Pixels.")] = 0,
    square: Annotated[bool, typer.Option("--square", help="Right angles where they fit.")] = False,
    lines: Annotated[bool, typer.Option("--lines", help="Roads: their middle lines.")] = False,
    smooth: Annotated[
        bool, typer.Option("--smooth/--steps", help="Slanted edges as lines, or along the pixels' edges.")
    ] = True,
) -> None:
    """Draw the objects of a raster of probabilities as polygons on the map, or roads as lines."""
    from afss_ros.geo.outlines import Rules
    from afss_ros.geo.vectorise import vectorise as draw

    rules = Rules(threshold, min_area, grow, simplify, square, smooth=smooth)
    if validation or validation_truth:
        from afss_ros.geo.threshold import choose_threshold

        if lines:
            raise typer.BadParameter("--validation chooses by footprints; roads have --threshold")
        pairs = _paired(validation or [], validation_truth or [], "--validation", "--validation-truth")
        with _bar("Choosing") as report:
            choice = choose_threshold(pairs, rules, band, report=report)
        rules = replace(rules, threshold=choice.threshold)
        typer.echo(f"threshold {choice.threshold:g}: F1 {choice.counts[choice.threshold].f1:.3f} on validation")
    if lines:
        from afss_ros.geo.masks import write_lines

        count = write_lines(probabilities, out, threshold, band)
    else:
        with _bar("Vectorising") as report:
            count = draw(probabilities, out, rules, band, report)
    typer.echo(f"{out}: {count} {'lines' if lines else 'objects'}")


COMMANDS: tuple[Callable[..., None], ...] = (info, stretch, chip, split, rasterise, predict, vectorise)
"""Of `afss geo`, in the order of its help."""


def _list(names: str | None) -> list[str]:
    return [name.strip() for name in (names or "").split(",") if name.strip()]


def _paired(rasters: list[Path], labels: list[Path], one: str, other: str) -> list[tuple[Path, Path]]:
    if len(labels) == 1:
        labels = labels * len(rasters)
    if not rasters or len(labels) != len(rasters):
        raise typer.BadParameter(
            f"{len(rasters)} {one} and {len(labels)} {other}; give one each, or one {other} for all"
        )
    return list(zip(rasters, labels, strict=True))


def _scenes(images: list[Path], labels: list[Path] | None, ms: Path | None) -> tuple[Scene, ...]:
    from afss_ros.geo.chips import Scene

    given: list[Path | None] = [*labels] if labels else [None]
    if len(given) == 1:
        given *= len(images)
    if len(given) != len(images):
        raise typer.BadParameter(f"{len(images)} scenes and {len(given)} label files; give one each, or one for all")
    if ms is not None and len(images) > 1:
        raise typer.BadParameter("--ms holds the colours of one scene; cut the others apart")
    return tuple(Scene(image, truth, ms) for image, truth in zip(images, given, strict=True))


def _tone(path: Path | None) -> Stretch | None:
    if path is None:
        return None
    from afss_ros.datasets.files import read_json
    from afss_ros.geo.stretch import Stretch

    file = path / "dataset.json" if path.is_dir() else path
    document = read_json(file)
    if path.is_dir():
        document = document.get("provenance", {}).get("geo", {}).get("stretch", {})
    return Stretch.from_json(document, str(file))


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    from rich.progress import Progress

    with Progress(console=screen(errors=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
