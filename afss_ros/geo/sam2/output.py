"""Refined objects on their way to a file: a small file for each finished row of windows, then one of all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely

from afss_ros.datasets.files import write_atomically
from afss_ros.geo.errors import GeoError
from afss_ros.geo.vectors import Features, hand_over, write_features

_BATCH = 2000
_KINDS: tuple[type, ...] = (bool, int, float, str)


@dataclass(frozen=True, slots=True, eq=False)
class Object:
    """A polygon on the map, and its properties as plain JSON values."""

    shape: Any
    row: dict[str, Any]


def write_row(path: Path, objects: Sequence[Object]) -> None:
    """Write the objects of a row of windows, whole or not at all."""
    lines = [json.dumps({"wkb": shapely.to_wkb(o.shape, hex=True), "row": o.row}) + "\n" for o in objects]
    write_atomically(path, "".join(lines).encode())


def read_row(path: Path) -> Iterator[Object]:
    """The inverse of `write_row`, one after the other."""
    with path.open() as file:
        for line in file:
            record = json.loads(line)
            yield Object(shapely.from_wkb(record["wkb"]), record["row"])


def assemble(rows: Sequence[Path], out: Path, crs: str, work: Path) -> int:
    """Write one .gpkg or .geojson of all rows; returns how many objects it has.

    A first pass tells the type of each column, so that no batch decides for the others.

    Raises:
        GeoError: it cannot be written.
    """
    kinds: dict[str, int] = {}
    several, count = False, 0
    for path in rows:
        for found in read_row(path):
            count += 1
            several |= found.shape.geom_type.startswith("Multi")
            for name, value in found.row.items():
                kind = -1 if value is None else _KINDS.index(type(value)) if type(value) in _KINDS else 3
                kinds[name] = max(kinds.get(name, -1), kind)
    folder = work / "all"
    folder.mkdir(exist_ok=True)
    temporary = folder / f"{out.stem}.gpkg"  # a layer is called after its file
    temporary.unlink(missing_ok=True)
    batch: list[Object] = []
    for path in rows:
        for found in read_row(path):
            batch.append(found)
            if len(batch) == _BATCH:
                _append(temporary, batch, kinds, several, crs)
                batch = []
    if batch or not temporary.exists():
        _append(temporary, batch, kinds, several, crs)
    try:
        hand_over(temporary, out)
    except OSError as error:
        raise GeoError(f"{out}: cannot be written ({error.strerror or error})") from error
    return count


def _append(path: Path, batch: Sequence[Object], kinds: dict[str, int], several: bool, crs: str) -> None:
    if not batch:  # the layer all the same
        write_features(path, Features([], crs=crs), append=True)
        return
    columns, masks = [], []
    for name, kind in kinds.items():
        values = [found.row.get(name) for found in batch]
        masks.append(np.array([v is None for v in values]))
        if kind in (0, 1, 2):
            dtype = (bool, np.int64, np.float64)[kind]
            columns.append(np.array([dtype(0) if v is None else v for v in values], dtype))
        else:
            columns.append(np.array([None if v is None else str(v) for v in values], object))
    try:
        pyogrio.raw.write(
            path, shapely.to_wkb(np.array([o.shape for o in batch], object)), columns, list(kinds), field_mask=masks,
            layer=path.stem, driver="GPKG", geometry_type="MultiPolygon" if several else "Polygon",
            promote_to_multi=several, crs=crs, append=path.exists(),
        )  # fmt: skip
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pyogrio.errors.FeatureError) as error:
        raise GeoError(f"{path}: cannot be written ({error})") from error
