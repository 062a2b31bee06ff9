"""`afss geo score` on files of every kind that it takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely

from afss_ros.cli import main
from afss_ros.geo.errors import GeoError
from afss_ros.geo.scores.pixel_iou import count_shapes
from afss_ros.geo.scores.scoring import Rules, place_of, score_files
from afss_ros.geo.spacenet_tables import Building, write_buildings, write_roads
from afss_ros.geo.vectors import Features, wkt_of, write_features

DATA = Path(__file__).parents[1] / "data"
UTM = "EPSG:32636"
NAME = "AOI_9_Kampala_img7"


def scene(path: Path, pixels: Any = None, size: float = 0.5) -> Path:
    """A raster of 120 x 100 pixels; its corner is at 450000, 38050."""
    data = np.arange(100 * 120, dtype=np.uint16).reshape(1, 100, 120) if pixels is None else pixels[None]
    with rasterio.open(
        path, "w", driver="GTiff", width=120, height=100, count=1, dtype=data.dtype, crs=UTM,
        transform=rasterio.Affine(size, 0, 450000, 0, -size, 38050),
    ) as out:  # fmt: skip
        out.write(data)
    return path


def houses(path: Path, *corners: tuple[float, float, float, float], scores: list[float] | None = None) -> Path:
    """Houses by their corners in pixels of `scene`."""
    shapes = [shapely.box(450000 + a / 2, 38050 - d / 2, 450000 + c / 2, 38050 - b / 2) for a, b, c, d in corners]
    rows: list[dict[str, Any]] = [{"score": score} for score in scores] if scores else [{} for _ in shapes]
    write_features(path, Features(shapes, rows, wkt_of(UTM)))
    return path


TWO = [(10.0, 10.0, 30.0, 30.0), (50.0, 50.0, 70.0, 80.0)]


def test_the_tables_of_the_reference_through_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--json", str(tmp_path / "a.json"), "--picture", str(tmp_path / "a.png")]
    truth = str(DATA / "sn2_sample_truth.csv")
    assert main(["geo", "score", str(DATA / "sn2_sample_proposals.csv"), "--truth", truth, *words]) == 0
    assert "0.8861" in capsys.readouterr().out
    buildings = json.loads((tmp_path / "a.json").read_text())["buildings"]
    assert buildings["cities"]["AOI_5_Khartoum"]["fn"] == 75
    assert buildings["f1_mean_of_cities"] == pytest.approx(0.66526, abs=1e-5)
    assert (tmp_path / "a.png").stat().st_size > 10_000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.png"]


@pytest.mark.parametrize("suffix", ["gpkg", "geojson"])
def test_vectors_on_a_raster(tmp_path: Path, suffix: str) -> None:
    image = scene(tmp_path / "scene.tif")
    truth = houses(tmp_path / "truth.gpkg", *TWO, (110, 90, 130, 110))  # the last goes over the raster's edge
    ours = houses(tmp_path / f"ours.{suffix}", TWO[0], (51, 51, 71, 81), (5, 70, 25, 90), scores=[0.9, 0.8, 0.1])
    found = score_files(ours, truth, image)
    assert found.buildings is not None and found.pixels is not None
    (counts,) = found.buildings.images.values()
    assert (counts.tp, counts.fp, counts.fn) == (2, 1, 1)
    common, union = 400 + 19 * 29, 400 + 600 + 100 + 19 * 1 + 1 * 30 + 400
    assert found.pixels.iou() == pytest.approx(common / union, rel=0.02)
    sure = score_files(ours, truth, image, Rules(confidence=0.5)).buildings
    assert sure is not None and sure.pooled.fp == 0


def test_confidence_comes_from_other_ground(tmp_path: Path) -> None:
    image = scene(tmp_path / "scene.tif")
    truth = houses(tmp_path / "truth.gpkg", *TWO)
    ours = houses(tmp_path / "ours.gpkg", *TWO, (80, 10, 100, 30), scores=[0.9, 0.4, 0.3])
    other = houses(tmp_path / "other.gpkg", *TWO, (80, 10, 100, 30), scores=[0.9, 0.8, 0.6])
    found = score_files(ours, truth, image, validation=(other, truth, image))
    assert found.chosen == (0.8, "validation")
    assert found.buildings is not None and found.buildings.pooled.fn == 1  # and is not tuned to this ground


def test_folders_are_paired_by_image(tmp_path: Path) -> None:
    for folder in ("truth", "ours", "images"):
        (tmp_path / folder).mkdir()
    for number in (1, 2):
        scene(tmp_path / "images" / f"RGB-PanSharpen_AOI_9_Kampala_img{number}.tif")
        houses(tmp_path / "truth" / f"buildings_AOI_9_Kampala_img{number}.geojson", *TWO)
    houses(tmp_path / "ours" / "AOI_9_Kampala_img1.gpkg", *TWO)
    (tmp_path / "truth" / "buildings_AOI_9_Kampala_img2.geojson").write_bytes(b"")
    found = score_files(tmp_path / "ours", tmp_path / "truth", tmp_path / "images").buildings
    assert found is not None
    assert {name: (c.tp, c.fp, c.fn) for name, c in found.images.items()} == {
        "AOI_9_Kampala_img1": (2, 0, 0),
        "AOI_9_Kampala_img2": (0, 0, 0),
    }
    assert list(found.cities) == ["AOI_9_Kampala"]


def test_a_submission_in_pixels_against_a_map(tmp_path: Path) -> None:
    image = scene(tmp_path / f"PAN_{NAME}.tif")
    truth = houses(tmp_path / "truth.geojson", *TWO)
    write_buildings(tmp_path / "ours.csv", {NAME: [Building(shapely.box(*TWO[0]))]})
    found = score_files(tmp_path / "ours.csv", truth, image).buildings
    assert found is not None and (found.pooled.tp, found.pooled.fn) == (1, 1)
    with pytest.raises(GeoError, match="--image"):
        score_files(tmp_path / "ours.csv", truth)


def test_roads_of_all_kinds(tmp_path: Path) -> None:
    image = scene(tmp_path / f"{NAME}.tif")
    path = shapely.LineString([(10, 50), (60, 50), (110, 60)])
    place = place_of(image)
    write_features(tmp_path / "truth.gpkg", Features(place.to_map([path]), [{}], place.crs))
    write_features(tmp_path / "ours.geojson", Features(place.to_map([path]), [{}], place.crs))
    write_roads(tmp_path / "ours.csv", {NAME: [path]})
    for ours in ("ours.geojson", "ours.csv"):
        found = score_files(tmp_path / ours, tmp_path / "truth.gpkg", image)
        assert found.apls == pytest.approx(1.0, abs=1e-4)
        assert sum(road.truth_length for road in found.roads.values()) == pytest.approx(path.length / 2, rel=1e-3)
    both = score_files(tmp_path / "ours.csv", tmp_path / "ours.csv", image)
    assert both.apls == 1.0 and both.roads[NAME].truth_length == pytest.approx(path.length / 2, rel=2e-3)


def test_a_raster_of_probabilities(tmp_path: Path) -> None:
    values = np.zeros((100, 120), np.uint8)
    values[10:30, 10:30] = 200
    values[50:80, 50:70] = 100
    values[0:10, 100:120] = 90
    raster, truth = scene(tmp_path / "p.tif", values), houses(tmp_path / "truth.gpkg", *TWO)
    default = score_files(raster, truth)
    assert default.pixels is not None and default.pixels.iou(0.5) == 400 / 1000
    tuned = score_files(raster, truth, validation=(raster, truth, None))
    assert tuned.chosen is not None and tuned.chosen[1] == "validation" and 90 < tuned.chosen[0] * 255 <= 100
    assert tuned.to_json()["pixel_iou"] == 1.0
    mask = scene(tmp_path / "m.tif", np.asarray(values > 95, np.uint8))
    assert score_files(mask, truth).to_json()["pixel_iou"] == 1.0
    floats = scene(tmp_path / "f.tif", np.asarray(values / 255, np.float32))
    assert score_files(floats, truth, rules=Rules(threshold=0.38)).to_json()["pixel_iou"] == 1.0
    with pytest.raises(GeoError, match="uint16"):
        score_files(scene(tmp_path / "u.tif"), truth)


def test_pixels_are_counted_across_blocks() -> None:
    wide = [shapely.box(1000, 20, 1100, 1060)]
    counts = count_shapes(wide, [shapely.box(1000, 20, 1050, 1060)], (1100, 2100))
    assert counts.iou() == 0.5 and counts.inside.sum() == 100 * 1040


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["ours.gpkg", "--truth", "truth.gpkg"], "--pixel-size"),
        (["ours.gpkg", "--truth", "far.gpkg", "--image", "scene.tif"], "does not touch"),
        (["ours.gpkg", "--truth", "none.gpkg", "--image", "scene.tif"], "missing"),
        (["ours.gpkg", "--truth", "truth.gpkg", "--image", "ours.gpkg"], "cannot be opened as a raster"),
        (["ours.gpkg", "--truth", "truth.gpkg", "--validation", "ours.gpkg"], "go together"),
        (["ours.gpkg", "--truth", "truth.gpkg", "--pixel-size", "0"], "above 0"),
    ],
)
def test_errors_name_the_file_and_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    scene(tmp_path / "scene.tif")
    houses(tmp_path / "truth.gpkg", *TWO)
    houses(tmp_path / "ours.gpkg", *TWO)
    houses(tmp_path / "far.gpkg", (9000, 9000, 9100, 9100))
    assert main(["geo", "score", *words]) == 1
    assert says in capsys.readouterr().err
