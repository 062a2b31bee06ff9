"""The threshold of footprints is chosen on validation ground, by buildings and not by pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely

from afss_ros.cli.app import main
from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Grid
from afss_ros.geo.outlines import Rules
from afss_ros.geo.scores.building_score import Counts
from afss_ros.geo.threshold import choose_threshold
from afss_ros.geo.vectors import Features, read_features, wkt_of, write_features

AFFINE = rasterio.Affine(0.5, 0, 600_000, 0, -0.5, 5_000_000)


def ground(folder: Path, name: str, *boxes: tuple[int, int, int, int]) -> tuple[Path, Path]:
    """Two houses of 0.78 with a yard of 0.47 between them, and footprints."""
    values = np.zeros((1, 64, 96), np.uint8)
    values[0, 10:40, 10:80] = 120
    values[0, 10:40, 10:35] = values[0, 10:40, 45:80] = 200
    path = folder / f"{name}.tif"
    profile = {"driver": "GTiff", "count": 1, "height": 64, "width": 96, "dtype": "uint8", "crs": "EPSG:32633",
               "transform": AFFINE}  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        file.write(values)
    grid = Grid(wkt_of("EPSG:32633"), tuple(AFFINE[:6]), 64, 96)
    shapes = [shapely.transform(shapely.box(*box), grid.to_map) for box in boxes]
    write_features(folder / f"{name}.geojson", Features(shapes, crs=grid.crs))
    return path, folder / f"{name}.geojson"


HOUSES = (10, 10, 35, 40), (45, 10, 80, 40)


def test_the_threshold_that_parts_neighbours_wins(tmp_path: Path) -> None:
    choice = choose_threshold([ground(tmp_path, "val", *HOUSES)], Rules())
    assert 120 / 255 < choice.threshold < 200 / 255
    assert choice.counts[choice.threshold] == Counts(2, 0, 0)
    assert choice.counts[0.2] == Counts(0, 1, 2)  # the larger is half of the whole, exactly: no match
    assert choice.counts[0.9] == Counts(0, 0, 2)


def test_vectorise_takes_it_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, labels = ground(tmp_path, "val", *HOUSES)
    out = tmp_path / "o.gpkg"
    words = ["geo", "vectorise", str(path), "--out", str(out), "--threshold", "0.2"]
    assert main(words) == 0 and len(read_features(out)) == 1
    assert main([*words, "--validation", str(path), "--validation-truth", str(labels)]) == 0
    assert len(read_features(out)) == 2
    assert "F1 1.000 on validation" in capsys.readouterr().out
    assert main([*words, "--validation", str(path)]) != 0


def test_ground_without_a_footprint_tells_nothing(tmp_path: Path) -> None:
    with pytest.raises(GeoError, match="no footprint lies on"):
        choose_threshold([ground(tmp_path, "val")], Rules())
