"""Outlines: slanted edges become lines without moving more than half a pixel, and touching objects stay two."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
import shapely

from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Grid
from afss_ros.geo.masks import write_mask
from afss_ros.geo.outlines import Rules, shaped, smoothed
from afss_ros.geo.rasterise import apart, footprint, instances
from afss_ros.geo.vectorise import polygons, vectorise
from afss_ros.geo.vectors import Features, write_features
from scripts.geo_round_trip import main, round_trip

PIXELS = Grid("", (1, 0, 0, 0, 1, 0), 90, 70)


@pytest.mark.parametrize("seed", range(3))
def test_smooth_outlines_hold_the_same_pixels(seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (90, 70)).astype(np.uint8)
    soft = cv2.GaussianBlur(noise, (0, 0), 1.3 + seed)
    mask = ((soft > np.median(soft)) * 255).astype(np.uint8)
    steps = [shape for shape, _, _ in polygons(iter([(0, mask)]), Rules(min_area=0))]
    smooth = [smoothed(shape) for shape in steps]
    assert all(shape.is_valid for shape in smooth) and len(smooth) >= 5
    assert (footprint(smooth, PIXELS) == (mask > 0)).all()
    for before, after in zip(steps, smooth, strict=True):
        assert before.boundary.hausdorff_distance(after.boundary) <= 0.5 + 1e-9


def test_corners_of_straight_edges_are_kept_and_slanted_edges_are_straight() -> None:
    box = shapely.box(3, 4, 30, 20)
    assert smoothed(box).equals(box)
    turned = shapely.affinity.rotate(shapely.box(15, 15, 55, 55), 30)
    mask = footprint([turned], PIXELS).astype(np.uint8) * 255
    ((steps, _, _),) = polygons(iter([(0, mask)]), Rules())
    (smooth,), (rough,) = shaped(steps, Rules()), shaped(steps, Rules(smooth=False))
    assert rough.equals(steps) and smooth.length < 1.02 * turned.length < 0.8 * rough.length

    def iou(shape: shapely.Polygon) -> float:
        return float(shape.intersection(turned).area / shape.union(turned).area)

    assert iou(smooth) > iou(rough) + 0.005


def test_where_an_outline_begins_does_not_matter() -> None:
    corners = [(0, 0), (5, 0), (5, 1), (9, 1), (9, 6), (0, 6)]
    expected = smoothed(shapely.Polygon(corners))
    begun_elsewhere = shapely.Polygon([(2, 0), *corners[1:], corners[0]])
    assert smoothed(begun_elsewhere).normalize().equals_exact(expected.normalize(), 0)


def town(folder: Path) -> tuple[Path, Path]:
    grid = Grid("EPSG:32636", (0.3, 0, 452_000, 0, -0.3, 36_000), 200, 200)
    pairs = [[(x, y), (x + 20, y + 3), (x + 17, y + 23), (x - 3, y + 20)] for x, y in ((20, 20), (40, 23), (90, 120))]
    shapes = [shapely.transform(shapely.Polygon(pair), grid.to_map) for pair in pairs]
    write_features(folder / "truth.gpkg", Features(shapes, crs=grid.crs))
    with rasterio.open(
        folder / "scene.tif", "w", driver="GTiff", count=1, height=200, width=200, dtype="uint8", crs=grid.crs,
        transform=rasterio.Affine(*grid.affine),
    ) as file:  # fmt: skip
        file.write(np.ones((1, 200, 200), np.uint8))
    return folder / "scene.tif", folder / "truth.gpkg"


def test_neighbours_that_touch_come_back_as_two_from_a_mask_that_keeps_them_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene, truth = town(tmp_path)
    found = round_trip(scene, truth, Rules(min_area=0))
    assert found["alone"].mean() > 0.97 and found["apart"].mean() > 0.95
    assert sorted(found["footprint"])[1] < 0.6  # one of two
    for channel, count in (("footprint", 2), ("apart", 3)):
        write_mask(truth, scene, tmp_path / "mask.tif", channel)
        assert vectorise(tmp_path / "mask.tif", tmp_path / "back.gpkg") == count
    with pytest.raises(GeoError, match="one of footprint, apart, boundary, contact, got 'gap'"):
        write_mask(truth, scene, tmp_path / "mask.tif", "gap")
    assert main([f"{scene}={truth}"]) == 0 and "apart" in capsys.readouterr().out
    assert main([f"{scene}={tmp_path / 'none.gpkg'}"]) == 1 and "none.gpkg: missing" in capsys.readouterr().err


def test_apart_leaves_no_pixel_beside_one_of_another() -> None:
    ids = instances([shapely.box(x, y, x + 7, y + 9) for x in (3, 10, 17) for y in (5, 14)], PIXELS)
    kept = np.where(apart(ids), ids, 0)
    for one, other in ((kept[:, :-1], kept[:, 1:]), (kept[:-1], kept[1:])):
        assert ((one == other) | (one == 0) | (other == 0)).all()
    assert set(np.unique(kept)) == set(range(7)) and (kept > 0).sum() > 0.75 * (ids > 0).sum()
