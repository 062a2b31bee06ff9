"""The polygons that SAM 2 is asked about, row of windows by row of windows, however many a file holds.

Of each polygon only its number and its place are held, 16 bytes; the rest is read when its row's turn has come.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray

from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Grid, Window, starts
from afss_ros.geo.vectors import Features, read_features, require_overlap, valid_shape, write_features

_CHUNK = 5000


@dataclass(frozen=True, slots=True)
class Layout:
    """Windows of one size over a raster, neighbours overlapping, and the part of the raster that is each one's own.

    Attributes:
        grid: of the raster.
        size: side of the windows, pixels.
        overlap: at least, pixels: what lies within is seen whole by somebody if it is no larger.
    """

    grid: Grid
    size: int
    overlap: int

    @property
    def rows(self) -> tuple[int, ...]:
        """First rows of the windows."""
        return starts(self.grid.height, self.size, self.overlap)

    @property
    def cols(self) -> tuple[int, ...]:
        """First columns of the windows."""
        return starts(self.grid.width, self.size, self.overlap)

    def window(self, row: int, col: int) -> Window:
        """By its place among the rows and columns."""
        return Window(self.rows[row], self.cols[col], self.size, self.size)

    def owner(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        """Row and column, int64 (N, 2), of the window in whose middle part each point (N, 2), x and y in pixels, lies.

        Points beside the raster belong to the nearest window.
        """
        found = [
            np.searchsorted(borders(firsts, self.size), points[:, axis], "right")
            for firsts, axis in ((self.rows, 1), (self.cols, 0))
        ]
        return np.stack(found, axis=1).astype(np.int64)


def borders(firsts: tuple[int, ...], size: int) -> NDArray[np.float64]:
    """Where one window's own part ends and the next one's begins: the middle of what both see."""
    return np.array([(a + size + b) / 2 for a, b in pairwise(firsts)], np.float64)


class Proposals:
    """Polygons of a file, by the row of windows that owns their middle.

    A GeoPackage in the raster's CRS, as `afss geo vectorise` writes it, is read piece by piece; any other file is read
    at once, and copied into one.

    Args:
        path: the file.
        layout: of the raster's windows.
        work: folder for a copy.
        raster: its name, for messages.

    Raises:
        GeoError: it cannot be read, has no CRS, or lies elsewhere.
    """

    def __init__(self, path: Path, layout: Layout, work: Path, raster: Path) -> None:
        self._layout = layout
        self._path = path if _as_it_is(path, layout.grid) else _copied(path, layout.grid, work)
        self.name = path
        numbers, places = [], []
        bounds: list[NDArray[np.float64]] = []
        for fids, shapes, _ in self._chunks():
            boxes = shapely.bounds(shapely.transform(shapes, layout.grid.to_pixels))
            middles = (boxes[:, :2] + boxes[:, 2:]) / 2
            good = np.isfinite(middles).all(axis=1)
            numbers.append(fids[good])
            places.append(layout.owner(middles[good]).astype(np.int32))
            if good.any():
                bounds.append(np.concatenate([boxes[good, :2].min(axis=0), boxes[good, 2:].max(axis=0)]))
        self._fids = np.concatenate(numbers) if numbers else np.zeros(0, np.int64)
        self._places = np.concatenate(places) if places else np.zeros((0, 2), np.int32)
        if bounds:
            low, high = np.min(bounds, axis=0)[:2], np.max(bounds, axis=0)[2:]
            corners = layout.grid.to_map(np.array([low, [high[0], low[1]], high, [low[0], high[1]]], float))
            whole = Features([shapely.Polygon(corners).envelope], crs=layout.grid.crs)
            require_overlap(whole, layout.grid.bounds, vectors=path, raster=raster)

    def __len__(self) -> int:
        return len(self._fids)

    def windows(self) -> int:
        """How many windows own a polygon."""
        return len(np.unique(self._places, axis=0))

    def of_row(self, row: int) -> dict[int, list[tuple[Any, dict[str, Any]]]]:
        """By column of windows: polygons on the map with their properties, in the order of the file."""
        mine = np.flatnonzero(self._places[:, 0] == row)
        columns = dict(zip(self._fids[mine].tolist(), self._places[mine, 1].tolist(), strict=True))
        found: dict[int, list[tuple[Any, dict[str, Any]]]] = {}
        fids = np.sort(self._fids[mine])
        for first in range(0, len(fids), 500):  # more are too long a question for some drivers
            for fid, shape, row_ in zip(*_read(self._path, fids=fids[first : first + 500]), strict=True):
                found.setdefault(columns[int(fid)], []).append((shape, row_))
        return dict(sorted(found.items()))

    def _chunks(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.object_], list[dict[str, Any]]]]:
        skip = 0
        while True:
            read = _read(self._path, skip_features=skip, max_features=_CHUNK, columns=[])
            if not len(read[0]):
                return
            yield read
            skip += _CHUNK


def _read(path: Path, **options: Any) -> tuple[NDArray[np.int64], NDArray[np.object_], list[dict[str, Any]]]:
    try:
        meta, fids, geometry, columns = pyogrio.raw.read(path, return_fids=True, **options)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pyogrio.errors.FeatureError) as error:
        raise GeoError(f"{path}: cannot be read as vectors ({error})") from error
    shapes = np.empty(len(fids), object)
    shapes[:] = [valid_shape(s) or shapely.Polygon() for s in shapely.from_wkb(geometry, on_invalid="ignore")]
    names = [str(n) for n in meta["fields"]]
    rows = [{n: plain(c[i]) for n, c in zip(names, columns, strict=True)} for i in range(len(fids))]
    return np.asarray(fids, np.int64), shapes, rows


def plain(value: Any) -> Any:
    """A field's value as plain JSON; None for NaN."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _as_it_is(path: Path, grid: Grid) -> bool:
    if path.suffix.lower() != ".gpkg" or not path.is_file() or not path.stat().st_size:
        return False
    try:
        layers = [name for name, kind in pyogrio.list_layers(path) if kind is not None]
        crs = pyogrio.read_info(path, layer=layers[0])["crs"] if len(layers) == 1 else None
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError):
        return False
    return crs is not None and pyproj.CRS.from_user_input(crs).equals(
        pyproj.CRS.from_wkt(grid.crs), ignore_axis_order=True
    )


def _copied(path: Path, grid: Grid, work: Path) -> Path:
    features = read_features(path, grid.crs)
    if any(not shape.geom_type.endswith("Polygon") for shape in features.geometries):
        raise GeoError(f"{path}: holds lines; SAM 2 refines polygons")
    copy = work / "proposals.gpkg"
    write_features(copy, features)
    return copy
