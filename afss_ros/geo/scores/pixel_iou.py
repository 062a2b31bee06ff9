"""Intersection over union of pixels: of two sets of shapes, or of a probability raster and shapes, block by block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.windows import Window

from afss_ros.geo.errors import GeoError

_BLOCK = 1024
LEVELS = 256
"""Thresholds that are counted at once, one for each value of a byte."""


@dataclass(frozen=True)
class PixelCounts:
    """Pixels by predicted value, of truth and of the rest: int64 (256,) each; a mask has values 0 and 255 only."""

    inside: NDArray[np.int64]
    outside: NDArray[np.int64]

    def __add__(self, other: PixelCounts) -> PixelCounts:
        return PixelCounts(self.inside + other.inside, self.outside + other.outside)

    def iou(self, threshold: float = 0.5) -> float:
        """Where the value, of 0 to 1, is at least the threshold; 1 where neither side has a pixel."""
        return float(self.ious()[_level(threshold)])

    def ious(self) -> NDArray[np.float64]:
        """At each threshold, 0 to 255 of 255, float64 (256,)."""
        found = np.cumsum(self.inside[::-1])[::-1]
        wrong = np.cumsum(self.outside[::-1])[::-1]
        union = self.inside.sum() + wrong
        return np.asarray(np.divide(found, union, out=np.ones(LEVELS), where=union > 0), np.float64)

    def best_threshold(self) -> float:
        """The threshold of the highest IoU, above 0; choose it on validation ground, not on the test's."""
        ious = self.ious()[1:]
        return float((1 + np.flatnonzero(ious == ious.max()).mean().round()) / (LEVELS - 1))


def _level(threshold: float) -> int:
    if not 0 < threshold <= 1:
        raise GeoError(f"a threshold is above 0 and at most 1, got {threshold}")
    return min(int(np.ceil(threshold * (LEVELS - 1) - 1e-9)), LEVELS - 1)


def count_shapes(truth: Sequence[Any], proposals: Sequence[Any], shape: tuple[int, int]) -> PixelCounts:
    """Count the pixels of two sets of polygons in pixels of one image of (height, width); the middle decides."""
    total = _zero()
    trees = [shapely.STRtree(list(shapes)) for shapes in (truth, proposals)]
    for row, column, height, width in _blocks(shape):
        inside, found = (_burnt(tree, row, column, height, width) for tree in trees)
        total = total + _count(inside, np.where(found, np.uint8(255), np.uint8(0)))
    return total


def count_raster(raster: str | Path, truth: Sequence[Any], *, band: int = 1) -> PixelCounts:
    """Count the pixels of a raster of probabilities by their value, of the truth and of the rest.

    Args:
        raster: of bytes (0 to 255 is 0 to 1) or floats of 0 to 1; pixels without data count as 0.
        truth: polygons in the raster's pixels.
        band: which of its bands.

    Raises:
        GeoError: it cannot be read, or holds other numbers.
    """
    total = _zero()
    tree = shapely.STRtree(list(truth))
    kind = ""
    try:
        with rasterio.open(raster) as source:
            kind = source.dtypes[band - 1]
            for row, column, height, width in _blocks(source.shape):
                window = Window(column, row, width, height)  # type: ignore[call-arg, unused-ignore]
                values = _bytes(source.read(band, window=window), kind, raster)
                values[source.read_masks(band, window=window) == 0] = 0
                total = total + _count(_burnt(tree, row, column, height, width), values)
    except (rasterio.errors.RasterioError, IndexError) as error:
        raise GeoError(f"{raster}: cannot be read as a raster of probabilities ({error})") from error
    if kind == "uint8" and not (total.inside + total.outside)[2:].any():  # a mask of 0 and 1
        for counts in (total.inside, total.outside):
            counts[1], counts[-1] = 0, counts[1]
    return total


def _bytes(values: NDArray[Any], kind: str, raster: str | Path) -> NDArray[np.uint8]:
    if kind == "uint8":
        return np.asarray(values, np.uint8)
    if not kind.startswith("float"):
        raise GeoError(f"{raster}: holds {kind}; probabilities are uint8 (0 to 255) or floats of 0 to 1")
    values = np.nan_to_num(values)
    if values.size and (values.min() < 0 or values.max() > 1):
        raise GeoError(f"{raster}: holds {values.min():g} to {values.max():g}; probabilities are 0 to 1")
    return np.asarray(np.floor(values * (LEVELS - 1) + 1e-6), np.uint8)


def _zero() -> PixelCounts:
    return PixelCounts(np.zeros(LEVELS, np.int64), np.zeros(LEVELS, np.int64))


def _count(inside: NDArray[np.bool_], values: NDArray[np.uint8]) -> PixelCounts:
    of_truth = np.bincount(values[inside], minlength=LEVELS)
    return PixelCounts(of_truth, np.bincount(values.ravel(), minlength=LEVELS) - of_truth)


def _blocks(shape: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    height, width = shape
    return [
        (row, column, min(_BLOCK, height - row), min(_BLOCK, width - column))
        for row in range(0, height, _BLOCK)
        for column in range(0, width, _BLOCK)
    ]


def _burnt(tree: Any, row: int, column: int, height: int, width: int) -> NDArray[np.bool_]:
    near = np.sort(tree.query(shapely.box(column, row, column + width, row + height)))
    if not len(near):
        return np.zeros((height, width), bool)
    shift = rasterio.Affine.translation(column, row)
    return np.asarray(rasterize(list(tree.geometries[near]), (height, width), transform=shift), bool)
