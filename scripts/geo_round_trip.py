"""How well footprints survive rasters: polygon -> mask -> polygon, and the IoU of what comes back with what went in.

    .venv/bin/python -m scripts.geo_round_trip scene.tif=buildings.geojson [other.tif=footprints.gpkg ...]

Three ways: every footprint in a mask of its own; all in one mask (`afss geo rasterise --channel footprint`), where
those that touch become one; and all in one with a gap where they touch (`--channel apart`). What is drawn is what
`afss geo vectorise` draws, without a least area; `--simplify`, `--square` and `--steps` are its options.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Grid, Window
from afss_ros.geo.masks import write_mask
from afss_ros.geo.outlines import Rules, shaped
from afss_ros.geo.raster import Raster
from afss_ros.geo.rasterise import footprint
from afss_ros.geo.vectorise import polygons, vectorise
from afss_ros.geo.vectors import read_features, require_overlap


def ious(truth: list[Any], found: list[Any]) -> NDArray[np.float64]:
    """The IoU of each shape with the one found that fits it best; 0 where none does."""
    tree = shapely.STRtree(found)
    each = [[found[i] for i in tree.query(shape, "intersects").tolist()] for shape in truth]
    best = [
        max((shape.intersection(o).area / shape.union(o).area for o in others), default=0.0)
        for shape, others in zip(truth, each, strict=True)
    ]
    return np.asarray(best, np.float64)


def alone(shape: Any, grid: Grid, rules: Rules) -> float:
    """The IoU, in pixels, of a shape with itself out of a mask of its own."""
    x_min, y_min, x_max, y_max = shape.bounds
    row, col = int(np.floor(y_min)) - 1, int(np.floor(x_min)) - 1
    window = Window(row, col, int(np.ceil(y_max)) + 1 - row, int(np.ceil(x_max)) + 1 - col)
    mask = footprint([shapely.transform(shape, grid.to_map)], grid.part(window)).astype(np.uint8) * 255
    parts = [part for drawn, _, _ in polygons(iter([(0, mask)]), rules) for part in shaped(drawn, rules)]
    return float(ious([shape], [shapely.affinity.translate(part, col, row) for part in parts])[0])


def round_trip(raster: Path, labels: Path, rules: Rules) -> dict[str, NDArray[np.float64]]:
    """IoU of each footprint, cut at the raster's edge, by the way it went.

    Raises:
        GeoError: a file cannot be read, or the two do not meet.
    """
    with Raster(raster, georeferenced=True) as file:
        grid = file.grid
    features = read_features(labels, grid.crs)
    require_overlap(features, grid.bounds, vectors=labels, raster=raster)
    edge = shapely.box(0, 0, grid.width, grid.height)
    shapes = [shapely.transform(shape, grid.to_pixels) for shape in features.geometries]
    truth = [cut for cut in (shape.intersection(edge) for shape in shapes) if cut.area > 0]
    found = {"alone": np.asarray([alone(shape, grid, rules) for shape in truth])}
    with tempfile.TemporaryDirectory() as name:
        mask, drawn = Path(name) / "mask.tif", Path(name) / "drawn.gpkg"
        for channel in ("footprint", "apart"):
            write_mask(labels, raster, mask, channel)
            vectorise(mask, drawn, rules)
            back = read_features(drawn, grid.crs).geometries
            found[channel] = ious(truth, [shapely.transform(shape, grid.to_pixels) for shape in back])
    return found


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; the exit code."""
    parser = argparse.ArgumentParser(description="IoU of footprints that went through a mask.")
    parser.add_argument("pairs", nargs="+", metavar="RASTER=LABELS")
    parser.add_argument("--simplify", type=float, default=0.0, help="pixels")
    parser.add_argument("--square", action="store_true")
    parser.add_argument("--steps", action="store_true", help="outlines along the pixels' edges")
    options = parser.parse_args(arguments)
    rules = Rules(min_area=0, simplify=options.simplify, square=options.square, smooth=not options.steps)
    table = Table("raster", "footprints", "way", "mean IoU", "median", "0.9 or more")
    every: dict[str, list[NDArray[np.float64]]] = {}
    try:
        for pair in options.pairs:
            raster, equals, labels = pair.partition("=")
            if not equals:
                parser.error(f"{pair}: give RASTER=LABELS")
            for way, values in round_trip(Path(raster), Path(labels), rules).items():
                every.setdefault(way, []).append(values)
                _row(table, Path(raster).name, way, values)
    except GeoError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    if len(options.pairs) > 1:
        for way, parts in every.items():
            _row(table, "all", way, np.concatenate(parts))
    Console(width=110).print(table)
    return 0


def _row(table: Table, name: str, way: str, values: NDArray[np.float64]) -> None:
    table.add_row(
        name, str(len(values)), way, f"{values.mean():.4f}", f"{np.median(values):.4f}", f"{(values >= 0.9).mean():.3f}"
    )


if __name__ == "__main__":
    sys.exit(main())
