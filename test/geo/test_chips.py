"""Chips in the package's own form, that can be put back on the map; splits in space; SpaceNet's folders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
import shapely

from afss_ros import datasets
from afss_ros.datasets.check import check
from afss_ros.distill import recipe as recipes
from afss_ros.distill.data.classes import class_names, in_ids_of
from afss_ros.distill.export.lineage import of_maps
from afss_ros.geo import spacenet
from afss_ros.geo.chips import RECIPE, Cut, Scene, chip
from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Grid, Window
from afss_ros.geo.rasterise import instances
from afss_ros.geo.split import GUARD, divide, split_set
from afss_ros.geo.vectors import Features, read_features, wkt_of, write_features

UTM = "EPSG:32633"
AFFINE = rasterio.Affine(0.5, 0, 600_000, 0, -0.5, 5_000_000)


def scene(folder: Path, height: int = 150, width: int = 200, name: str = "scene") -> tuple[Path, Path, Grid]:
    pixels = np.random.default_rng(2).integers(200, 1800, (3, height, width)).astype(np.uint16)
    pixels[:, :10] = 0
    profile = {"driver": "GTiff", "count": 3, "height": height, "width": width, "dtype": "uint16", "crs": UTM,
               "transform": AFFINE}  # fmt: skip
    with rasterio.open(folder / f"{name}.tif", "w", **profile) as file:
        file.write(pixels)
    grid = Grid(wkt_of(UTM), tuple(AFFINE[:6]), height, width)
    boxes = [shapely.box(x, y, x + 20, y + 15) for x in range(5, width - 30, 40) for y in range(5, height - 20, 30)]
    labels = folder / f"{name}.geojson"
    write_features(labels, Features([shapely.transform(b, grid.to_map) for b in boxes], crs=grid.crs))
    return folder / f"{name}.tif", labels, grid


@pytest.fixture(scope="module")
def chips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Grid]:
    folder = tmp_path_factory.mktemp("chips")
    image, labels, grid = scene(folder)
    assert chip([Scene(image, labels)], folder / "set", Cut(64, 16, boundary=2, contact=20)) == 12
    return folder / "set", labels, grid


def test_chips_are_a_data_set_that_the_package_takes(chips: tuple[Path, Path, Grid]) -> None:
    dataset = datasets.load(chips[0])
    assert not dataset.problems and not check(dataset).problems
    parts = ("building", "boundary", "contact")
    assert dataset.class_names == class_names(parts)
    recipe = recipes.load(chips[0] / RECIPE)
    assert recipe.student.parts == parts
    seen = np.unique(np.concatenate([s.read_labels().ravel() for s in in_ids_of(parts, dataset)]))
    assert seen.tolist() == [0, 1, 2, 3, 255]
    assert "stretch" in of_maps([chips[0]])["geo"]


def test_a_chip_goes_back_onto_the_map(chips: tuple[Path, Path, Grid]) -> None:
    root, labels, grid = chips
    truth = instances(read_features(labels, grid.crs).geometries, grid) > 0
    seen = np.zeros(truth.shape, bool)
    for sample in datasets.load(root):
        geo = sample.attributes["geo"]
        window = Window(*geo["window"])
        assert grid.part(window).affine == tuple(geo["affine"])
        assert pyproj.CRS.from_wkt(geo["crs"]).to_epsg() == 32633
        map_ = sample.read_labels()
        known = map_ != 255
        assert (np.isin(map_, (1, 2))[known] == truth[window.slices][known]).all()
        seen[window.slices] |= known
    assert seen[10:].all() and not seen[:10].any()


def test_chips_of_a_killed_run_are_completed(tmp_path: Path) -> None:
    image, labels, _ = scene(tmp_path)
    cut = Cut(64, 0)
    count = chip([Scene(image, labels)], tmp_path / "set", cut)
    lines = (tmp_path / "set/samples.jsonl").read_bytes()
    (tmp_path / "set/samples.jsonl").write_bytes(lines[: len(lines) // 2])
    assert chip([Scene(image, labels)], tmp_path / "set", cut) == count
    assert not datasets.load(tmp_path / "set").problems


def test_labels_of_another_place_are_refused_before_anything_is_cut(tmp_path: Path) -> None:
    image, _, grid = scene(tmp_path)
    far = tmp_path / "far.geojson"
    write_features(far, Features([shapely.box(400_000, 4_000_000, 400_050, 4_000_050)], crs=grid.crs))
    with pytest.raises(GeoError, match="does not touch"):
        chip([Scene(image, far)], tmp_path / "set", Cut(64, 0))


def test_a_scene_smaller_than_a_chip_is_padded_without_a_label(tmp_path: Path) -> None:
    image, labels, _ = scene(tmp_path, 40, 50)
    assert chip([Scene(image, labels)], tmp_path / "set", Cut(64, 0)) == 1
    sample = datasets.load(tmp_path / "set")[0]
    assert (sample.read_labels()[:, 50:] == 255).all() and (sample.read_labels()[40:] == 255).all()


def boxes(side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    y, x = np.mgrid[0:side, 0:side].reshape(2, -1).astype(float)
    return np.stack([x, y, x + 1, y + 1], axis=1)


def test_blocks_keep_neighbours_apart_and_a_guard_quite() -> None:
    shares = {"train": 0.7, "val": 0.15, "test": 0.15}
    alone = divide(boxes(40), shares, blocks=1)[2]
    blocked = divide(boxes(40), shares, blocks=5)[2]
    splits, names, guarded = divide(boxes(40), shares, blocks=5, guard=True)
    assert alone.touching["val"] > 0.9 * alone.chips["val"]
    assert blocked.touching["val"] < 0.8 * blocked.chips["val"]
    assert guarded.touching == {"val": 0, "test": 0} and guarded.chips[GUARD] > 0
    assert abs(blocked.chips["train"] / 1600 - 0.7) < 0.05
    assert len({(n, s) for n, s in zip(names, splits, strict=True) if s != GUARD}) == len(set(names))
    assert divide(boxes(40), shares, blocks=5, seed=1)[0] != divide(boxes(40), shares, blocks=5)[0]
    assert divide(boxes(40), shares, blocks=5)[0] == divide(boxes(40), shares, blocks=5)[0]


@pytest.mark.parametrize(
    ("shares", "blocks", "told"),
    [({"train": 0.5, "val": 0.2}, 2, "add up to 1"), ({"val": 1.0}, 2, "name train"),
     ({"train": 0.5, "val": 0.5}, 50, "--blocks 25")],
)  # fmt: skip
def test_a_split_that_cannot_be_is_refused(shares: dict[str, float], blocks: int, told: str) -> None:
    with pytest.raises(GeoError, match=told):
        divide(boxes(8), shares, blocks=blocks)


def test_a_set_is_split_in_place(chips: tuple[Path, Path, Grid]) -> None:
    report = split_set(chips[0], {"train": 0.5, "val": 0.5}, blocks=1, seed=3)
    dataset = datasets.load(chips[0])
    assert dataset.splits == ("train", "val")
    assert {n: sum(s.split == n for s in dataset) for n in dataset.splits} == report.chips
    assert all(s.sequence.startswith("block_") for s in dataset)
    assert json.loads((chips[0] / "split.json").read_text())["touching"] == report.touching


@pytest.mark.parametrize("layout", ["2017", "today"])
def test_spacenet_s_folders(tmp_path: Path, layout: str) -> None:
    if layout == "2017":
        root, images, labels = tmp_path / "AOI_2_Vegas_Train", "RGB-PanSharpen", "geojson/buildings"
        image, label = "RGB-PanSharpen_AOI_2_Vegas_img{}.tif", "buildings_AOI_2_Vegas_img{}.geojson"
    else:
        root, images, labels = tmp_path / "AOI_2_Vegas", "PS-RGB", "geojson_buildings"
        image = "SN2_buildings_train_AOI_2_Vegas_PS-RGB_img{}.tif"
        label = "SN2_buildings_train_AOI_2_Vegas_geojson_buildings_img{}.geojson"
    for folder, name, numbers in ((images, image, (2, 10, 11)), (labels, label, (10, 2, 1000))):
        (root / folder).mkdir(parents=True)
        for number in numbers:
            (root / folder / name.format(number)).touch()
    city = spacenet.read(root)
    assert city.name == "AOI_2_Vegas"
    assert [s.name for s in city.scenes] == [f"AOI_2_Vegas_img{n}" for n in (2, 10, 11)]
    assert [bool(s.labels) for s in city.scenes] == [True, True, False]
    assert [p.name for p in city.no_labels] == [image.format(11)]
    assert [p.name for p in city.no_image] == [label.format(1000)]
    with pytest.raises(GeoError, match="no pictures of pan"):
        spacenet.read(root, "pan")
