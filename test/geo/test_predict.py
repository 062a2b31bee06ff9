"""Prediction in strips and its polygons: nothing shows where a strip or tile ended, and a killed run goes on."""

from __future__ import annotations

import signal
import tracemalloc
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pyogrio
import pytest
import rasterio
import rasterio.features
import shapely
from numpy.typing import NDArray
from processes import python
from processes import run as run_process

from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Grid
from afss_ros.geo.outlines import Rules, shaped, squared
from afss_ros.geo.predict import Job, predict
from afss_ros.geo.stretch import Stretch
from afss_ros.geo.vectorise import polygons, vectorise
from afss_ros.geo.vectors import read_features

UTM = "EPSG:32633"
AFFINE = rasterio.Affine(0.5, 0, 600_000, 0, -0.5, 5_000_000)


def bright(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A network that sees each pixel by itself."""
    return np.asarray(picture[..., :1].astype(np.float32).transpose(2, 0, 1) / 255)


def full_range(values: NDArray[np.generic], least: int) -> NDArray[np.uint8]:
    scaled = np.asarray(values, np.float32)
    scaled = (scaled - scaled.min()) / (scaled.max() - scaled.min())
    return np.asarray(np.rint(least + scaled * (255 - least)), np.uint8)


def write(path: Path, pixels: NDArray[np.generic], affine: rasterio.Affine = AFFINE, crs: str = UTM) -> Path:
    profile = {"driver": "GTiff", "count": len(pixels), "height": pixels.shape[1], "width": pixels.shape[2],
               "dtype": pixels.dtype, "crs": crs, "transform": affine}  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        file.write(pixels)
    return path


def scene(path: Path, height: int = 333, width: int = 401) -> NDArray[np.uint8]:
    noise = np.random.default_rng(5).integers(1, 256, (height, width)).astype(np.uint8)
    soft = cv2.GaussianBlur(noise, (0, 0), 6)
    pixels = full_range(soft, 1)
    pixels[:40, :60] = 0  # no data
    write(path, np.repeat(pixels[None], 3, axis=0))
    return np.asarray(pixels, np.uint8)


def job(folder: Path, overlap: int = 32) -> Job:
    return Job(folder / "scene.tif", folder / "out.tif", Stretch((0,) * 3, (255,) * 3), ("bright",), 96, overlap)


def test_a_blend_of_tiles_is_one_look_at_the_whole(tmp_path: Path) -> None:
    pixels = scene(tmp_path / "scene.tif")
    done: list[tuple[int, int]] = []
    predict(job(tmp_path), [bright, bright], lambda *at: done.append(at))
    with rasterio.open(tmp_path / "out.tif") as file:
        assert np.abs(file.read(1).astype(int) - pixels).max() <= 1
        assert not file.read(1)[:40, :60].any()
        assert file.transform == AFFINE and file.crs.to_epsg() == 32633
        assert file.overviews(1) or max(file.shape) <= 512
        assert file.descriptions == ("bright",)
    assert done[-1][0] == done[-1][1]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.tif", "scene.tif"]


def test_the_result_is_a_valid_cog(tmp_path: Path) -> None:
    from rio_cogeo.cogeo import cog_validate

    scene(tmp_path / "scene.tif", 700, 600)
    predict(job(tmp_path), [bright])
    valid, errors, _ = cog_validate(tmp_path / "out.tif")
    assert valid, errors


def test_a_run_killed_in_the_middle_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    scene(tmp_path / "scene.tif")
    predict(job(tmp_path), [bright])
    whole = (tmp_path / "out.tif").read_bytes()
    (tmp_path / "out.tif").unlink()
    killed = run_process(
        python(
            "-c",
            "import os, signal, sys\nfrom pathlib import Path\nsys.path[:0] = ['test', 'test/geo']\n"
            "from test_predict import bright, job\nfrom afss_ros.geo.predict import predict\n"
            "def end(done, total):\n    if done > total // 2: os.kill(os.getpid(), signal.SIGKILL)\n"
            f"predict(job(Path({str(tmp_path)!r})), [bright], end)",
        )
    )
    assert killed.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), killed.stderr
    assert not (tmp_path / "out.tif").exists()
    finished = len(list((tmp_path / ".out.tif.strips").glob("*.tif")))
    assert finished >= 1
    looks: list[int] = []
    predict(job(tmp_path), [bright], lambda done, total: looks.append(total))
    assert len(looks) < looks[0]
    assert (tmp_path / "out.tif").read_bytes() == whole


def test_strips_of_another_job_are_not_taken(tmp_path: Path) -> None:
    scene(tmp_path / "scene.tif")

    def refuse(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        raise GeoError("enough")

    stopped = job(tmp_path)
    with pytest.raises(GeoError, match="enough"):
        predict(stopped, [refuse])
    folder = tmp_path / ".out.tif.strips"
    (folder / "000000.tif").write_bytes(b"of another time")
    (folder / "job").write_text("another")
    predict(stopped, [bright])
    assert not folder.exists()


def strips(values: NDArray[np.uint8], rows: int) -> list[tuple[int, NDArray[np.uint8]]]:
    return [(row, values[row : row + rows]) for row in range(0, len(values), rows)]


@pytest.mark.parametrize("rows", [1, 7, 64])
def test_polygons_across_strips_are_those_of_the_whole(rows: int) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (90, 70)).astype(np.uint8)
    values = full_range(cv2.GaussianBlur(noise, (0, 0), 2), 0)
    count, local = cv2.connectedComponents((values > 127).astype(np.uint8), connectivity=4)
    expected = [
        shapely.union_all([shapely.geometry.shape(s) for s, v in rasterio.features.shapes(local, local == i) if v])
        for i in range(1, count)
    ]
    found = list(polygons(iter(strips(values, rows)), Rules(min_area=0)))
    assert len(found) == len(expected) > 5
    by_place = {shape.bounds: (shape, pixels, score) for shape, pixels, score in found}
    for i, shape in enumerate(expected, 1):
        other, pixels, score = by_place[shape.bounds]
        assert other.equals(shape) and other.is_valid
        assert pixels == (local == i).sum() and score == pytest.approx(values[local == i].mean() / 255)


@pytest.mark.parametrize(
    "affine",
    [AFFINE, rasterio.Affine(0.5, 0, 600_000, 0, 0.5, 5_000_000), rasterio.Affine(0.4, 0.3, 6e5, 0.3, -0.4, 5e6)],
    ids=["north-up", "south-up", "turned"],
)
@pytest.mark.parametrize("suffix", [".gpkg", ".geojson"])
def test_vertices_lie_where_the_pixels_do(tmp_path: Path, affine: rasterio.Affine, suffix: str) -> None:
    values = np.zeros((1, 60, 80), np.uint8)
    values[0, 10:30, 20:50] = 200
    path = write(tmp_path / "p.tif", values, affine)
    assert vectorise(path, tmp_path / f"o{suffix}", Rules(strip=16)) == 1
    features = read_features(tmp_path / f"o{suffix}", UTM)
    grid = Grid(features.crs, tuple(affine[:6]), 60, 80)
    corners = shapely.Polygon(grid.to_map(np.array([[20, 10], [50, 10], [50, 30], [20, 30]], float)))
    assert features.geometries[0].hausdorff_distance(corners) < 0.25
    assert features.properties[0]["area_px"] == 600
    assert features.properties[0]["area"] == pytest.approx(150)


def test_nothing_found_is_a_layer_with_its_crs(tmp_path: Path) -> None:
    path = write(tmp_path / "p.tif", np.zeros((1, 30, 30), np.uint8))
    assert vectorise(path, tmp_path / "o.gpkg") == 0
    info = pyogrio.read_info(tmp_path / "o.gpkg")
    assert info["features"] == 0 and "32633" in info["crs"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["o.gpkg", "p.tif"]


def test_real_sized_buildings_come_back(tmp_path: Path) -> None:
    from afss_ros.geo.rasterise import footprint

    rng = np.random.default_rng(3)
    truth = []
    for x, y in np.ndindex(6, 6):
        box = shapely.box(0, 0, *rng.uniform(14, 40, 2))
        turned = shapely.affinity.rotate(box, float(rng.uniform(0, 90)))
        truth.append(shapely.affinity.translate(turned, 10 + 60 * x, 15 + 60 * y))
    grid = Grid("", (1, 0, 0, 0, 1, 0), 400, 400)
    mask = footprint(truth, grid).astype(np.uint8) * 255
    found = [shape for shape, _, _ in polygons(iter(strips(mask, 100)), Rules())]
    scores = [max(t.intersection(f).area / t.union(f).area for f in found) for t in truth]
    assert np.mean(scores) >= 0.95 and np.min(scores) >= 0.9


def test_corners_become_right_angles_where_they_were() -> None:
    box = shapely.affinity.rotate(shapely.box(0, 0, 40, 20), 30)
    wobbly = np.asarray(box.segmentize(5).exterior.coords)[:-1] + np.random.default_rng(0).uniform(-1, 1, (24, 2))
    better = squared(shapely.Polygon(wobbly).simplify(2))
    assert len(better.exterior.coords) == 5
    assert better.intersection(box).area / better.union(box).area > 0.9
    circle = shapely.Point(0, 0).buffer(20)
    assert squared(circle).intersection(circle).area / circle.area > 0.8


@pytest.mark.parametrize("where", ["out", "type", "suffix"])
def test_what_cannot_be_drawn_is_refused_and_leaves_nothing(tmp_path: Path, where: str) -> None:
    kind = np.uint16 if where == "type" else np.uint8
    path = write(tmp_path / "p.tif", np.zeros((1, 8, 8), kind))
    if where == "out":
        job_ = Job(path, path, Stretch((0,), (1,)), ("a",), 32, 0)
        with pytest.raises(GeoError, match="the image itself"):
            predict(job_, [bright])
    else:
        with pytest.raises(GeoError, match="uint16" if where == "type" else "gpkg"):
            vectorise(path, tmp_path / ("o.shp" if where == "suffix" else "o.gpkg"))
    assert [p.name for p in tmp_path.iterdir()] == ["p.tif"]


def test_memory_does_not_grow_with_the_height(tmp_path: Path) -> None:
    def peak(height: int) -> int:
        path = tmp_path / f"{height}.tif"
        write(path, np.full((1, height, 64), 90, np.uint8))
        at = Job(path, tmp_path / f"{height}_p.tif", Stretch((0,) * 3, (255,) * 3), ("a",), 64, 16)
        tracemalloc.start()
        try:
            predict(at, [bright])
            vectorise(at.out, tmp_path / f"{height}.gpkg", Rules(strip=128))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(512)
    assert peak(4096) < peak(1024) + 1_000_000


def test_islands_of_two_strips_are_one_only_through_pixels() -> None:
    values = np.zeros((4, 4), np.uint8)
    values[1, 1] = values[2, 2] = 255  # corners alone do not join
    assert len(list(polygons(iter(strips(values, 2)), Rules(min_area=0)))) == 2
    assert list(islice(polygons(iter([]), Rules()), 1)) == []
    assert shaped(shapely.box(2, 2, 8, 8), Rules(grow=1))[0].area == 64
