"""`afss geo score`: footprints and roads against the truth, by the field's own scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from afss_ros.terminal import screen

if TYPE_CHECKING:
    from rich.table import Table

    from afss_ros.geo.scores.scoring import Scores


def score(
    proposals: Annotated[
        Path,
        typer.Argument(
            help="What to score: a SpaceNet table, vectors, a raster of probabilities, or a folder of vectors.",
            show_default=False,
        ),
    ],
    truth: Annotated[Path, typer.Option("--truth", help="The truth: table, vectors or folder.", show_default=False)],
    image: Annotated[
        Path | None,
        typer.Option("--image", help="The raster whose pixels count, or a folder of them.", show_default=False),
    ] = None,
    validation: Annotated[
        Path | None,
        typer.Option(
            "--validation",
            help="Proposals on other ground, on which the confidence (of a raster: the threshold) is chosen.",
            show_default=False,
        ),
    ] = None,
    validation_truth: Annotated[
        Path | None, typer.Option("--validation-truth", help="Their truth.", show_default=False)
    ] = None,
    validation_image: Annotated[
        Path | None, typer.Option("--validation-image", help="Their raster.", show_default=False)
    ] = None,
    confidence: Annotated[
        float | None, typer.Option("--confidence", help="Leave out proposals less sure.", show_default=False)
    ] = None,
    threshold: Annotated[
        float | None, typer.Option("--threshold", help="Of a raster of probabilities, 0 to 1.", show_default=False)
    ] = None,
    min_iou: Annotated[float, typer.Option("--min-iou", min=0, max=1, help="What a match is above.")] = 0.5,
    min_area: Annotated[
        float, typer.Option("--min-area", min=0, help="Square pixels from which a building counts.")
    ] = 20,
    pixel_size: Annotated[
        float | None,
        typer.Option("--pixel-size", help="Metres of a pixel, where no image tells.", show_default=False),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures there.", show_default=False)
    ] = None,
    picture: Annotated[Path | None, typer.Option("--picture", help="Draw a PNG there.", show_default=False)] = None,
) -> None:
    """Score footprints (SpaceNet 2's F1), roads (APLS) and pixels (IoU), by image and by city."""
    import json

    from afss_ros.datasets.files import write_atomically
    from afss_ros.geo.errors import GeoError
    from afss_ros.geo.scores.scoring import Rules, score_files

    if (validation is None) != (validation_truth is None):
        raise GeoError("--validation and --validation-truth go together: proposals on other ground, and their truth")
    if pixel_size is not None and not pixel_size > 0:
        raise GeoError(f"--pixel-size is in metres and above 0, got {pixel_size:g}")
    known = None if validation is None or validation_truth is None else (validation, validation_truth, validation_image)
    rules = Rules(min_iou, min_area, confidence, pixel_size, threshold)
    found = score_files(proposals, truth, image, rules, known)
    console = screen()
    for table in _tables(found):
        console.print(table)
    for note in _notes(found):
        console.print(note, soft_wrap=True)
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        content = {"proposals": str(proposals), "truth": str(truth), **found.to_json()}
        write_atomically(json_file, (json.dumps(content, indent=1) + "\n").encode())
    if picture is not None:
        from afss_ros.geo.scores.score_picture import draw

        draw(found, picture, _rasters(found, image), min_iou)


def _rasters(found: Scores, image: Path | None) -> dict[str, Path]:
    if image is None:
        return {}
    from afss_ros.geo.scores.scoring import images_of

    return images_of(image, list(found.shown))


def _tables(found: Scores) -> list[Table]:
    from rich.table import Table

    tables = []
    if found.buildings is not None:
        table = Table(title="buildings (SpaceNet 2)")
        for name in ("", "TP", "FP", "FN", "precision", "recall", "F1"):
            table.add_column(name, justify="left" if not name else "right", no_wrap=not name)
        score = found.buildings
        shown: dict[str, Any] = dict(score.images) if len(score.images) <= 20 else {}
        shown.update({name or "all images": counts for name, counts in score.cities.items()})
        for name, c in shown.items():
            table.add_row(name, str(c.tp), str(c.fp), str(c.fn), f"{c.precision:.4f}", f"{c.recall:.4f}", f"{c.f1:.4f}")
        table.add_section()
        table.add_row("mean of cities", "", "", "", "", "", f"{score.f1:.4f}")
        tables.append(table)
    if found.roads:
        table = Table(title="roads (APLS)")
        for name in ("", "there", "back", "truth km", "proposed km", "APLS"):
            table.add_column(name, justify="left" if not name else "right", no_wrap=not name)
        for name, road in found.roads.items():
            table.add_row(
                name, f"{road.truth_to_proposal:.4f}", f"{road.proposal_to_truth:.4f}",
                f"{road.truth_length / 1000:.3f}", f"{road.proposal_length / 1000:.3f}", f"{road.score:.4f}",
            )  # fmt: skip
        table.add_section()
        table.add_row("mean of cities", "", "", "", "", f"{found.apls:.4f}")
        tables.append(table)
    return tables


def _notes(found: Scores) -> list[str]:
    notes = []
    values = found.to_json()
    if "pixel_iou" in values:
        notes.append(f"pixel IoU {values['pixel_iou']:.4f}")
    chosen = values.get("threshold")
    if chosen is not None and chosen["value"] is not None:
        where = {"given": "as given", "validation": "chosen on validation", "default": "the default"}[chosen["chosen"]]
        notes.append(f"threshold {chosen['value']:.4g}, {where}")
    if found.buildings is not None and found.buildings.missing:
        missing = found.buildings.missing
        notes.append(
            f"{len(missing)} images of the truth have no row in the proposals and count as missed altogether (the"
            f" contest's scorer passed them over): {', '.join(missing[:5])}"
        )
    if found.buildings is not None and found.buildings.unknown:
        unknown = found.buildings.unknown
        notes.append(f"{len(unknown)} images of the proposals have no truth: {', '.join(unknown[:5])}")
    if not found.roads and found.buildings is None and found.pixels is None:
        notes.append("neither side has a road: nothing to score")
    return notes


COMMANDS: tuple[Callable[..., None], ...] = (score,)
