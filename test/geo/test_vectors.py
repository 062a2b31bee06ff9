"""Vector files of every kind come in as valid plane shapes on the right spot, and go out for other programs."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely

from afss_ros.geo.errors import GeoError
from afss_ros.geo.vectors import Features, move, read_features, require_overlap, wkt_of, write_features

UTM = "EPSG:32636"  # Kampala
HOUSE = [(32.56, 0.35), (32.5601, 0.35), (32.5601, 0.3501), (32.56, 0.3501)]


def geojson(path: Path, *geometries: Any, **members: Any) -> Path:
    rows = [{"type": "Feature", "properties": {"id": i}, "geometry": g} for i, g in enumerate(geometries)]
    path.write_text(json.dumps({"type": "FeatureCollection", **members, "features": rows}))
    return path


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[list(point) for point in (*ring, ring[0])] for ring in rings]}


@pytest.mark.parametrize("suffix", ["gpkg", "geojson"])
def test_what_is_written_is_read_again(tmp_path: Path, suffix: str) -> None:
    shapes = [
        shapely.box(450000, 38000, 450010, 38010, ccw=False).difference(shapely.box(450002, 38002, 450004, 38004)),
        shapely.MultiPolygon([shapely.box(450020, 38000, 450030, 38010), shapely.box(450040, 38000, 450050, 38010)]),
    ]
    rows: list[dict[str, Any]] = [
        {"id": 7, "score": 0.5, "name": "Aïda", "ok": True},
        {"id": None, "score": None, "name": None, "ok": False},
    ]
    path = tmp_path / f"out.{suffix}"
    write_features(path, Features(shapes, rows, wkt_of(UTM)))
    back = read_features(path, wkt_of(UTM))
    assert [shape.geom_type for shape in back.geometries] == ["Polygon", "MultiPolygon"]
    for drawn, found in zip(shapes, back.geometries, strict=True):
        assert shapely.symmetric_difference(drawn, found).area < 0.5  # GeoJSON keeps seven digits
    assert [{**row, "ok": bool(row["ok"])} for row in back.properties] == rows
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_geopackage_keeps_a_crs_without_a_code(tmp_path: Path) -> None:
    custom = wkt_of("+proj=laea +lat_0=12 +lon_0=33 +x_0=100 +y_0=5 +ellps=GRS80 +units=m")
    write_features(tmp_path / "a.gpkg", Features([shapely.box(0, 0, 5, 5)], [{}], custom))
    back = read_features(tmp_path / "a.gpkg")
    (moved,) = move(back.geometries, back.crs, custom)
    assert shapely.hausdorff_distance(moved, shapely.box(0, 0, 5, 5)) < 1e-6


def test_geojson_is_as_rfc_7946_wants_it(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    write_features(path, Features([shapely.box(450000, 38000, 450010, 38010, ccw=False)], [{"a": 1}], wkt_of(UTM)))
    content = json.loads(path.read_text())
    (ring,) = content["features"][0]["geometry"]["coordinates"]
    assert "crs" not in content
    assert shapely.LinearRing(ring).is_ccw and 32 < ring[0][0] < 33 and 0 < ring[0][1] < 1


@pytest.mark.parametrize(
    ("name", "driver"),
    [("a.shp", "ESRI Shapefile"), ("a.fgb", "FlatGeobuf"), ("a.gpkg", "GPKG"), ("a.json", "GeoJSON")],
)
def test_the_formats_of_others(tmp_path: Path, name: str, driver: str) -> None:
    square = shapely.box(450000, 38000, 450010, 38010)
    pyogrio.raw.write(
        tmp_path / name, shapely.to_wkb(np.array([square], object)), [np.array([3])], ["floors"],
        geometry_type="Polygon", crs=UTM, driver=driver,
    )  # fmt: skip
    found = read_features(tmp_path / name, wkt_of(UTM))
    assert shapely.hausdorff_distance(found.geometries[0], square) < 0.02
    assert found.properties == [{"floors": 3}]


def test_x_comes_first_whatever_the_authority_says(tmp_path: Path) -> None:
    path = geojson(tmp_path / "a.geojson", polygon(HOUSE))
    (house,) = read_features(path, UTM).geometries
    assert house.centroid.x == pytest.approx(451044, abs=30) and house.centroid.y == pytest.approx(38690, abs=30)
    # A CRS of latitude first, and one whose northing comes first.
    (degrees,) = read_features(path, "EPSG:4258").geometries
    assert degrees.centroid.x == pytest.approx(32.56005, abs=1e-6)


def test_heights_go_and_a_building_of_parts_is_one(tmp_path: Path) -> None:
    high = polygon([(x, y, 0.0) for x, y in HOUSE])
    parts = {
        "type": "MultiPolygon",
        "coordinates": [high["coordinates"], polygon([(x + 1, y) for x, y in HOUSE])["coordinates"]],
    }
    found = read_features(geojson(tmp_path / "a.geojson", parts, high), UTM)
    assert [shape.geom_type for shape in found.geometries] == ["MultiPolygon", "Polygon"]
    assert not any(shape.has_z for shape in found.geometries)


def test_invalid_rings_are_repaired(tmp_path: Path) -> None:
    bow = polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    unclosed = {"type": "Polygon", "coordinates": [[[2, 0], [3, 0], [3, 1], [2, 1]]]}
    spike = polygon([(4, 0), (5, 0), (5, 1), (5, 3), (5, 1), (4, 1)])
    found = read_features(geojson(tmp_path / "a.geojson", bow, unclosed, spike))
    assert [round(shape.area, 9) for shape in found.geometries] == [0.5, 1.0, 1.0]
    assert all(shape.is_valid for shape in found.geometries)
    assert [shape.geom_type for shape in found.geometries] == ["MultiPolygon", "Polygon", "Polygon"]


def test_what_is_no_shape_is_left_out_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = geojson(
        tmp_path / "a.geojson", polygon(HOUSE), polygon(HOUSE), None, {"type": "Point", "coordinates": [0, 0]},
        {"type": "Polygon", "coordinates": []}, {"type": "LineString", "coordinates": [[0, 0], [0, 0]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0], [0, 0]]]},
    )  # fmt: skip
    with caplog.at_level(logging.WARNING):
        found = read_features(path)
    assert found.properties == [{"id": 0}]
    assert "5 of 7 features" in caplog.text and "1 features are exact copies" in caplog.text
    assert len(read_features(path, duplicates="keep")) == 2


@pytest.mark.parametrize("content", [b"", b" \n", b'{"type": "FeatureCollection", "features": []}'])
def test_no_features_are_no_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "none.geojson"
    path.write_bytes(content)
    found = read_features(path, UTM)
    assert (found.geometries, found.properties, found.crs) == ([], [], wkt_of(UTM))
    for name in ("a.gpkg", "a.geojson"):
        write_features(tmp_path / name, found)
        assert len(read_features(tmp_path / name)) == 0


@pytest.mark.parametrize("content", [b"{}", b'{"type": "FeatureCollection", "features": [{"ty', b"\x00\x01" * 99])
def test_a_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.geojson"
    path.write_bytes(content)
    with pytest.raises(GeoError, match=r"broken\.geojson.*give a GeoJSON"):
        read_features(path)


def test_labels_that_miss_the_raster_say_where_both_lie(tmp_path: Path) -> None:
    there = read_features(geojson(tmp_path / "a.geojson", polygon(HOUSE)), UTM)
    assert there.bounds is not None
    require_overlap(there, there.bounds, vectors="a.geojson", raster="scene.tif")
    with pytest.raises(GeoError, match=r"a\.geojson.*scene\.tif.*longitude 32\.56000 to 32\.56.*longitude 30\.0"):
        require_overlap(there, (166100, 0, 166200, 100), vectors="a.geojson", raster="scene.tif")


def test_pixels_are_on_no_map(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "ImageId,BuildingId,PolygonWKT_Pix,Confidence\n"
        'AOI_2_Vegas_img1,0,"POLYGON ((0 0 0,9 0 0,9 9 0,0 0 0))",2\nAOI_2_Vegas_img2,-1,POLYGON EMPTY,1\n'
    )
    found = read_features(path)
    assert found.properties == [{"ImageId": "AOI_2_Vegas_img1", "BuildingId": 0, "Confidence": 2}]
    assert found.crs == ""
    with pytest.raises(GeoError, match="pixels of an image"):
        read_features(path, UTM)


def test_a_csv_of_truth_lies_on_the_map(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "ImageId,BuildingId,PolygonWKT_Pix,PolygonWKT_Geo\n"
        'i,1,"POLYGON ((0 0,9 0,9 9,0 0))","POLYGON ((32.56 0.35 0,32.5601 0.35 0,32.5601 0.3501 0,32.56 0.35 0))"\n'
    )
    assert read_features(path, UTM).geometries[0].area == pytest.approx(61.5, rel=0.02)


@pytest.mark.parametrize("text", ["ImageId,x\na,b\n", "WKT_Pix\nLINESTRING (0 0, 1 1)\n", "WKT_Pix\nnonsense\n"])
def test_a_csv_that_is_none_says_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(GeoError, match=r"bad\.csv"):
        read_features(path)


def test_a_shape_over_the_antimeridian_is_cut_and_joined_again(tmp_path: Path) -> None:
    fiji = wkt_of("EPSG:3832")  # its x is 0 at 150 degrees east
    x = 30 * 111319.49  # the antimeridian
    over, beside = shapely.box(x - 50, -2000000, x + 70, -1999900), shapely.box(x - 90, -2000000, x - 60, -1999900)
    path = tmp_path / "fiji.geojson"
    write_features(path, Features([over, beside], [{"id": 1}, {"id": 2}], fiji))
    cut, plain = json.loads(path.read_text())["features"]
    assert (cut["geometry"]["type"], plain["geometry"]["type"]) == ("MultiPolygon", "Polygon")
    west, east = sorted(shapely.geometry.shape(cut["geometry"]).geoms, key=lambda part: float(part.bounds[0]))
    assert west.bounds[0] == -180 and east.bounds[2] == 180
    assert max(west.bounds[2] + 180, 180 - east.bounds[0]) < 0.001
    back = read_features(path, fiji)
    assert [shape.geom_type for shape in back.geometries] == ["Polygon", "Polygon"]
    assert shapely.hausdorff_distance(back.geometries[0], over) < 0.05


def test_what_is_drawn_in_degrees_is_not_cut(tmp_path: Path) -> None:
    write_features(tmp_path / "a.geojson", Features([shapely.box(-180, -60, 180, 60)], [{}], wkt_of("EPSG:4326")))
    assert read_features(tmp_path / "a.geojson").geometries[0].area == pytest.approx(360 * 120)


def test_a_geopackage_grows(tmp_path: Path) -> None:
    for index in range(2):
        square = shapely.box(index, 0, index + 0.5, 1)
        write_features(tmp_path / "a.gpkg", Features([square], [{"id": index}], wkt_of(UTM)), append=True)
    assert [row["id"] for row in read_features(tmp_path / "a.gpkg").properties] == [0, 1]


def test_refusals_leave_nothing(tmp_path: Path) -> None:
    there = Features([shapely.box(0, 0, 1, 1)], [{}], wkt_of(UTM))
    with pytest.raises(GeoError, match=r"\.gpkg"):
        write_features(tmp_path / "a.shp", there)
    with pytest.raises(GeoError, match="no CRS"):
        write_features(tmp_path / "a.gpkg", Features([shapely.box(0, 0, 1, 1)]))
    with pytest.raises(GeoError, match="missing"):
        read_features(tmp_path / "b.gpkg")
    (tmp_path / "full").write_text("")
    with pytest.raises(GeoError, match="full"):
        write_features(tmp_path / "full" / "a.gpkg", there)
    assert [path.name for path in tmp_path.iterdir()] == ["full"]
