"""What other tools trip over: each row of the list of reported traps that no other test of this folder has."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
import shapely
from numpy.typing import NDArray

from afss_ros import datasets
from afss_ros.cli.app import main
from afss_ros.geo import raster as rasters
from afss_ros.geo.chips import Cut, Scene, chip
from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Grid, Window
from afss_ros.geo.outlines import Rules
from afss_ros.geo.predict import Job, predict
from afss_ros.geo.raster import Raster
from afss_ros.geo.stretch import Stretch
from afss_ros.geo.vectorise import vectorise
from afss_ros.geo.vectors import Features, read_features, wkt_of, write_features

UTM = "EPSG:32633"
AFFINE = rasterio.Affine(0.5, 0, 600_000, 0, -0.5, 5_000_000)
OWN = "+proj=laea +lat_0=45.1234 +lon_0=17.4321 +datum=WGS84 +units=m +no_defs"
FLAT = Stretch((0,) * 3, (255,) * 3)


def write(
    path: Path, pixels: NDArray[Any], crs: str = UTM, affine: rasterio.Affine = AFFINE, **more: Any
) -> tuple[Path, Grid]:
    profile = {"driver": "GTiff", "count": len(pixels), "height": pixels.shape[1], "width": pixels.shape[2],
               "dtype": pixels.dtype, "crs": crs, "transform": affine}  # fmt: skip
    with rasterio.open(path, "w", **(profile | more)) as file:
        file.write(pixels)
    return path, Grid(wkt_of(crs), tuple(affine[:6]), *pixels.shape[1:])


def picture(height: int = 96, width: int = 128, kind: Any = np.uint8) -> NDArray[Any]:
    return np.random.default_rng(0).integers(40, 220, (3, height, width)).astype(kind)


def houses(path: Path, grid: Grid, *boxes: tuple[float, float, float, float]) -> Path:
    shapes = [shapely.transform(shapely.box(*box), grid.to_map) for box in boxes]
    write_features(path, Features(shapes, crs=grid.crs))
    return path


def bright(shown: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(shown[..., :1].astype(np.float32).transpose(2, 0, 1) / 255)


def mosaic(path: Path, left: Path, right: Path, width: int, height: int) -> Path:
    """A VRT of two neighbours, as gdalbuildvrt writes it."""
    sources = [(left, 0), (right, width)]
    bands = "".join(
        f'<VRTRasterBand dataType="Byte" band="{band}">'
        + "".join(
            f'<SimpleSource><SourceFilename relativeToVRT="1">{source.name}</SourceFilename><SourceBand>{band}'
            f'</SourceBand><SrcRect xOff="0" yOff="0" xSize="{width}" ySize="{height}"/>'
            f'<DstRect xOff="{at}" yOff="0" xSize="{width}" ySize="{height}"/></SimpleSource>'
            for source, at in sources
        )
        + "</VRTRasterBand>"
        for band in (1, 2, 3)
    )
    place = ", ".join(repr(float(v)) for v in AFFINE.to_gdal())
    path.write_text(
        f'<VRTDataset rasterXSize="{2 * width}" rasterYSize="{height}"><SRS>{UTM}</SRS>'
        f"<GeoTransform>{place}</GeoTransform>{bands}</VRTDataset>"
    )
    return path


def test_a_mosaic_is_one_picture_and_its_chips_join_again(tmp_path: Path) -> None:
    whole = picture(96, 256)
    left, _ = write(tmp_path / "left.tif", whole[:, :, :128])
    right, _ = write(tmp_path / "right.tif", whole[:, :, 128:], affine=AFFINE @ rasterio.Affine.translation(128, 0))
    scene = mosaic(tmp_path / "scene.vrt", left, right, 128, 96)
    assert chip([Scene(scene)], tmp_path / "set", Cut(64, 16), FLAT) == 2 * 5
    again = np.zeros((96, 256, 3), np.uint8)
    for sample in datasets.load(tmp_path / "set"):
        window = Window(*sample.attributes["geo"]["window"])
        again[window.slices] = sample.read_image()
    assert (again == np.moveaxis(whole, 0, 2)).all()  # last row and column too
    predict(Job(scene, tmp_path / "p.tif", FLAT, ("b",), 64, 16), [bright])
    with rasterio.open(tmp_path / "p.tif") as file:
        assert np.abs(file.read(1).astype(int) - whole[0]).max() <= 1


def test_a_mosaic_that_lacks_a_file_names_what_cannot_be_read(tmp_path: Path) -> None:
    left, _ = write(tmp_path / "left.tif", picture(96, 128))
    scene = mosaic(tmp_path / "scene.vrt", left, tmp_path / "gone.tif", 128, 96)
    with pytest.raises(GeoError, match=r"scene\.vrt"), Raster(scene) as raster:
        raster.read(Window(0, 100, 50, 50))


@pytest.mark.parametrize("kind", ["bigtiff", "cog", "striped", "jpeg"])
def test_files_of_every_layout_read_alike(tmp_path: Path, kind: str) -> None:
    pixels = np.repeat(np.repeat(picture(40, 48), 16, axis=1), 16, axis=2)
    layouts: dict[str, dict[str, Any]] = {
        "bigtiff": {"BIGTIFF": "YES", "tiled": True, "blockxsize": 256, "blockysize": 256},
        "cog": {},
        "striped": {"interleave": "pixel"},
        "jpeg": {"compress": "jpeg", "photometric": "YCBCR", "interleave": "pixel", "tiled": True},
    }
    path, _ = write(tmp_path / "a.tif", pixels, **layouts[kind])
    if kind == "cog":
        rasterio.shutil.copy(str(path), str(tmp_path / "cog.tif"), driver="COG", BLOCKSIZE="128")
        path = tmp_path / "cog.tif"
    if kind == "bigtiff":
        assert path.read_bytes()[2:4] == b"\x2b\x00"
    with Raster(path, zero_is_empty=False) as raster:
        block = raster.read(Window(600, 700, 60, 90))
        assert raster.facts()["overviews"] or kind != "cog"
    assert block.valid[:40, :68].all() and not block.valid[40:].any() and not block.valid[:, 68:].any()
    with rasterio.open(path) as file:
        whole = file.read()
    # What a JPEG keeps of its pixels hangs on the library.
    assert kind == "jpeg" or (whole == pixels).all()
    assert (block.pixels[:, :40, :68] == whole[:, 600:, 700:]).all()


def test_what_is_written_may_grow_beyond_four_gigabytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, _ = write(tmp_path / "a.tif", picture())
    labels = houses(tmp_path / "l.geojson", Grid(wkt_of(UTM), tuple(AFFINE[:6]), 96, 128), (10, 10, 30, 30))
    seen: list[str] = []
    real_open, real_copy = rasterio.open, rasterio.shutil.copy

    def spy_open(path: Any, mode: str = "r", **profile: Any) -> Any:
        if mode == "w":
            seen.append(profile.get("BIGTIFF", ""))
        return real_open(path, mode, **profile)

    def spy_copy(*args: Any, **options: Any) -> Any:
        seen.append(options.get("BIGTIFF", ""))
        return real_copy(*args, **options)

    monkeypatch.setattr(rasterio, "open", spy_open)
    monkeypatch.setattr(rasterio.shutil, "copy", spy_copy)
    predict(Job(scene, tmp_path / "p.tif", FLAT, ("b",), 64, 16), [bright])
    assert main(["geo", "rasterise", str(labels), "--like", str(scene), "--out", str(tmp_path / "m.tif")]) == 0
    assert len(seen) >= 3 and set(seen) == {"IF_SAFER"}


def test_gdal_s_cache_is_bounded_and_left_as_it_was() -> None:
    with rasterio.Env(GDAL_CACHEMAX=17):
        with rasters.bounded():
            assert rasterio.env.getenv()["GDAL_CACHEMAX"] == rasters.CACHE_MB
        assert rasterio.env.getenv()["GDAL_CACHEMAX"] == 17


def test_a_crs_without_a_code_goes_all_the_way(tmp_path: Path) -> None:
    scene, grid = write(tmp_path / "a.tif", picture(), OWN)
    labels = houses(tmp_path / "l.gpkg", grid, (20, 20, 60, 50))
    assert chip([Scene(scene, labels)], tmp_path / "set", Cut(64, 0)) == 4
    values = np.zeros((1, 96, 128), np.uint8)
    values[0, 20:50, 20:60] = 255
    write(tmp_path / "bright.tif", np.repeat(values, 3, axis=0), OWN)
    predict(Job(tmp_path / "bright.tif", tmp_path / "p.tif", FLAT, ("b",), 64, 16, zero_is_empty=False), [bright])
    for name in ("o.gpkg", "o.geojson"):
        assert vectorise(tmp_path / "p.tif", tmp_path / name) == 1
        (shape,) = read_features(tmp_path / name, OWN).geometries
        (truth,) = read_features(labels, OWN).geometries
        assert shape.hausdorff_distance(truth) < 0.25


def test_labels_in_another_zone_land_on_the_same_houses(tmp_path: Path) -> None:
    scene, grid = write(tmp_path / "a.tif", picture())
    here = houses(tmp_path / "here.gpkg", grid, (10, 10, 40, 30), (70, 50, 100, 80))
    masks = []
    for name, crs in (("lonlat.geojson", "EPSG:4326"), ("zone32.gpkg", "EPSG:32632"), ("mercator.gpkg", "EPSG:3857")):
        write_features(tmp_path / name, read_features(here, crs))
        out = tmp_path / f"{name}.tif"
        assert main(["geo", "rasterise", str(tmp_path / name), "--like", str(scene), "--out", str(out)]) == 0
        with rasterio.open(out) as file:
            masks.append(file.read(1))
    assert masks[0].sum() == 255 * (30 * 20 + 30 * 30)
    assert all((mask == masks[0]).all() for mask in masks)


def test_metres_in_a_geojson_without_a_crs_are_the_raster_s(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    scene, grid = write(tmp_path / "a.tif", picture())
    ring = grid.to_map(np.array([[10, 10], [40, 10], [40, 30], [10, 30], [10, 10]], float)).tolist()
    document = {"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}]}  # fmt: skip
    (tmp_path / "old.geojson").write_text(json.dumps(document))
    with caplog.at_level(logging.WARNING):
        assert chip([Scene(scene, tmp_path / "old.geojson")], tmp_path / "set", Cut(64, 0)) == 4
    assert "declares no CRS" in caplog.text
    assert sum((s.read_labels() == 1).sum() for s in datasets.load(tmp_path / "set")) >= 600


@pytest.mark.parametrize("content", [b"", b'{"type": "FeatureCollection", "features": []}'])
def test_a_scene_without_objects_is_ground_not_unknown(tmp_path: Path, content: bytes) -> None:
    scene, _ = write(tmp_path / "a.tif", picture())
    (tmp_path / "none.geojson").write_bytes(content)
    assert chip([Scene(scene, tmp_path / "none.geojson")], tmp_path / "set", Cut(64, 0)) == 4
    labels = np.concatenate([s.read_labels().ravel() for s in datasets.load(tmp_path / "set")])
    assert not labels.any()


def test_a_building_is_one_instance_whatever_cuts_it(tmp_path: Path) -> None:
    scene, grid = write(tmp_path / "a.tif", picture(64, 64))
    wings = shapely.MultiPolygon([shapely.box(5, 5, 15, 15), shapely.box(20, 5, 30, 15)])
    yard = shapely.box(35, 35, 60, 60).difference(shapely.box(42, 42, 52, 52))
    bow = shapely.Polygon([(5, 40), (25, 60), (25, 40), (5, 60)])  # crosses itself: valid, it is two triangles
    shapes = [shapely.transform(shape, grid.to_map) for shape in (wings, yard, bow)]
    high = [shapely.force_3d(shape, 7.0) for shape in shapes]
    document = {"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"id": i}, "geometry": json.loads(shapely.to_geojson(shape))}
        for i, shape in enumerate([*high, high[0]])]}  # fmt: skip
    (tmp_path / "l.geojson").write_text(json.dumps(document))
    assert chip([Scene(scene, tmp_path / "l.geojson")], tmp_path / "set", Cut(64, 0)) == 1
    (sample,) = datasets.load(tmp_path / "set")
    labels = sample.read_labels()
    assert not labels[45, 47] and labels[38, 38] == 1
    masks = [instance.mask() for instance in sample.instances or ()]
    areas = [int(mask.sum()) for mask in masks if mask is not None]
    assert areas == pytest.approx([200, 525, 200], abs=20) and len(areas) == 3  # the copy of the first is left out


def test_windows_of_degrees_are_pixels(tmp_path: Path) -> None:
    degrees = rasterio.Affine(2.7e-6, 0, -115.2, 0, -2.7e-6, 36.1)
    scene, grid = write(tmp_path / "a.tif", picture(100, 130), "EPSG:4326", degrees)
    labels = houses(tmp_path / "l.geojson", grid, (100, 70, 130, 100))
    assert chip([Scene(scene, labels)], tmp_path / "set", Cut(64, 0)) == 2 * 3
    last = max(datasets.load(tmp_path / "set"), key=lambda s: s.key)
    assert last.attributes["geo"]["window"] == [36, 66, 64, 64]
    assert (last.read_labels()[34:, 34:] == 1).all()


@pytest.mark.parametrize("kind", ["value", "nan", "alpha", "internal mask", "external mask", "zero"])
def test_where_there_is_no_data_nothing_is_predicted_or_drawn(tmp_path: Path, kind: str) -> None:
    values = np.full((3, 96, 128), 250, np.float32 if kind == "nan" else np.uint8)
    empty = np.zeros((96, 128), bool)
    empty[:, 60:] = True
    path = tmp_path / "a.tif"
    if kind == "value":
        values[:, empty] = 255
        write(path, values, nodata=255)
    elif kind == "nan":
        values[:, empty] = np.nan
        write(path, values, nodata=np.nan)
    elif kind == "zero":
        values[:, empty] = 0
        write(path, values)
    elif kind == "alpha":
        alpha = np.where(empty, 0, 255)[None].astype(np.uint8)
        write(path, np.concatenate([values, alpha]), photometric="RGB", alpha="YES")
    else:
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=kind == "internal mask"):
            write(path, values)
            with rasterio.open(path, "r+") as file:
                file.write_mask(~empty)
    predict(Job(path, tmp_path / "p.tif", FLAT, ("b",), 64, 16), [bright])
    with rasterio.open(tmp_path / "p.tif") as file:
        assert ((file.read(1) > 0) == ~empty).all()
    assert vectorise(tmp_path / "p.tif", tmp_path / "o.gpkg") == 1
    (shape,) = read_features(tmp_path / "o.gpkg").geometries
    assert shape.area == pytest.approx(60 * 96 * 0.25)


def test_the_answer_does_not_depend_on_the_extent(tmp_path: Path) -> None:
    soft = np.random.default_rng(4).integers(1, 255, (12, 16)).astype(np.uint8)
    whole = np.repeat(np.kron(soft, np.ones((16, 16), np.uint8))[None], 3, axis=0)
    write(tmp_path / "whole.tif", whole)
    write(tmp_path / "part.tif", whole[:, 64:, 96:], affine=AFFINE @ rasterio.Affine.translation(96, 64))
    for name in ("whole", "part"):
        predict(Job(tmp_path / f"{name}.tif", tmp_path / f"p_{name}.tif", FLAT, ("b",), 64, 16), [bright])
    with rasterio.open(tmp_path / "p_whole.tif") as one, rasterio.open(tmp_path / "p_part.tif") as two:
        assert np.abs(one.read(1)[64:, 96:].astype(int) - two.read(1)).max() <= 1


def test_overviews_do_not_bleed_into_what_is_empty(tmp_path: Path) -> None:
    values = np.zeros((3, 1200, 1300), np.uint8)
    values[:, :640, :640] = 200
    write(tmp_path / "a.tif", values)
    predict(Job(tmp_path / "a.tif", tmp_path / "p.tif", FLAT, ("b",), 256, 32), [bright])
    with rasterio.open(tmp_path / "p.tif") as file:
        small = file.read(1, out_shape=(300, 325))
        assert file.overviews(1) == [2, 4]
    assert small[:158, :158].min() == 200 and not small[162:].any() and not small[:, 162:].any()


def test_polygons_meet_at_corners_without_crossing_themselves(tmp_path: Path) -> None:
    values = np.zeros((1, 60, 60), np.uint8)
    values[0, ::2, ::2] = values[0, 1::2, 1::2] = 255
    values[0, 20:40] = 255
    write(tmp_path / "p.tif", values)
    vectorise(tmp_path / "p.tif", tmp_path / "o.gpkg", Rules(min_area=4, simplify=1.0))
    shapes = read_features(tmp_path / "o.gpkg").geometries
    assert shapes and all(shape.is_valid and shape.geom_type == "Polygon" for shape in shapes)
