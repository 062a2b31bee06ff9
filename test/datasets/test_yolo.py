"""YOLO segmentation, written and read back."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from afss_ros.datasets import DatasetError, DatasetWriter, Instance, load, yolo
from afss_ros.datasets.rle import decode, from_polygons

LABELS = np.zeros((64, 80), np.uint8)
LABELS[20:40, 30:50] = 1
LABELS[24:36, 50:75] = 2
LABELS[24:36, 5:28] = 2


def _iou(a: np.ndarray | None, b: np.ndarray | None) -> float:
    assert a is not None
    assert b is not None
    return float((a & b).sum() / (a | b).sum())


@pytest.fixture
def written(tmp_path: Path) -> Path:
    craft = Instance.from_mask("spacecraft", LABELS > 0)
    box = Instance("spacecraft", np.array([0, 50, 12, 64], np.float32))
    with DatasetWriter(tmp_path / "set") as writer:
        writer.add("a", np.full((64, 80, 3), 90, np.uint8), LABELS, [craft, box], split="val")
        writer.add("b", np.full((64, 80, 3), 90, np.uint8), LABELS * 0, [], split="val")
        writer.add("c", np.full((64, 80, 3), 90, np.uint8), split="val")
    return tmp_path / "set"


def test_whole_craft_and_boxes_survive(written: Path, tmp_path: Path) -> None:
    yolo.write(load(written), tmp_path / "yolo")
    first, empty = load(tmp_path / "yolo").samples
    assert (first.split, empty.instances) == ("val", ())
    assert first.instances is not None
    craft, box = first.instances
    assert box.box_xyxy.tolist() == pytest.approx([0, 50, 12, 64], abs=1e-3)
    assert craft.box_xyxy.tolist() == pytest.approx([5, 20, 75, 40], abs=0.5)
    # The second wing is no part of the outline of the first piece: all pieces are in the one polygon.
    assert _iou(craft.mask(), LABELS > 0) > 0.95


def test_parts_become_pieces(written: Path, tmp_path: Path) -> None:
    yolo.write(load(written), tmp_path / "yolo", names=yolo.PARTS)
    first, _ = load(tmp_path / "yolo").samples
    assert first.instances is not None
    assert [i.class_name for i in first.instances] == ["body", "panel", "panel"]
    assert _iou(first.instances[0].mask(), LABELS == 1) > 0.9


@pytest.mark.parametrize(("parts", "said"), [(["panel"], True), (["panel", "antenna"], False)])
def test_a_part_that_nobody_looked_for_is_named_for_no_label_file_can_say_so(
    tmp_path: Path, parts: list[str], said: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with DatasetWriter(tmp_path / "set") as writer:
        writer.add("a", np.full((64, 80, 3), 90, np.uint8), LABELS, [], parts=parts)
    assert yolo.write(load(tmp_path / "set"), tmp_path / "yolo", names=yolo.PARTS) == []
    assert ("nobody looked for antenna in 1 of its pictures" in caplog.text) == said


def test_one_polygon_holds_all_pieces_of_a_mask() -> None:
    picture = np.zeros((40, 40), np.uint8)
    for centre in ((4, 4), (30, 6), (16, 30)):
        cv2.circle(picture, centre, 4, 1, -1)
    mask = picture > 0
    again = decode(from_polygons([yolo.polygon(mask).ravel().tolist()], 40, 40))
    assert _iou(mask, again) > 0.9


@pytest.mark.parametrize("images", ["train/images", "../train/images"])
def test_exports_with_paths_of_their_own_are_found(tmp_path: Path, images: str) -> None:
    (tmp_path / "train/images").mkdir(parents=True)
    (tmp_path / "train/labels").mkdir()
    assert cv2.imwrite(str(tmp_path / "train/images/a.jpg"), np.zeros((10, 20, 3), np.uint8))
    (tmp_path / "train/labels/a.txt").write_text("0 0.5 0.5 0.2 0.4\n")
    (tmp_path / "data.yaml").write_text(f"path: /home/somebody/set\ntrain: {images}\nnames: [Spacecraft]\n")
    (sample,) = load(tmp_path)
    assert sample.instances is not None
    assert (sample.key, sample.instances[0].class_name) == ("train/a", "spacecraft")
    assert sample.instances[0].box_xyxy.tolist() == pytest.approx([8, 3, 12, 7])


@pytest.mark.parametrize("line", ["7 0.5 0.5 0.2 0.4", "0 0.5 0.5 0.2", "0 0.1 0.1 0.5 0.1 0.5", "0 a b c d"])
def test_a_line_that_is_no_object_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "images/train").mkdir(parents=True)
    (tmp_path / "labels/train").mkdir(parents=True)
    assert cv2.imwrite(str(tmp_path / "images/train/a.jpg"), np.zeros((10, 20, 3), np.uint8))
    (tmp_path / "labels/train/a.txt").write_text(line)
    (tmp_path / "data.yaml").write_text("train: images/train\nnames: {0: spacecraft}\n")
    (sample,) = load(tmp_path)
    assert sample.instances is None
    assert [p.where for p in load(tmp_path).problems] == [f"{tmp_path}/labels/train/a.txt: line 1"]


def test_a_line_that_is_no_object_costs_that_object_and_the_knowledge_that_there_are_no_others(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    assert cv2.imwrite(str(tmp_path / "train/a.jpg"), np.zeros((10, 20, 3), np.uint8))
    (tmp_path / "train/a.txt").write_text("0 0.5 0.5 0.2 0.4\n0 0.5 nan 0.2 0.4\n")
    (tmp_path / "data.yaml").write_text("train: train\nnames: {0: spacecraft}\n")
    (sample,) = load(tmp_path)
    assert sample.instances is not None
    assert [i.box_xyxy.tolist() for i in sample.instances] == [pytest.approx([8, 3, 12, 7])]
    assert not sample.complete
    assert not sample.searched


def test_a_set_is_not_written_over_itself(written: Path) -> None:
    with pytest.raises(DatasetError, match="the set itself"):
        yolo.write(load(written), written)
