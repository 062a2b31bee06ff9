"""A student that was trained on chips of a map flies in perception_node as it is: nothing of `geo` is needed there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
import yaml
from numpy.typing import NDArray
from perception_peer import LATCHED, Peer, image_message
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray, LabelInfo

from afss_ros.distill import families, recipe
from afss_ros.distill.export.to_onnx import ExportOptions
from afss_ros.geo.chips import RECIPE, Cut, Scene, chip
from afss_ros.geo.grid import Grid, Window
from afss_ros.geo.predict import shown_as
from afss_ros.geo.raster import Raster
from afss_ros.geo.vectors import Features, wkt_of, write_features
from afss_ros.student import Student

SIDE = 64
ROOFS = [(8, 10, 28, 26), (36, 34, 58, 54)]
"""x_min, y_min, x_max, y_max in every square of the scene."""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A raster of 11 bits in which roofs are bright, and their footprints."""
    folder = tmp_path_factory.mktemp("town")
    rng = np.random.default_rng(0)
    pixels = rng.normal(300, 20, (3, 3 * SIDE, 3 * SIDE))
    affine = rasterio.Affine(0.5, 0, 600_000, 0, -0.5, 5_000_000)
    grid = Grid(wkt_of("EPSG:32633"), tuple(affine[:6]), 3 * SIDE, 3 * SIDE)
    shapes = []
    for row, col in np.ndindex(3, 3):
        for x0, y0, x1, y1 in ROOFS:
            window = Window(row * SIDE + y0, col * SIDE + x0, y1 - y0, x1 - x0)
            pixels[:, window.slices[0], window.slices[1]] += 1200
            corner = window.col, window.row, window.col + window.width, window.row + window.height
            shapes.append(shapely.transform(shapely.box(*corner), grid.to_map))
    image, labels = folder / "town.tif", folder / "town.geojson"
    profile = {"driver": "GTiff", "count": 3, "height": 3 * SIDE, "width": 3 * SIDE, "dtype": "uint16",
               "crs": "EPSG:32633", "transform": affine}  # fmt: skip
    with rasterio.open(image, "w", **profile) as file:
        file.write(pixels.astype(np.uint16))
    write_features(labels, Features(shapes, crs=grid.crs))
    return image, labels


@pytest.fixture(scope="module")
def mapper(scene: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A U-Net of the set's own recipe, made small, trained on the chips and exported."""
    root = tmp_path_factory.mktemp("mapper")
    chip([Scene(*scene)], root / "set", Cut(SIDE, 0, boundary=2))
    document = yaml.safe_load((root / "set" / RECIPE).read_text())
    document["data"] |= {"workers": 0, "validation": [str(root / "set")], "validation_split": None}
    document["data"]["validation_images"] = 2
    document["student"]["unet"] = {"base_filters": 6, "depth": 2, "first_kernel": 3}
    # Sure of the ground, too: boxes reach as far as craft is likely at all.
    document |= {"budget": {"iterations": 80}, "batch": 4, "validate_every": 1000}
    document["optimiser"] = {"lr": 0.02, "ema": 0.9}
    families.train(recipe.parse(document), root / "run", device="cpu")
    return families.export(root / "run", root / "town.onnx", ExportOptions((SIDE, SIDE)))


def as_the_camera_sees_it(scene: Path, model: Path) -> NDArray[np.uint8]:
    """One square of the scene in the 8 bits of the training set, which the student's card tells."""
    with Student(model, provider="cpu") as student:
        tone, _ = shown_as(student, model)
    assert tone is not None
    with Raster(scene) as raster:
        return tone(raster.read(Window(SIDE, SIDE, SIDE, SIDE)))


def test_a_student_of_maps_flies_unchanged(peer: Peer, scene: tuple[Path, Path], mapper: Path) -> None:
    picture = as_the_camera_sees_it(scene[0], mapper)
    assert peer.reload(model__path=str(mapper), detection__score_threshold=0.3)
    infos = peer.hear(LabelInfo, "/perception_node/label_info", LATCHED)
    detections = peer.hear(Detection2DArray, "/perception_node/detections")
    masks = peer.hear(Image, "/perception_node/mask")
    peer.show(peer.camera(), image_message(picture, peer.now(), "nadir_camera"), detections, masks)
    peer.spin_until(lambda: bool(infos), "label info")
    names = {c.class_id: c.class_name for c in infos[-1].class_map}
    assert names == {0: "background", 1: "building", 2: "boundary", 3: "spacecraft"}
    mask = np.frombuffer(masks[0].data, np.uint8).reshape(SIDE, SIDE)
    truth = np.zeros((SIDE, SIDE), bool)
    for x0, y0, x1, y1 in ROOFS:
        truth[y0:y1, x0:x1] = True
    found = np.isin(mask, (1, 2))
    assert (found & truth).sum() / (found | truth).sum() > 0.8
    assert masks[0].header.frame_id == "nadir_camera"
    boxes = sorted(
        (d.bbox.center.position.x, d.bbox.center.position.y, d.bbox.size_x, d.bbox.size_y)
        for d in detections[0].detections
    )
    assert len(boxes) == len(ROOFS)
    for box, (x0, y0, x1, y1) in zip(boxes, ROOFS, strict=True):
        assert box == pytest.approx(((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0), abs=3.0)
    assert {d.results[0].hypothesis.class_id for d in detections[0].detections} == {"3"}
