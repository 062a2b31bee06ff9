"""Objects of a raster as polygons on its map, strip by strip: one that crosses strips comes out once, whole.

Components of four neighbours are found in each strip and joined with those that reach its first row from above (union
and find). What does not reach a strip's last row is finished and written; memory holds one strip and open objects.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rasterio
import rasterio.features
import shapely
from numpy.typing import NDArray

from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Grid, Window
from afss_ros.geo.outlines import PLAIN, Rules, shaped
from afss_ros.geo.raster import Raster, bounded
from afss_ros.geo.vectors import Features, hand_over, write_features

_PIXELS = 2_000_000
"""Of a strip, at most: what memory depends on, however wide the raster."""
_BATCH = 2000
"""Features written at a time."""


@dataclass(slots=True)
class _Open:
    pieces: list[Any] = field(default_factory=list)
    pixels: int = 0
    sum: float = 0.0


def polygons(strips: Iterator[tuple[int, NDArray[np.uint8]]], rules: Rules) -> Iterator[tuple[Any, int, float]]:
    """The objects of a raster.

    Args:
        strips: first row and probabilities x 255, uint8 (rows, width), from above to below without a gap.

    Yields:
        Polygon in pixels of the whole raster, x right, y down, origin at the corner; its pixels; mean probability.
    """
    level = rules.threshold * 255
    parent: dict[int, int] = {}
    groups: dict[int, _Open] = {}
    last: NDArray[np.int64] | None = None
    following = 1
    for row, values in strips:
        mask = values > level
        count, local = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
        top, bottom = (np.where(r > 0, r.astype(np.int64) + (following - 1), 0) for r in (local[0], local[-1]))
        flat = local.astype(np.intp, copy=False).ravel()
        pixels = np.bincount(flat, minlength=count)
        sums = np.bincount(flat, values.ravel(), minlength=count)
        specks = pixels < rules.min_area
        specks[local[0]] = specks[local[-1]] = False  # may go on
        specks[0] = False
        for i in (np.flatnonzero(~specks[1:]) + 1).tolist():  # noise has a million specks a strip
            number = following - 1 + i
            parent[number], groups[number] = number, _Open(pixels=int(pixels[i]), sum=float(sums[i]))
        if specks.any():
            mask &= ~specks[local]
        shift = rasterio.Affine.translation(0, row)
        for shape, value in rasterio.features.shapes(local, mask, connectivity=4, transform=shift):
            groups[following - 1 + int(value)].pieces.append(_polygon(shape))
        if last is not None:
            both = (last > 0) & (top > 0)
            for above, below in np.unique(np.stack([last[both], top[both]], axis=1), axis=0).tolist():
                _join(parent, groups, above, below)
        following += count - 1
        last = bottom
        going_on = {_find(parent, i) for i in np.unique(last[last > 0]).tolist()}
        for i in [g for g in groups if g not in going_on]:
            yield from _finished(groups.pop(i))
        last = np.array([_find(parent, i) if i else 0 for i in last.tolist()], np.int64) if last.any() else last
        parent = {i: i for i in groups}
    for group in groups.values():
        yield from _finished(group)


def vectorise(
    path: Path, out: Path, rules: Rules = PLAIN, band: int = 1,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> int:  # fmt: skip
    """Write the objects of one band of probabilities (uint8, x 255) as polygons; returns how many.

    Each has `score` (mean probability), `area_px`, and `area` in square units of the raster's CRS.

    Raises:
        GeoError: the raster cannot be read or has no CRS, or the file not be written.
    """
    if out.suffix.lower() not in (".gpkg", ".geojson", ".json"):
        raise GeoError(f"{out}: is to be .gpkg (keeps the CRS) or .geojson (longitude and latitude)")
    if not 0 <= rules.threshold < 1 or rules.strip < 1:
        raise GeoError(f"the threshold lies in 0..1, and strips have 1 row or more; got {rules}")
    # A layer is called after its file, so the folder is what is temporary.
    folder = out.with_name(f".{out.name}.{os.getpid()}")
    temporary = folder / f"{out.stem}.gpkg"
    count = 0
    try:
        with bounded(), Raster(path, zero_is_empty=False, georeferenced=True) as raster:
            if raster.dtype != np.uint8:
                raise GeoError(f"{path}: is {raster.dtype}; probabilities are uint8, x 255 (afss geo predict)")
            grid = raster.grid
            batch: list[tuple[Any, dict[str, Any]]] = []
            for polygon, pixels, score in polygons(strips_of(raster, band, rules.strip, report), rules):
                for shape in shaped(polygon, rules):
                    if pixels < rules.min_area or shape.area < min(rules.min_area, 1):
                        continue
                    count += 1
                    facts = {"id": count, "score": round(score, 4), "area_px": pixels,
                             "area": shape.area * grid.pixel_area}  # fmt: skip
                    batch.append((shapely.transform(shape, grid.to_map), facts))
                if len(batch) >= _BATCH:
                    _append(temporary, batch, grid)
                    batch = []
            _append(temporary, batch, grid, even_none=count == 0)
        hand_over(temporary, out)
    except OSError as error:
        raise GeoError(f"{out}: cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return count


def strips_of(
    raster: Raster, band: int, rows: int, report: Callable[[int, int], None] = lambda done, total: None
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """The strips of a band that `polygons` takes, 0 where there is no data."""
    height, width = raster.grid.height, raster.grid.width
    rows = max(16, min(rows, _PIXELS // width))
    for row in range(0, height, rows):
        window = Window(row, 0, min(rows, height - row), width)
        block = raster.read(window, [band])
        values = block.pixels[0]
        values[~block.valid] = 0
        yield row, values
        report(row + window.height, height)


def _polygon(shape: dict[str, Any]) -> Any:
    outline, *holes = shape["coordinates"]
    return shapely.Polygon(outline, holes)


def _finished(group: _Open) -> Iterator[tuple[Any, int, float]]:
    if not group.pieces:
        return
    whole = group.pieces[0] if len(group.pieces) == 1 else shapely.union_all(group.pieces).simplify(0)
    yield whole, group.pixels, group.sum / 255 / max(group.pixels, 1)


def _find(parent: dict[int, int], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


def _join(parent: dict[int, int], groups: dict[int, _Open], one: int, other: int) -> None:
    one, other = _find(parent, one), _find(parent, other)
    if one == other:
        return
    low, high = min(one, other), max(one, other)
    parent[high] = low
    gone = groups.pop(high)
    groups[low].pieces += gone.pieces
    groups[low].pixels += gone.pixels
    groups[low].sum += gone.sum


def _append(path: Path, batch: list[tuple[Any, dict[str, Any]]], grid: Grid, even_none: bool = False) -> None:
    if batch or even_none:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_features(path, Features([s for s, _ in batch], [p for _, p in batch], grid.crs), append=True)
