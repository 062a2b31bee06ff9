"""Masks of vector files on a raster's pixels, written window by window; and road masks as lines."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
import shapely
from rasterio.errors import RasterioError
from rasterio.windows import Window as GdalWindow

from afss_ros.geo import rasterise
from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Window
from afss_ros.geo.raster import Raster, bounded
from afss_ros.geo.vectors import Features, read_features, require_overlap, write_features
from afss_ros.put import put

_TILE = 1024
CHANNELS = ("footprint", "apart", "boundary", "contact")
"""Of a mask; `apart` is the footprints with a gap of a pixel where two touch, so that they are vectorised as two."""
LARGEST = 400_000_000
"""Pixels of a road mask that are traced at once; more would not fit into memory."""


def write_mask(
    labels: Path, like: Path, out: Path, channel: str = "footprint", width: int = 3, road_metres: float = 2.0,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> int:  # fmt: skip
    """Write shapes as 255 in a GeoTIFF on the grid of `like`; returns how many shapes there are.

    Raises:
        GeoError: a file cannot be read or written, or the shapes lie elsewhere.
    """
    if channel not in CHANNELS:
        raise GeoError(f"the channel is one of {', '.join(CHANNELS)}, got {channel!r}")
    margin = 0 if channel == "footprint" else width + 1
    temporary = out.with_name(f".{out.stem}.{os.getpid()}.tif")
    try:
        with bounded(), Raster(like, georeferenced=True) as raster:
            grid = raster.grid
            features = read_features(labels, grid.crs)
            require_overlap(features, grid.bounds, vectors=labels, raster=like)
            shapes = rasterise.roads(features, road_metres).geometries
            tree = shapely.STRtree(shapes)
            out.parent.mkdir(parents=True, exist_ok=True)
            profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "height": grid.height, "width": grid.width,
                       "crs": grid.crs, "transform": rasterio.Affine(*grid.affine), "compress": "deflate",
                       "tiled": True, "blockxsize": 512, "blockysize": 512, "BIGTIFF": "IF_SAFER"}  # fmt: skip
            windows = [
                Window(r, c, min(_TILE, grid.height - r), min(_TILE, grid.width - c))
                for r in range(0, grid.height, _TILE)
                for c in range(0, grid.width, _TILE)
            ]
            with rasterio.open(temporary, "w", **profile) as file:
                for done, at in enumerate(windows):
                    wide = Window(at.row - margin, at.col - margin, at.height + 2 * margin, at.width + 2 * margin)
                    part = grid.part(wide)
                    found = sorted(tree.query(shapely.box(*part.bounds), "intersects").tolist())
                    ids = rasterise.instances([shapes[i] for i in found], part)
                    mask = ids > 0
                    if channel == "apart":
                        mask = rasterise.apart(ids)
                    elif channel != "footprint":
                        mask = (
                            rasterise.boundary(ids, width) if channel == "boundary" else rasterise.contact(ids, width)
                        )
                    inner = mask[margin : margin + at.height, margin : margin + at.width]
                    file.write(inner.astype(np.uint8) * 255, 1, window=GdalWindow(at.col, at.row, at.width, at.height))
                    report(done + 1, len(windows))
        put(temporary, out)
        return len(features)
    except (RasterioError, OSError) as error:
        raise GeoError(f"{out}: cannot be written ({error})") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_lines(path: Path, out: Path, threshold: float = 0.5, band: int = 1) -> int:
    """Write the middle lines of a band of road probabilities (uint8, x 255); returns how many.

    Raises:
        GeoError: the raster cannot be read, has no CRS, or is larger than `LARGEST`.
    """
    from afss_ros.geo.roads import road_lines

    with bounded(), Raster(path, zero_is_empty=False, georeferenced=True) as raster:
        grid = raster.grid
        if grid.height * grid.width > LARGEST:
            raise GeoError(f"{path}: {grid.width} x {grid.height} pixels are too many to trace at once; cut it up")
        mask = np.zeros((grid.height, grid.width), bool)
        for row in range(0, grid.height, _TILE):
            at = Window(row, 0, min(_TILE, grid.height - row), grid.width)
            mask[at.slices] = raster.read(at, [band]).pixels[0] > threshold * 255
    lines = [shapely.transform(line, grid.to_map) for line in road_lines(mask)]
    write_features(out, Features(lines, [{"id": i} for i in range(1, len(lines) + 1)], grid.crs))
    return len(lines)
