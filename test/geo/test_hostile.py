"""Files as others leave them: read where their meaning is plain, else refused by name, with the cause and a cure."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from numpy.typing import NDArray

from afss_ros.geo import bands, spacenet
from afss_ros.geo.chips import Cut, Scene, chip
from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Window
from afss_ros.geo.predict import Job, predict
from afss_ros.geo.raster import Raster
from afss_ros.geo.spacenet_tables import read_buildings, read_roads
from afss_ros.geo.stretch import Stretch
from afss_ros.geo.vectors import Features, read_features, require_overlap, wkt_of

UTM = "EPSG:32636"
HOUSES = [shapely.box(450_000 + x, 36_000, 450_010 + x, 36_008) for x in (0, 20)]


def vectors(
    path: Path, shapes: list[Any], driver: str, kind: str = "Polygon", layer: str | None = None, **more: Any
) -> Path:
    names = np.array(["Zürich"] * len(shapes), object)
    geometry = np.array([None if s is None else shapely.to_wkb(s) for s in shapes], object)
    pyogrio.raw.write(
        path, geometry, [names], ["name"], driver=driver, geometry_type=kind, layer=layer, **({"crs": UTM} | more)
    )
    return path


def raster(path: Path, pixels: NDArray[Any], **more: Any) -> Path:
    place = rasterio.Affine(0.5, 0, 449_990, 0, -0.5, 36_020)
    profile = {"driver": "GTiff", "count": len(pixels), "height": pixels.shape[1], "width": pixels.shape[2]}
    with rasterio.open(path, "w", dtype=pixels.dtype, crs=UTM, transform=place, **(profile | more)) as file:
        file.write(pixels)
    return path


@pytest.mark.parametrize("kind", ["POLYGONZ", "POLYGONM", "POLYGONZM", "no dbf", "wrong encoding", "upper case"])
def test_shapefiles_that_are_whole_enough_are_read(tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    options: dict[str, Any] = {"layer_options": {"SHPT": kind}} if kind.startswith("POLYGON") else {}
    path = vectors(tmp_path / "h.shp", [*HOUSES, None], "ESRI Shapefile", encoding="ISO-8859-1", **options)
    if kind == "no dbf":
        path.with_suffix(".dbf").unlink()
    elif kind == "wrong encoding":
        path.with_suffix(".cpg").write_text("UTF-8")
    elif kind == "upper case":
        for each in tmp_path.iterdir():
            each.rename(tmp_path / f"H{each.suffix.upper()}")
        path = tmp_path / "H.SHP"
    with caplog.at_level(logging.WARNING):
        features = read_features(path)
    assert [g.area for g in features.geometries] == [80, 80] and not features.geometries[0].has_z
    assert "1 of 3 features have no polygon" in caplog.text
    assert ("Latin-1" in caplog.text) == (kind == "wrong encoding")
    if kind != "no dbf":
        assert features.properties[0]["name"] == "Zürich"


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("shx", "h.shx is missing beside it"),
        ("prj", "put its .prj beside it"),
        ("cut", "is cut short, it has .* bytes of"),
    ],
)
def test_shapefiles_that_are_not_say_what_is_missing(tmp_path: Path, broken: str, told: str) -> None:
    path = vectors(tmp_path / "h.shp", HOUSES, "ESRI Shapefile")
    if broken == "cut":
        path.write_bytes(path.read_bytes()[:-60])
    else:
        path.with_suffix(f".{broken}").unlink()
    with pytest.raises(GeoError, match=rf"h\.shp: .*{told}"):
        read_features(path, UTM)


@pytest.mark.parametrize("first", ["points", "nothing", "lines"])
def test_of_several_layers_the_one_with_footprints_is_read(
    tmp_path: Path, first: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "city.gpkg"
    others: dict[str, tuple[list[Any], str]] = {
        "points": ([shapely.Point(1, 2)], "Point"),
        "nothing": ([], "Polygon"),
        "lines": ([shapely.LineString([(0, 0), (9, 9)])], "LineString"),
    }
    vectors(path, others[first][0], "GPKG", others[first][1], layer=first)
    vectors(path, HOUSES, "GPKG", layer="houses")
    assert len(read_features(path)) == 2
    assert f"has layers {first}, houses; houses is read" in caplog.text
    assert len(read_features(path, layer=first)) if first == "lines" else True
    with pytest.raises(GeoError, match=f"no layer 'roads', but {first}, houses"):
        read_features(path, layer="roads")


def test_what_holds_no_footprints_is_not_taken_for_empty_ground(tmp_path: Path) -> None:
    points = vectors(tmp_path / "p.fgb", [shapely.Point(1, 2)], "FlatGeobuf", "Point")
    with pytest.raises(GeoError, match=r"p\.fgb: none of its 1 features .* they are Point; give footprints"):
        read_features(points)
    table = tmp_path / "t.gpkg"
    pyogrio.raw.write(table, None, [np.array([1])], ["a"], driver="GPKG", geometry_type=None, crs=None)
    with pytest.raises(GeoError, match=r"t\.gpkg: has no layer of shapes"):
        read_features(table)
    cut = vectors(tmp_path / "c.fgb", HOUSES, "FlatGeobuf")
    cut.write_bytes(cut.read_bytes()[:100])
    with pytest.raises(GeoError, match=r"c\.fgb: has no layer of shapes; it is cut short"):
        read_features(cut)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it has no CRS
        lost = vectors(tmp_path / "n.fgb", HOUSES, "FlatGeobuf", crs=None)
    with pytest.raises(GeoError, match=r"n\.fgb: .* no CRS, .*ogr2ogr -a_srs"):
        read_features(lost, UTM)


def test_exchanged_latitudes_and_longitudes_are_recognised() -> None:
    bounds = (32.55, 0.32, 32.57, 0.34)
    exchanged = Features([shapely.box(0.325, 32.555, 0.326, 32.556)], crs=wkt_of("EPSG:4326"))
    with pytest.raises(GeoError, match=r"longitude 0\.32500 to .* latitudes and longitudes are exchanged"):
        require_overlap(exchanged, bounds, vectors="h.geojson", raster="scene.tif")
    elsewhere = Features([shapely.box(1.325, 32.555, 1.326, 32.556)], crs=wkt_of("EPSG:4326"))
    with pytest.raises(GeoError, match="take the labels of this scene"):
        require_overlap(elsewhere, bounds, vectors="h.geojson", raster="scene.tif")


def test_a_picture_of_a_palette_s_numbers_is_refused(tmp_path: Path) -> None:
    path = raster(tmp_path / "p.tif", np.ones((1, 40, 40), np.uint8))
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, {1: (255, 0, 0, 255)})
    with Raster(path) as opened, pytest.raises(GeoError, match=r"p\.tif: .*palette.* -expand rgb"):
        bands.numbers(opened)


def test_where_nothing_holds_data_the_scene_is_named(tmp_path: Path) -> None:
    path = raster(tmp_path / "dark.tif", np.zeros((3, 40, 40), np.uint16))
    with pytest.raises(GeoError, match=r"dark\.tif: no pixel holds data"):
        chip([Scene(path)], tmp_path / "set", Cut(size=32, overlap=0))
    assert not (tmp_path / "set").exists()


def test_a_map_does_not_take_a_folder_s_name(tmp_path: Path) -> None:
    path = raster(tmp_path / "a.tif", np.ones((3, 40, 40), np.uint8))
    (tmp_path / "out").mkdir()
    job = Job(path, tmp_path / "out", Stretch((0,) * 3, (255,) * 3), ("a",), 32, 0)
    with pytest.raises(GeoError, match=r"out: is a folder; name a file in it"):
        predict(job, [lambda picture: np.zeros((1, 32, 32), np.float32)])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tif", "out"]


def test_what_is_wrong_with_a_raster_is_what_gdal_said_first(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(1, 255, (3, 200, 200)).astype(np.uint8)
    path = raster(tmp_path / "a.tif", noise, compress="deflate")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with Raster(path) as opened, pytest.raises(GeoError, match=r"a\.tif: rows 0 to 200 cannot be read") as told:
        opened.read(Window(0, 0, 200, 200))
    assert "See previous exception" not in str(told.value)


def test_spacenet_folders_of_other_spelling(tmp_path: Path) -> None:
    city = tmp_path / "train" / "AOI_3_Paris"
    (city / "PS-RGB").mkdir(parents=True)
    (city / "geojson_roads").mkdir()
    for name in ("PS-RGB/x_img7.TIF", "PS-RGB/._x_img7.tif", "PS-RGB/x_img8.tiff", "geojson_roads/x_img7.GeoJSON"):
        (city / name).touch()
    found = spacenet.read(city, labels="roads")
    assert [s.image.name for s in found.scenes] == ["x_img7.TIF", "x_img8.tiff"]
    assert [s.labels is not None for s in found.scenes] == [True, False]
    with pytest.raises(GeoError, match="has labels of roads and none of buildings"):
        spacenet.read(city)
    with pytest.raises(GeoError, match="give one city: AOI_3_Paris"):
        spacenet.read(tmp_path / "train")


def test_a_row_without_an_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('ImageId,BuildingId,PolygonWKT_Pix,Confidence\n,0,"POLYGON ((0 0,9 0,9 9,0 0))",1\n')
    with pytest.raises(GeoError, match=r"t\.csv: a row has no ImageId"):
        read_buildings(path)
    path.write_text('ImageId,WKT_Pix\n,"LINESTRING (0 0,9 0)"\n')
    with pytest.raises(GeoError, match=r"t\.csv: a row has no ImageId"):
        read_roads(path)
    path.write_text('ImageId,WKT_Pix\nAOI_2_Vegas_img1,"LINESTRING (0 0)"\n')
    with pytest.raises(GeoError, match=r"is no WKT \([^\n]*\)$"):
        read_roads(path)
