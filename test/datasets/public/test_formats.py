"""The public spacecraft sets, written here as tiny copies in their exact formats and read back."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from afss_ros.datasets import forms
from afss_ros.datasets.form import Sample
from afss_ros.datasets.public import spark2022, spark2024

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def _picture(path: Path, rgb: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), rgb[..., ::-1] if rgb.ndim == 3 else rgb)


def _canvas(height: int = 32, width: int = 48) -> np.ndarray:
    return np.full((height, width, 3), 60, np.uint8)


def _boxes(sample: Sample) -> list[list[float]]:
    instances = sample.read_instances()
    assert instances is not None
    return [i.box_xyxy.tolist() for i in instances]


def test_speed_plus_boxes_come_from_masks(tmp_path: Path) -> None:
    mask = np.zeros((32, 48), np.uint8)
    mask[4:10, 20:30] = 1
    pose = {"q_vbs2tango_true": [1, 0, 0, 0], "r_Vo2To_vbs_true": [0, 0, 7.5]}
    (tmp_path / "camera.json").write_text(json.dumps({"Nu": 48, "Nv": 32, "fx": 0.017}))
    for domain, split in (("synthetic", "validation"), ("lightbox", "test")):
        _picture(tmp_path / domain / "images/img000001.jpg", _canvas())
        entries = [{"filename": f"img00000{n}.jpg", **pose} for n in (1, 2)]
        (tmp_path / domain / f"{split}.json").write_text(json.dumps(entries))
    _picture(tmp_path / "lightbox/masks/img000001.png", mask)
    dataset = forms.load(tmp_path)
    assert forms.recognise(tmp_path) == "speed_plus"
    synthetic, lightbox = dataset.samples
    assert [synthetic.split, lightbox.split] == ["val", "test"]
    assert (lightbox.width, lightbox.height) == (48, 32)
    assert lightbox.attributes["r_Vo2To_vbs_true"] == [0, 0, 7.5]
    assert _boxes(lightbox) == [[20, 4, 30, 10]]
    assert synthetic.read_instances() is None
    assert ["img000002.jpg is missing" in str(p) for p in dataset.problems] == [True, True]


@pytest.mark.parametrize("unpacked", [False, True])
def test_spark_2022_boxes_are_row_first(tmp_path: Path, unpacked: bool) -> None:
    side = spark2022.SIDE
    for split in ("train", "val"):
        table = tmp_path / f"{split}.csv" if unpacked else tmp_path / "labels" / f"{split}.csv"
        table.parent.mkdir(exist_ok=True)
        lines = ['img0.jpg,proba_2,"[10, 200, 30, 260]"', 'gone.jpg,soho,"[0, 0, 1, 1]"', "img0.jpg,soho,[nonsense"]
        table.write_text("\n".join(["filename,class,bbox", *lines]))
        folder = tmp_path / split if unpacked else tmp_path / "images" / split
        _picture(folder / "img0.jpg", _canvas(side, side))
    dataset = forms.load(tmp_path, split="val")
    (sample,) = dataset.samples
    assert sample.read_image().shape == (side, side, 3)
    assert _boxes(sample) == [[200, 10, 260, 30]]
    assert sample.attributes == {"craft": "proba_2"}
    assert len(dataset.problems) == 4


def test_spark_2024_masks_are_jpeg_and_have_no_antenna(tmp_path: Path) -> None:
    side = spark2024.SIDE
    layers = np.zeros((side, side, 3), np.uint8)
    layers[100:200, 100:300] = RED
    layers[120:180, 300:500] = BLUE
    _picture(tmp_path / "images/XMM Newton/val/7_img.jpg", _canvas(side, side))
    path = tmp_path / "mask/XMM Newton/val/7_layer.jpg"
    path.parent.mkdir(parents=True)
    assert cv2.imwrite(str(path), layers[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/val.csv").write_text(
        "Class, Image name, Mask name, Bounding box\n"
        'XMM Newton, 7_img.jpg, 7_layer.jpg, "(100, 100, 500, 200)"\n'
        'XMM Newton, 8_img.jpg, 8_layer.jpg, "(100, 100, 500, 200)"\n'
    )
    dataset = forms.load(tmp_path)
    (sample,) = dataset.samples
    labels = sample.read_labels()
    assert labels[150, 200] == 1
    assert labels[150, 400] == 2
    # JPEG blurs edges, so counts are not exact; ids are.
    assert np.unique(labels).tolist() == [0, 1, 2]
    assert np.count_nonzero(labels) == pytest.approx(100 * 200 + 60 * 200, rel=0.02)
    assert _boxes(sample) == [[100, 100, 500, 200]]
    assert "antenna" not in dataset.class_names.values()
    assert len(dataset.problems) == 1


def test_tango_masks_are_red_on_the_craft_green_on_earth(tmp_path: Path) -> None:
    mask = np.zeros((32, 48, 3), np.uint8)
    mask[:] = BLUE
    mask[20:] = GREEN
    mask[8:14, 5:25] = RED
    _picture(tmp_path / "train_SS_img/0001.png", _canvas())
    _picture(tmp_path / "train_SS_img/0001_mask.png", mask)
    _picture(tmp_path / "images/test/0002.png", _canvas())
    _picture(tmp_path / "test_SS_img/0002_mask.png", mask)
    _picture(tmp_path / "test_SS_img/0003_mask.png", mask)
    dataset = forms.load(tmp_path)
    assert sorted((s.key, s.split) for s in dataset) == [("test/0002", "test"), ("train/0001", "train")]
    assert [_boxes(s) for s in dataset] == [[[5, 8, 25, 14]]] * 2
    assert len(dataset.problems) == 1


def test_spacecraft_parts_have_colours_and_several_craft(tmp_path: Path) -> None:
    mask = np.zeros((32, 48, 3), np.uint8)
    mask[4:10, 4:10] = GREEN
    mask[4:10, 10:16] = RED
    mask[2:4, 6] = BLUE
    for split, number in (("train", 3), ("val", 12)):
        _picture(tmp_path / f"images/{split}/img_resize_{number}.png", _canvas())
        _picture(tmp_path / f"mask/{split}/img_resize_{number}_mask.png", mask)
    _picture(tmp_path / "images/val/img_resize_13.png", _canvas())
    (tmp_path / "all_bbox.txt").write_text("{3: [[15, 9, 4, 2]], 12: [[15, 9, 4, 2], [40, 30, 35, 25]]}")
    dataset = forms.load(tmp_path)
    one, two = dataset.samples
    labels = one.read_labels()
    assert [labels[5, 5], labels[5, 12], labels[3, 6], labels[20, 20]] == [1, 2, 3, 0]
    assert _boxes(one) == [[4, 2, 16, 10]]
    instances = one.read_instances()
    assert instances is not None
    np.testing.assert_array_equal(instances[0].mask(), labels > 0)
    assert _boxes(two) == [[4, 2, 16, 10], [35, 25, 41, 31]]
    assert "img_resize_13_mask.png is missing" in str(dataset.problems[0])


def test_the_pose_bowl(tmp_path: Path) -> None:
    _picture(tmp_path / "images/0a1b.png", _canvas())
    (tmp_path / "train_labels.csv").write_text("image_id,xmin,ymin,xmax,ymax\n0a1b,3,4,20,30\nffff,1,1,2,2\n")
    dataset = forms.load(tmp_path)
    assert forms.recognise(tmp_path) == "pose_bowl"
    assert [_boxes(s) for s in dataset] == [[[3, 4, 20, 30]]]
    assert len(dataset.problems) == 1


def test_the_afss_layout_lays_coco_beside_another_set(tmp_path: Path) -> None:
    for split in ("train", "val"):
        _picture(tmp_path / "images" / split / "a.png", _canvas())
        document = {
            "images": [{"id": 1, "file_name": "a.png", "width": 48, "height": 32}],
            "categories": [{"id": 1, "name": "spacecraft"}],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 3, 10, 5]}],
        }
        (tmp_path / "annotations").mkdir(exist_ok=True)
        (tmp_path / f"annotations/instances_{split}_tango.json").write_text(json.dumps(document))
    _picture(tmp_path / "train_SS_img/b_mask.png", _canvas())
    dataset = forms.load(tmp_path)
    assert [(s.key, s.split) for s in dataset] == [("train_tango/a", "train"), ("val_tango/a", "val")]
    assert _boxes(dataset[1]) == [[2, 3, 12, 8]]
    assert len(forms.load(tmp_path, form="tango").problems) == 1
