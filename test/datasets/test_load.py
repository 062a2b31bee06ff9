"""Every form is recognised, and what cannot be used is named and skipped."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from afss_ros import datasets
from afss_ros.datasets import DatasetError, DatasetWriter, Sample

GREY = np.full((4, 6, 3), 90, np.uint8)


def _picture(path: Path, pixels: np.ndarray = GREY) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)


def test_pairs_with_a_manifest(tmp_path: Path) -> None:
    labels = np.zeros((4, 6), np.uint8)
    labels[1:3, 2:5] = 2
    _picture(tmp_path / "images/a.png")
    _picture(tmp_path / "masks/a.png", labels)
    _picture(tmp_path / "images/b.png")
    _picture(tmp_path / "masks/b.png", labels[:2])
    (tmp_path / "images/c.png").write_bytes(b"not a picture")
    pairs = [
        {"image": f"images/{n}.png", "mask": f"masks/{n}.png", "box_xyxy": [2, 1, 5, 3], "kind": "photo"}
        for n in "abcd"
    ]
    names = {"0": "background", "1": "body", "2": "panel", "3": "antenna"}
    (tmp_path / "manifest.json").write_text(json.dumps({"classes": names, "pairs": pairs}))
    dataset = datasets.load(tmp_path)
    (sample,) = dataset.samples
    np.testing.assert_array_equal(sample.read_labels(), labels)
    assert sample.attributes == {"kind": "photo"}
    assert sample.instances is not None
    assert sample.instances[0].box_xyxy.tolist() == [2, 1, 5, 3]
    assert [p.where.rsplit(" ", 1)[1] for p in dataset.problems] == ["1", "2", "3"]
    assert "masks/b.png is (6, 2)" in dataset.problems[0].reason
    assert "images/c.png: cannot be read" in dataset.problems[1].reason
    assert "images/d.png: missing" in dataset.problems[2].reason


def test_a_thousand_problems_are_told_as_ten_and_a_number(tmp_path: Path) -> None:
    problems = tuple(datasets.Problem(f"line {n}", "occurs twice") for n in range(1000))
    dataset = datasets.Dataset(tmp_path, {}, (), problems)
    told = dataset.told_problems()
    assert told[:10] == tuple(f"line {n}: occurs twice" for n in range(10))
    assert told[10:] == (f"{tmp_path}: 990 problems more; `afss data check {tmp_path}` counts and names them",)
    assert replace(dataset, problems=problems[:10]).told_problems() == told[:10]


def test_boxes_in_a_table(tmp_path: Path) -> None:
    for name in "abc":
        _picture(tmp_path / f"images/{name}.jpg")
    rows = ["image,class_id,xmin,ymin,xmax,ymax", "a.jpg,5,1,0.5,3,2.5", "a.jpg,5,4,0,6,4", "gone.jpg,5,0,0,1,1"]
    rows += ["b.jpg,5,3,0,1,4", "c.jpg,5,x,0,1,4"]
    (tmp_path / "boxes.csv").write_text("\n".join(rows))
    dataset = datasets.load(tmp_path)
    sample, *unknown = dataset.samples
    assert sample.instances is not None
    assert [i.box_xyxy.tolist() for i in sample.instances] == [[1, 0.5, 3, 2.5], [4, 0, 6, 4]]
    assert sample.read_craft_mask() is None
    assert [(s.key, s.instances) for s in unknown] == [("b", None), ("c", None)]
    assert [p.where.split(": ")[1] for p in dataset.problems] == ["line 5", "line 6", "gone.jpg"]


def test_a_table_can_say_that_there_is_no_craft(tmp_path: Path) -> None:
    for name in "abc":
        _picture(tmp_path / f"images/{name}.jpg")
    rows = ["image,xmin,ymin,xmax,ymax", "a.jpg,,,,", "b.jpg, , ,,", "b.jpg,1,1,3,3", "c.jpg"]
    (tmp_path / "boxes.csv").write_text("\n".join(rows))
    dataset = datasets.load(tmp_path)
    empty, boxed, cut_off = dataset.samples
    assert empty.instances == () and empty.complete and empty.searched
    assert boxed.instances is not None and len(boxed.instances) == 1
    assert cut_off.instances is None, "a row that was cut off says nothing"
    assert [p.where.split(": ")[1] for p in dataset.problems] == ["line 3", "line 5"]


def test_coco_annotations_in_their_usual_folders(tmp_path: Path) -> None:
    _picture(tmp_path / "images/val/a.png")
    document = {
        "images": [
            {"id": 9, "file_name": "a.png", "width": 6, "height": 4},
            {"id": 10, "file_name": "gone.png", "width": 6, "height": 4},
        ],
        "categories": [{"id": 7, "name": "Spacecraft"}],
        "annotations": [
            {
                "id": 1,
                "image_id": 9,
                "category_id": 7,
                "bbox": [1, 1, 2, 2],
                "segmentation": [[1, 1, 3, 1, 3, 3, 1, 3]],
            },
            {"id": 2, "image_id": 9, "category_id": 8, "bbox": [1, 1, 2, 2]},
            {"id": 3, "image_id": 11, "category_id": 7, "bbox": [1, 1, 2, 2]},
            {"id": 4, "image_id": 9, "category_id": 7, "bbox": [0, 0, 2, 2], "segmentation": {"size": [9, 9]}},
        ],
    }
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations/instances_val.json").write_text(json.dumps(document))
    dataset = datasets.load(tmp_path, split="val")
    (sample,) = dataset.samples
    assert sample.instances is not None
    (instance,) = sample.instances
    assert (instance.class_name, instance.box_xyxy.tolist()) == ("spacecraft", [1, 1, 3, 3])
    mask = instance.mask()
    assert mask is not None
    assert mask.sum() == 4
    assert sample.read_craft_mask() is None  # there are more craft, whose masks are not known
    assert not sample.complete
    assert [p.where.split(": ")[1] for p in dataset.problems] == [
        "image 10",
        "annotation 2",
        "annotation 3",
        "annotation 4",
    ]


def test_our_form_names_lines_and_files_it_cannot_use(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path) as writer:
        for key in ("a", "b", "c"):
            writer.add(key, GREY, GREY[..., 0] * 0)
    (tmp_path / "images/b.jpg").unlink()
    with (tmp_path / "samples.jsonl").open("a") as file:
        file.write('{"key": "d", "image": "images/a.jpg"}\nnonsense\n')
    dataset = datasets.load(tmp_path)
    assert [s.key for s in dataset] == ["a", "c"]
    assert len(dataset.problems) == 3
    assert any("images/b.jpg is missing" in str(p) for p in dataset.problems)
    assert any("line 5 is not a sample" in str(p) for p in dataset.problems)


def test_a_picture_of_another_size_than_declared_is_refused_when_read(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path) as writer:
        writer.add("a", GREY, GREY[..., 0] * 0)
    _picture(tmp_path / "labels/a.png", np.zeros((2, 2), np.uint8))
    (sample,) = datasets.load(tmp_path)
    with pytest.raises(DatasetError, match="is 2x2, but the set says 6x4"):
        sample.read_labels()


def test_an_image_was_searched_when_its_craft_or_its_parts_are_known() -> None:
    nothing = Sample("a", Path("a.png"), None, 6, 4)
    assert not nothing.searched
    assert replace(nothing, instances=()).searched
    assert replace(nothing, labels=Path("labels.png")).searched


def test_a_split_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path) as writer:
        writer.add("a", GREY, split="train")
        writer.add("b", GREY, split="val")
    assert [s.key for s in datasets.load(tmp_path, split="val")] == ["b"]
    with pytest.raises(DatasetError, match="no split 'test'; it has train, val"):
        datasets.load(tmp_path, split="test")


def test_a_folder_without_a_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no data set is recognised"):
        datasets.load(tmp_path)
    with pytest.raises(DatasetError, match="no such folder"):
        datasets.load(tmp_path / "gone")


def test_ten_thousand_samples_load_without_opening_a_picture(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path) as writer:
        writer.add("00000", GREY)
    line = (tmp_path / "samples.jsonl").read_text()
    with (tmp_path / "samples.jsonl").open("a") as file:
        file.writelines(line.replace('"key":"00000"', f'"key":"{k:05d}"') for k in range(1, 10_000))
    start = time.process_time()  # on the processor: what else the machine does meanwhile does not count
    assert len(datasets.load(tmp_path)) == 10_000
    assert time.process_time() - start < 5.0


def _manifest(root: Path, **values: object) -> datasets.Dataset:
    _picture(root / "a.png")
    assert cv2.imwrite(str(root / "m.png"), np.full((4, 6), 2, np.uint8))
    names = {"0": "background", "1": "body", "2": "panel", "3": "antenna"}
    pair = {"image": "a.png", "mask": "m.png", **values}
    (root / "manifest.json").write_text(json.dumps({"classes": names, "pairs": [pair]}))
    return datasets.load(root)


def test_pairs_may_have_several_craft_or_none(tmp_path: Path) -> None:
    (two,) = _manifest(tmp_path, boxes_xyxy=[[0, 0, 2, 2], [3, 1, 6, 4]]).samples
    assert two.instances is not None and [i.box_xyxy.tolist() for i in two.instances] == [[0, 0, 2, 2], [3, 1, 6, 4]]
    assert not two.one_craft
    (none,) = _manifest(tmp_path, boxes_xyxy=[]).samples
    assert none.instances == () and none.searched
    for wrong in ({"boxes_xyxy": [], "box_xyxy": [0, 0, 1, 1]}, {"boxes_xyxy": 3}):
        refused = _manifest(tmp_path, **wrong)
        assert not refused.samples and "boxes_xyxy" in str(refused.problems[0])


def test_pairs_may_have_only_some_parts_labelled(tmp_path: Path) -> None:
    (sample,) = _manifest(tmp_path, only=["panel"]).samples
    assert sample.only == ("panel",) and not sample.searched and sample.read_craft_mask() is None
    refused = _manifest(tmp_path, only=["wing"])
    assert not refused.samples and "only must list parts" in str(refused.problems[0])
    with datasets.DatasetWriter(tmp_path / "ours") as writer:
        writer.add("a", sample.read_image(), sample.read_labels(), only=sample.only)
    assert datasets.load(tmp_path / "ours").samples[0].only == ("panel",)
