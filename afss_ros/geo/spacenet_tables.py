"""SpaceNet's tables of polygons: truth, and proposals that may be another's submission.

`ImageId,BuildingId,PolygonWKT_Pix,Confidence` (or `PolygonWKT_Geo` in the truth). A picture without buildings has one
row, -1 and `POLYGON EMPTY`. Pixels count from the corner of the top left pixel, x to the right, y down.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import shapely

from afss_ros.datasets.files import write_atomically
from afss_ros.geo.errors import GeoError
from afss_ros.geo.vectors import from_wkt, read_rows, valid_shape

_SENSORS = ("PAN_", "RGB-PanSharpen_", "MUL-PanSharpen_", "MUL_")
_CITY = re.compile(r"(AOI_\d+_[A-Za-z]+)")


@dataclass(frozen=True)
class Building:
    """A polygon in pixels of its image, valid and plane; how sure the proposer is, any number, more is surer."""

    shape: Any
    confidence: float = 1.0


Buildings = Mapping[str, list[Building]]
"""Buildings by image; an image without any has an empty list."""


def read_buildings(path: str | Path) -> dict[str, list[Building]]:
    """The buildings of a table of truth or of proposals, by image, in the order of the file.

    Invalid polygons are repaired. A leading `PAN_` and the like of an ImageId is left out.

    Raises:
        GeoError: it is no such table; names the line's image.
    """
    path = Path(path)
    header, rows = read_rows(path)
    by_name = {name.lower(): name for name in header}
    image, polygon = by_name.get("imageid"), by_name.get("polygonwkt_pix")
    if image is None or polygon is None:
        raise GeoError(
            f"{path}: has columns {', '.join(header) or 'none'}; a table of buildings has ImageId, BuildingId,"
            " PolygonWKT_Pix and, of proposals, Confidence"
        )
    sure = by_name.get("confidence")
    found: dict[str, list[Building]] = {}
    for row in rows:
        name = _image(path, row[image])
        buildings = found.setdefault(name, [])
        shape = valid_shape(from_wkt(path, row[polygon]))
        if shape is None or not shape.geom_type.endswith("Polygon"):
            continue
        buildings.append(Building(shape, _confidence(path, name, row[sure]) if sure else 1.0))
    return found


def _image(path: Path, text: str) -> str:
    if not text:
        raise GeoError(f"{path}: a row has no ImageId; it is to be as AOI_2_Vegas_img1")
    return image_key(text)


def write_buildings(path: str | Path, buildings: Buildings) -> None:
    """Write a table of proposals; images without buildings too, for a scorer looks at no other.

    Raises:
        GeoError: an image's name is empty.
        DatasetError: it cannot be written.
    """
    path = Path(path)
    rows: list[tuple[object, ...]] = []
    for image in sorted(buildings, key=_natural):
        if not image:
            raise GeoError(f"{path}: an image without a name cannot be scored")
        parts = [
            (part, building.confidence)
            for building in buildings[image]
            for part in (getattr(building.shape, "geoms", None) or [building.shape])
        ]
        rows += [(image, i, shapely.to_wkt(part, rounding_precision=6), sure) for i, (part, sure) in enumerate(parts)]
        if not parts:
            rows.append((image, -1, "POLYGON EMPTY", 1))
    _write(path, ("ImageId", "BuildingId", "PolygonWKT_Pix", "Confidence"), rows)


def read_roads(path: str | Path) -> dict[str, list[Any]]:
    """The lines of a SpaceNet 3 table (`ImageId,WKT_Pix`) by image, in pixels.

    Raises:
        GeoError: it is no such table.
    """
    path = Path(path)
    header, rows = read_rows(path)
    by_name = {name.lower(): name for name in header}
    image, column = by_name.get("imageid"), by_name.get("wkt_pix")
    if image is None or column is None:
        raise GeoError(f"{path}: has columns {', '.join(header) or 'none'}; a table of roads has ImageId and WKT_Pix")
    found: dict[str, list[Any]] = {}
    for row in rows:
        lines = found.setdefault(_image(path, row[image]), [])
        shape = valid_shape(from_wkt(path, row[column]))
        if shape is not None and shape.geom_type.endswith("LineString"):
            lines.append(shape)
    return found


def write_roads(path: str | Path, roads: Mapping[str, Iterable[Any]]) -> None:
    """Write a SpaceNet 3 table of lines in pixels, one line a row, `LINESTRING EMPTY` for an image without."""
    rows = []
    for image in sorted(roads, key=_natural):
        lines = [part for line in roads[image] for part in (getattr(line, "geoms", None) or [line])]
        rows += [(image, shapely.to_wkt(line, rounding_precision=6)) for line in lines]
        if not lines:
            rows.append((image, "LINESTRING EMPTY"))
    _write(Path(path), ("ImageId", "WKT_Pix"), rows)


def is_roads(path: str | Path) -> bool:
    """Whether a table holds roads, by its columns.

    Raises:
        GeoError: it is no CSV.
    """
    header, _ = read_rows(Path(path))
    return "wkt_pix" in {name.lower() for name in header}


def image_key(name: str) -> str:
    """An ImageId without the name of the sensor's product before it: `PAN_AOI_2_Vegas_img1` is `AOI_2_Vegas_img1`."""
    for sensor in _SENSORS:
        name = name.removeprefix(sensor)
    return name


def city_of(image: str) -> str:
    """The city of an ImageId, such as `AOI_2_Vegas`; "" where the name tells none."""
    found = _CITY.search(image)
    return found.group(1) if found else ""


def _natural(name: str) -> list[tuple[bool, int, str]]:
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", name)]


def _confidence(path: Path, image: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value != value:
        raise GeoError(f"{path}: a building of {image} has the confidence '{text}'; it is to be a number")
    return value


def _write(path: Path, header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text.getvalue().encode())
