"""The example of maps goes all its way by the commands alone, and what it writes lies where the town does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import rasterio
import rasterio.features
from processes import ROOT, python, run

from afss_ros.geo.vectors import read_features, wkt_of
from examples.geo import town


def test_a_town_is_learned_and_another_is_mapped_and_scored(tmp_path: Path) -> None:
    small = ("--side", "640", "--chip", "128", "--minutes", "0.03")
    made = run(python("-m", "examples.geo", "--out", tmp_path, *small), cwd=ROOT)
    assert made.returncode == 0, made.stderr
    with rasterio.open(tmp_path / "map.tif") as found, rasterio.open(tmp_path / "other" / "town.tif") as scene:
        assert (found.shape, found.transform, found.crs) == (scene.shape, scene.transform, scene.crs)
        bounds = scene.bounds
    objects = read_features(tmp_path / "map.gpkg")
    if objects.bounds is not None:
        left, bottom, right, top = objects.bounds
        assert left >= bounds.left - 2
        assert bottom >= bounds.bottom - 2
        assert right <= bounds.right + 2
        assert top <= bounds.top + 2
    assert json.loads((tmp_path / "score.json").read_text())
    assert (tmp_path / "map.png").stat().st_size > 10_000


def test_the_truth_lies_on_its_buildings(tmp_path: Path) -> None:
    """Roofs are brighter than shadows and roads: the median under the footprints, in the file's own coordinates."""
    scene, truth = town.write(tmp_path, 640, 3)
    with rasterio.open(scene) as raster:
        inside = rasterio.features.geometry_mask(
            read_features(truth, wkt_of(town.CRS)).geometries, raster.shape, raster.transform, invert=True
        )
        picture = raster.read().mean(0)
        assert raster.crs.to_epsg() == 32636
    assert np.median(picture[inside]) > 1.4 * np.median(picture[~inside])
