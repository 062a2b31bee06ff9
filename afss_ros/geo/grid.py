"""Where pixels lie: the grid of a raster, and windows of whole pixels in it.

Pixel coordinates are x right, y down, continuous, with the origin at the corner of the top left pixel, as for the boxes
of the rest of the package. Only the affine leads to the map: rows may run north, axes may be turned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.geo.errors import GeoError
from afss_ros.student import tiling

Affine = tuple[float, float, float, float, float, float]
"""a, b, c, d, e, f of x = a col + b row + c, y = d col + e row + f, in this order."""


@dataclass(frozen=True, slots=True)
class Window:
    """Whole pixels of a grid; may reach beyond it.

    Attributes:
        row, col: of the top left pixel.
        height, width: in pixels, 1 or more.
    """

    row: int
    col: int
    height: int
    width: int

    def __post_init__(self) -> None:
        if min(self.height, self.width) < 1:
            raise GeoError(f"a window has 1 x 1 pixels or more, got {self.height} x {self.width}")

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, for arrays."""
        return slice(self.row, self.row + self.height), slice(self.col, self.col + self.width)

    def within(self, height: int, width: int) -> Window | None:
        """The part of it that lies in a raster of this size; None when none does."""
        top, left = max(self.row, 0), max(self.col, 0)
        bottom, right = min(self.row + self.height, height), min(self.col + self.width, width)
        return Window(top, left, bottom - top, right - left) if bottom > top and right > left else None


@dataclass(frozen=True, slots=True)
class Grid:
    """The pixels of a raster on the map.

    Attributes:
        crs: WKT; "" where the raster tells none.
        affine: from pixels to the map.
        height, width: in pixels.
    """

    crs: str
    affine: Affine
    height: int
    width: int

    def __post_init__(self) -> None:
        if min(self.height, self.width) < 1:
            raise GeoError(f"a grid has 1 x 1 pixels or more, got {self.height} x {self.width}")
        if not np.isfinite(self.affine).all() or self.pixel_area == 0:
            raise GeoError(f"the affine {self.affine} gives pixels without an area; georeference the raster anew")

    @property
    def pixel_area(self) -> float:
        """Of one pixel, in square units of the CRS."""
        a, b, _, d, e, _ = self.affine
        return abs(a * e - b * d)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """x_min, y_min, x_max, y_max on the map, whichever way the rows run."""
        corners = self.to_map(np.array([[0, 0], [self.width, 0], [0, self.height], [self.width, self.height]], float))
        (x_min, y_min), (x_max, y_max) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        return x_min, y_min, x_max, y_max

    def to_map(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pixel coordinates float64 (N, 2), x and y, as coordinates of the CRS."""
        a, b, c, d, e, f = self.affine
        x, y = points[:, 0], points[:, 1]
        return np.stack([a * x + b * y + c, d * x + e * y + f], axis=1)

    def to_pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """The inverse of `to_map`."""
        a, b, c, d, e, f = self.affine
        x, y = points[:, 0] - c, points[:, 1] - f
        determinant = a * e - b * d
        return np.stack([(e * x - b * y) / determinant, (a * y - d * x) / determinant], axis=1)

    def part(self, window: Window) -> Grid:
        """The grid of a window's pixels."""
        a, b, c, d, e, f = self.affine
        x, y = window.col, window.row
        return Grid(self.crs, (a, b, a * x + b * y + c, d, e, d * x + e * y + f), window.height, window.width)

    def windows(self, size: int, overlap: int = 0) -> Iterator[Window]:
        """Windows of `size` x `size` that cover every pixel, row by row; the last ones end flush with the edge.

        Where the raster is smaller than `size`, the window reaches beyond it.

        Args:
            size: side, pixels.
            overlap: of neighbours, pixels, at least; less than `size`.
        """
        if not 0 <= overlap < size:
            raise GeoError(f"the overlap must be 0 or more pixels and less than the size {size}, got {overlap}")
        for row in starts(self.height, size, overlap):
            for col in starts(self.width, size, overlap):
                yield Window(row, col, size, size)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"crs": self.crs, "affine": list(self.affine), "height": self.height, "width": self.width}


def starts(length: int, size: int, overlap: int) -> tuple[int, ...]:
    """First pixels of windows along one direction: a fixed stride, and the last one flush with the end.

    >>> starts(10, 4, 1), starts(9, 4, 0), starts(3, 4, 0)
    ((0, 3, 6), (0, 4, 5), (0,))
    """
    if length <= size:
        return (0,)
    return (*range(0, length - size, size - overlap), length - size)


def axis(length: int, size: int, overlap: int, unit: int) -> tiling.Axis:
    """The same for prediction, on a canvas: starts are multiples of `unit`, so that pooling falls alike everywhere.

    The canvas ends less than a unit behind the raster.
    """
    return tiling.axis(length, size, overlap / size, unit)
