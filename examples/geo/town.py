"""A drawn town: a raster of 16 bits in UTM, and the footprints of its buildings."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.transform import from_origin

from afss_ros.geo.vectors import Features, wkt_of, write_features

CRS = "EPSG:32636"
PIXEL_M = 0.3
_WEST, _NORTH = 452_000.0, 36_000.0
_DEPTH = 2047
"""Largest value of a sensor of 11 bits, as WorldView's."""


def draw(side: int, seed: int) -> tuple[NDArray[np.uint16], list[NDArray[np.float64]]]:
    """The picture, uint16 (side, side, 3) RGB, and the corners of each building, float64 (N, 2), pixels."""
    rng = np.random.default_rng(seed)
    ground = cv2.resize(rng.uniform(0.2, 0.5, (side // 48, side // 48, 3)).astype(np.float32), (side, side))
    picture = ground * np.array([0.9, 1.0, 0.7], np.float32)
    block = 112
    for line in range(0, side, block):
        picture[line : line + 14] = picture[:, line : line + 14] = 0.42
    for _ in range(side * side // 2500):
        x, y = (int(v) for v in rng.integers(0, side, 2))
        cv2.circle(picture, (x, y), int(rng.integers(3, 8)), (0.1, rng.uniform(0.2, 0.35), 0.08), -1)
    shapes = []
    for top in range(20, side - block, block // 2):
        for left in range(20, side - block, block // 2):
            if top % block > block - 36 or left % block > block - 36 or rng.random() < 0.2:
                continue
            centre = np.array([left + 24, top + 24]) + rng.uniform(-4, 4, 2)
            half = rng.uniform(9, 19, 2)
            angle = rng.normal(0, 0.15)
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half @ turn.T + centre
            shadow = np.round(corners + np.array([5, 6])).astype(np.int32)
            cv2.fillPoly(picture, [shadow], (0.06, 0.07, 0.1))
            roof = rng.uniform(0.35, 0.95) * np.array([1.0, rng.uniform(0.6, 1), rng.uniform(0.5, 1)])
            cv2.fillPoly(picture, [np.round(corners).astype(np.int32)], roof.tolist())
            ridge = np.round([corners[:2].mean(0), corners[2:].mean(0)]).astype(np.int32)
            cv2.line(picture, ridge[0].tolist(), ridge[1].tolist(), (roof * 0.8).tolist(), 2)
            shapes.append(corners)
    picture = picture + rng.normal(0, 0.02, picture.shape)
    return (picture.clip(0, 1) * _DEPTH).astype(np.uint16), shapes


def write(folder: Path, side: int, seed: int) -> tuple[Path, Path]:
    """Write the raster and its footprints; their paths."""
    picture, shapes = draw(side, seed)
    folder.mkdir(parents=True, exist_ok=True)
    scene, truth = folder / "town.tif", folder / "town.geojson"
    place = from_origin(_WEST, _NORTH, PIXEL_M, PIXEL_M)
    with rasterio.open(
        scene, "w", driver="GTiff", width=side, height=side, count=3, dtype="uint16", crs=CRS, transform=place,
        tiled=True, compress="deflate",
    ) as raster:  # fmt: skip
        raster.write(np.moveaxis(picture, 2, 0))
    on_map = [shapely.Polygon([place * (float(x), float(y)) for x, y in corners]) for corners in shapes]
    write_features(truth, Features(on_map, crs=wkt_of(CRS)))
    return scene, truth
