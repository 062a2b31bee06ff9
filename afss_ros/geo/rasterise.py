"""Shapes on the map become pixels: footprints, their boundaries, the ground between neighbours, and roads.

A pixel belongs to a shape that holds its centre, as SpaceNet's own tools have it; `all_touched` fattens small
buildings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pyproj
import rasterio.features
import shapely
from numpy.typing import NDArray

from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Grid
from afss_ros.geo.vectors import Features, move, wkt_of

BOUNDARY, CONTACT = 3, 10
"""Pixels: width of a boundary inside of its footprint, and gap of neighbours that count as in contact."""


def instances(shapes: Sequence[Any], grid: Grid) -> NDArray[np.int32]:
    """The number of the shape at each pixel, from 1, int32 (H, W); 0 for none. Of two, the later one.

    Args:
        shapes: shapely geometries in the grid's CRS.
    """
    pairs = [(shape, i) for i, shape in enumerate(shapes, 1) if not shape.is_empty]
    if not pairs:  # the library refuses an empty list
        return np.zeros((grid.height, grid.width), np.int32)
    transform = rasterio.Affine(*grid.affine)
    return np.asarray(
        rasterio.features.rasterize(pairs, (grid.height, grid.width), transform=transform, fill=0, dtype="int32")
    )


def footprint(shapes: Sequence[Any], grid: Grid) -> NDArray[np.bool_]:
    """Pixels whose centre lies in a shape, bool (H, W)."""
    return np.asarray(instances(shapes, grid) > 0, bool)


def apart(ids: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Pixels of shapes, bool (H, W), but for one on the left or upper side where two shapes touch."""
    mask = ids > 0
    for one, other in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        mask[one] &= (ids[one] == ids[other]) | (ids[other] == 0)
    return mask


def boundary(ids: NDArray[np.int32], width: int = BOUNDARY) -> NDArray[np.bool_]:
    """Pixels of a shape, bool (H, W), that lie within `width` pixels of ground or of another shape.

    The raster's own edge is no boundary.
    """
    near, far = _range(ids, width)
    return np.asarray((ids > 0) & (near != far), bool)


def contact(ids: NDArray[np.int32], gap: int = CONTACT) -> NDArray[np.bool_]:
    """Ground, bool (H, W), that lies within half of `gap` pixels of two shapes."""
    outside = ids == 0
    beyond = int(ids.max(initial=0)) + 1
    _, most = _range(ids, gap // 2)
    least, _ = _range(np.where(outside, np.int32(beyond), ids), gap // 2)
    return np.asarray(outside & (most > 0) & (least < most), bool)


def roads(features: Features, metres: float = 2.0) -> Features:
    """Lines as surfaces that reach `metres` to each side, measured on the ground.

    Buffers in degrees, or in pixels that are not square, are too wide in one direction; this one is made in the UTM
    zone of the lines' middle. Polygons are left as they are.

    Raises:
        GeoError: `metres` is not positive, or the lines have no CRS.
    """
    if not metres > 0:
        raise GeoError(f"half of a road's width must be more than 0 m, got {metres}")
    if not features.geometries:
        return features
    if not features.crs:
        raise GeoError("lines without a CRS cannot be widened by metres; give them one")
    zone = utm(features)
    plane = move(features.geometries, features.crs, zone)
    wide = [g.buffer(metres) if g.geom_type.endswith("LineString") else g for g in plane]
    return Features(move(wide, zone, features.crs), features.properties, features.crs)


def utm(features: Features) -> str:
    """The WKT of the UTM zone around the middle of features.

    Raises:
        GeoError: there are none, or they are on no map.
    """
    if features.bounds is None or not features.crs:
        raise GeoError("only shapes with a CRS have a UTM zone")
    middle = move([shapely.box(*features.bounds).centroid], features.crs, "EPSG:4326")[0]
    if not np.isfinite([middle.x, middle.y]).all():
        raise GeoError("the features' coordinates have no place on the globe; is their CRS right?")
    zone = int((middle.x + 180) // 6) % 60 + 1
    return wkt_of(f"EPSG:{(32600 if middle.y >= 0 else 32700) + zone}")


def metres_per_pixel(grid: Grid) -> tuple[float, float]:
    """Ground covered by a pixel in the middle of the grid, along its rows and its columns; 0 without CRS."""
    if not grid.crs:
        return 0.0, 0.0
    x, y = grid.width / 2, grid.height / 2
    points = grid.to_map(np.array([[x, y], [x + 1, y], [x, y + 1]]))
    to_globe = pyproj.Transformer.from_crs(pyproj.CRS.from_wkt(grid.crs), "EPSG:4326", always_xy=True)
    lon, lat = to_globe.transform(points[:, 0], points[:, 1])
    _, _, metres = pyproj.Geod(ellps="WGS84").inv([lon[0]] * 2, [lat[0]] * 2, lon[1:], lat[1:])
    return float(metres[0]), float(metres[1])


def _range(ids: NDArray[np.int32], radius: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Least and greatest id within a radius of every pixel."""
    if radius < 1:
        return ids, ids
    if ids.max(initial=0) >= 1 << 24:
        raise GeoError(f"{ids.max()} shapes in one window; rasterise it in smaller ones")
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    values = ids.astype(np.float32)  # exact up to 2^24
    return cv2.erode(values, kernel).astype(np.int32), cv2.dilate(values, kernel).astype(np.int32)
