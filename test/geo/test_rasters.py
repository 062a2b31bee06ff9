"""Grids, every kind of raster and nodata, bands and stretch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.enums import ColorInterp

from afss_ros.cli import main
from afss_ros.geo import bands, rasterise, stretch
from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Grid, Window
from afss_ros.geo.raster import Raster
from afss_ros.geo.vectors import Features, wkt_of

NORTH_UP = (0.5, 0.0, 600_000.0, 0.0, -0.5, 5_000_000.0)
UTM = "EPSG:32633"


def write(
    path: Path, pixels: NDArray[Any], affine: tuple[float, ...] = NORTH_UP, crs: str | None = UTM, **more: Any
) -> Path:
    profile = {"driver": "GTiff", "count": len(pixels), "height": pixels.shape[1], "width": pixels.shape[2],
               "dtype": pixels.dtype, "crs": crs, "transform": rasterio.Affine(*affine)}  # fmt: skip
    with rasterio.open(path, "w", **(profile | more)) as file:
        file.write(pixels)
    return path


@pytest.mark.parametrize(
    ("crs", "affine"),
    [
        (UTM, NORTH_UP),
        ("EPSG:4326", (2.7e-6, 0, -115.2, 0, -2.7e-6, 36.1)),
        ("EPSG:3857", (0.3, 0, 3_628_312.0, 0, 0.3, 39_135.0)),  # south-up
        ("EPSG:32660", (0.4, 0.3, 500_000.0, 0.3, -0.4, 1_000_000.0)),  # turned
    ],
    ids=["utm", "degrees", "south-up", "turned"],
)
def test_shapes_land_within_half_a_pixel(crs: str, affine: tuple[float, float, float, float, float, float]) -> None:
    grid = Grid(wkt_of(crs), affine, 60, 80)
    corners = np.array([[10, 5], [40, 5], [40, 25], [10, 25]], float)
    ids = rasterise.instances([shapely.Polygon(grid.to_map(corners))], grid)
    assert np.argwhere(ids).min(axis=0).tolist() == [5, 10]
    assert np.argwhere(ids).max(axis=0).tolist() == [24, 39]
    assert np.allclose(grid.to_pixels(grid.to_map(corners)), corners, atol=1e-3)
    part = grid.part(Window(5, 10, 20, 30))
    assert np.allclose(part.to_map(corners - [10, 5]), grid.to_map(corners))


def test_the_last_windows_end_flush_with_the_edge() -> None:
    grid = Grid("", NORTH_UP, 70, 100)
    seen = np.zeros((70, 100), int)
    for window in grid.windows(32, 8):
        assert window.within(70, 100) == window
        seen[window.slices] += 1
    assert seen.min() >= 1 and seen[-1, -1] == 1


@pytest.mark.parametrize("kind", ["value", "alpha", "internal mask", "external mask", "zero"])
def test_every_kind_of_nodata(tmp_path: Path, kind: str) -> None:
    pixels = np.full((3, 20, 30), 7, np.uint16)
    pixels[:, :5] = 0
    empty = np.zeros((20, 30), bool)
    empty[:5] = True
    path = tmp_path / "scene.tif"
    if kind == "value":
        pixels[:, empty] = 999
        write(path, pixels, nodata=999)
    elif kind == "alpha":
        rgba = np.concatenate([pixels, np.where(empty, 0, 65535)[None].astype(np.uint16)])
        write(path, rgba, photometric="RGB", alpha="YES")
    elif kind == "zero":
        pixels[0, 0, 0] = 1  # one band is enough to hold data
        empty[0, 0] = False
        write(path, pixels)
    else:
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=kind == "internal mask"):
            write(path, pixels)
            with rasterio.open(path, "r+") as file:
                file.write_mask(~empty)
        assert (tmp_path / "scene.tif.msk").exists() == (kind == "external mask")
    with Raster(path) as raster:
        block = raster.read(Window(0, 0, 20, 30))
        assert len(block.pixels) == 3
        assert (block.valid == ~empty).all()


def infrared_marked_alpha(path: Path, describe: str = "") -> NDArray[np.uint8]:
    """A picture of four bands whose fourth, of any value, is marked alpha."""
    pixels = np.random.default_rng(3).integers(0, 256, (4, 64, 80)).astype(np.uint8)
    write(path, pixels, photometric="RGB", alpha="YES")
    if describe:
        with rasterio.open(path, "r+") as file:
            file.set_band_description(4, describe)
    return pixels


@pytest.mark.parametrize(
    ("describe", "wanted"),
    [("", ("4", "1", "2")), ("Near_infrared", ("4", "1", "2")), ("NIR", ("nir", "red", "green"))],
)
def test_infrared_that_is_marked_alpha_is_data_where_it_is_asked_for_or_named(
    tmp_path: Path, describe: str, wanted: tuple[str, ...]
) -> None:
    pixels = infrared_marked_alpha(tmp_path / "a.tif", describe)
    with Raster(tmp_path / "a.tif", wanted=wanted, zero_is_empty=False) as raster:
        chosen = bands.numbers(raster, wanted)
        assert chosen == [4, 1, 2]
        block = raster.read(Window(0, 0, 64, 80), chosen)
    assert (block.pixels == pixels[[3, 0, 1]]).all() and block.valid.all()


def test_what_speaks_against_an_alpha_band_is_said_and_so_is_the_cure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    infrared_marked_alpha(tmp_path / "a.tif")
    assert main(["geo", "info", str(tmp_path / "a.tif"), "--json"]) == 0
    assert "band 4 is marked alpha" in json.loads(capsys.readouterr().out)["doubt"]
    with Raster(tmp_path / "a.tif") as raster:
        assert "band 4 is marked alpha, and 99% of it is neither" in raster.alpha_in_doubt()
        with pytest.raises(
            GeoError, match=r"no band 'nir'.* band 4 is marked alpha, and is data if you ask for its number"
        ):
            bands.numbers(raster, ["nir", "red", "green"])
    for described, kind in (("Transparency", 255), ("", 1)):
        path = tmp_path / f"{kind}.tif"
        pixels = infrared_marked_alpha(path, described)
        with rasterio.open(path, "r+") as file:
            file.write(np.where(pixels[3] > 60, kind, 0).astype(np.uint8), 4)
        with Raster(path) as raster:
            assert raster.alpha == [4] and not raster.alpha_in_doubt()


def test_a_window_partly_outside_is_padded_not_clipped(tmp_path: Path) -> None:
    pixels = np.arange(1, 26, dtype=np.uint8).reshape(1, 5, 5)
    with Raster(write(tmp_path / "a.tif", pixels)) as raster:
        block = raster.read(Window(-2, 3, 4, 4))
        assert block.pixels.shape == (1, 4, 4)
        assert (block.pixels[0, 2:, :2] == pixels[0, :2, 3:]).all()
        assert block.valid.sum() == 4
        assert not raster.read(Window(50, 50, 3, 3)).valid.any()


def test_a_zero_of_an_8_bit_band_is_data_unless_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.zeros((1, 4, 4), np.uint8))
    with Raster(path) as plain, Raster(path, zero_is_empty=True) as told:
        assert plain.read(Window(0, 0, 4, 4)).valid.all()
        assert not told.read(Window(0, 0, 4, 4)).valid.any()


def test_floats_that_are_none_hold_no_data(tmp_path: Path) -> None:
    pixels = np.ones((3, 4, 4), np.float32)
    pixels[1, 0, 0] = np.nan
    with Raster(write(tmp_path / "a.tif", pixels)) as raster:
        block = raster.read(Window(0, 0, 4, 4))
        assert block.valid.sum() == 15 and np.isfinite(block.pixels).all()


@pytest.mark.parametrize(("kind", "told"), [("missing", "missing"), ("empty", "0 bytes"), ("text", "GDAL cannot open"),
                                            ("complex", "complex64"), ("nowhere", "no CRS")])  # fmt: skip
def test_a_bad_raster_is_named_with_its_cure(tmp_path: Path, kind: str, told: str) -> None:
    path = tmp_path / "scene.tif"
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("no picture")
    elif kind == "complex":
        write(path, np.ones((1, 4, 4), np.complex64))
    elif kind == "nowhere":
        write(path, np.ones((1, 4, 4), np.uint8), crs=None)
    with pytest.raises(GeoError, match=told) as error:
        Raster(path, georeferenced=True)
    assert str(path) in str(error.value)


def test_a_raster_cut_short_says_where(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.ones((3, 512, 512), np.uint8), tiled=True, blockxsize=256, blockysize=256)
    path.write_bytes(path.read_bytes()[:200_000])
    with Raster(path) as raster, pytest.raises(GeoError, match="cut short or damaged"):
        raster.read(Window(256, 256, 256, 256))


def test_a_crs_without_a_code_survives(tmp_path: Path) -> None:
    own = wkt_of("+proj=laea +lat_0=45.1234 +lon_0=17.4321 +datum=WGS84 +units=m +no_defs")
    with Raster(write(tmp_path / "a.tif", np.ones((1, 4, 4), np.uint8), crs=own)) as raster:
        assert "17.4321" in raster.grid.crs


def test_bands_by_name(tmp_path: Path) -> None:
    with Raster(write(tmp_path / "eight.tif", np.ones((8, 4, 4), np.uint16))) as raster:
        assert bands.numbers(raster) == [5, 3, 2]
        assert bands.numbers(raster, ("nir1", "red", "green")) == [7, 5, 3]
        assert bands.numbers(raster, ("8",)) == [8, 8, 8]
        with pytest.raises(GeoError, match=r"no band 'swir'; it has 1 \(coastal\)"):
            bands.numbers(raster, ("swir",))
    path = write(tmp_path / "named.tif", np.ones((4, 4, 4), np.uint8))
    with rasterio.open(path, "r+") as file:
        file.colorinterp = [ColorInterp.gray] + [ColorInterp.undefined] * 3
        for number, name in enumerate(("Blue", "Green", "Red", "NIR"), 1):
            file.set_band_description(number, name)
    with Raster(path) as raster:
        assert bands.numbers(raster) == [3, 2, 1]


def test_one_band_is_grey(tmp_path: Path) -> None:
    with Raster(write(tmp_path / "pan.tif", np.ones((1, 4, 4), np.uint16))) as raster:
        assert bands.numbers(raster) == [1, 1, 1]


def test_pan_sharpening_keeps_detail_and_colour(tmp_path: Path) -> None:
    detail = np.tile(np.array([[100, 300], [300, 100]], np.uint16), (20, 20))[None]
    colours = np.stack([np.full((10, 10), v, np.uint16) for v in (100, 200, 300)])
    coarse = (2.0, 0.0, 600_000.0, 0.0, -2.0, 5_000_000.0)
    with Raster(write(tmp_path / "pan.tif", detail)) as pan, Raster(write(tmp_path / "ms.tif", colours, coarse)) as ms:
        window = Window(4, 4, 8, 8)
        part = bands.covering(pan.grid, ms.grid, window)
        sharp = bands.pan_sharpened(pan.read(window), ms.read(part), pan.grid, ms.grid, window, part)
    assert np.allclose(sharp.pixels.mean(axis=0), detail[0, 4:12, 4:12])
    assert np.allclose(sharp.pixels[2], 3 * sharp.pixels[0])


def test_the_stretch_passes_over_nodata(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(100, 1101, (3, 128, 128)).astype(np.uint16)
    pixels[:, :64] = 0
    with Raster(write(tmp_path / "a.tif", pixels)) as raster:
        tone = stretch.estimate(raster.sample(4, 64))
        low, high = np.percentile(pixels[:, 64:].reshape(3, -1), (2, 98), axis=1)
        assert np.allclose(tone.low, low, atol=3) and np.allclose(tone.high, high, atol=3)
        shown = tone(raster.read(Window(0, 0, 128, 128)))
    assert shown.dtype == np.uint8 and not shown[:64].any() and shown[64:].max() == 255
    assert stretch.Stretch.from_json(tone.to_json(), "here") == tone


def test_roads_are_as_wide_in_degrees_as_on_the_ground() -> None:
    degrees = 4 / 111_320
    grid = Grid(wkt_of("EPSG:4326"), (degrees / 8, 0, 25.0, 0, -degrees / 8, 60.0), 200, 200)
    across, along = grid.to_map(np.array([[100.0, 20], [100, 180], [20, 100], [180, 100]])).reshape(2, 2, 2)
    upright = rasterise.footprint(
        rasterise.roads(Features([shapely.LineString(across)], crs=grid.crs)).geometries, grid
    )
    level = rasterise.footprint(rasterise.roads(Features([shapely.LineString(along)], crs=grid.crs)).geometries, grid)
    # At 60 degrees north a degree of longitude is half of one of latitude.
    assert abs(level[:, 100].sum() - 8) <= 1
    assert abs(upright[100].sum() - 16) <= 1


def test_boundary_and_contact() -> None:
    ids = np.zeros((30, 40), np.int32)
    ids[5:25, 2:18], ids[5:25, 22:38] = 1, 2
    edge, between = rasterise.boundary(ids, 3), rasterise.contact(ids, 10)
    assert edge[15, 2:18].tolist() == [True] * 3 + [False] * 10 + [True] * 3
    assert not edge[ids == 0].any() and not between[ids > 0].any()
    assert between[15, 18:22].all() and not between[15, :2].any() and not between[0].any()
    ids[:] = 0
    assert not rasterise.contact(ids).any() and not rasterise.instances([], Grid("", NORTH_UP, 3, 3)).any()
