"""COCO of others: splits, folders, ids, and what is known of a picture of which an annotation was skipped."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_sets import BOX, HEIGHT, WIDTH, coco_document, mask, picture, write_picture

from afss_ros import datasets
from afss_ros.datasets import DatasetError
from afss_ros.datasets.convert import convert
from afss_ros.datasets.rle import encode

POLYGON = [10, 6, 22, 6, 22, 14, 10, 14]


def _write(root: Path, name: str = "instances.json", folder: str = "images", count: int = 1, **changes: Any) -> Path:
    names = [f"{n}.png" for n in range(count)]
    for number, picture_name in enumerate(names):
        write_picture(root / folder / picture_name, picture(hash(name) % 1000 + number))
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(json.dumps({**coco_document(names), **changes}))
    return root


def _annotation(**changes: Any) -> dict[str, Any]:
    whole = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 6, 12, 8], "segmentation": [POLYGON], **changes}
    return {k: v for k, v in whole.items() if v != "left out"}


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("annotations/instances_train2017.json", "train"),
        ("annotations/instances_val2017.json", "val"),
        ("annotations/instances_valid.json", "val"),
        ("annotations/validation.json", "val"),
        ("annotations/instances_trainval2014.json", "train"),
        ("annotations/instances_test-2017.json", "test"),
        ("valid/_annotations.coco.json", "val"),
        ("test/_annotations.coco.json", "test"),
        ("train_annotations.json", "train"),
        ("annotations/instances_default.json", ""),
        ("my_test_bench.json", ""),
    ],
)
def test_the_split_is_what_the_file_or_its_folder_says(tmp_path: Path, name: str, split: str) -> None:
    folder = Path(name).parent.as_posix() if name.endswith(".coco.json") else "images"
    dataset = datasets.load(_write(tmp_path, name, folder))
    assert (dataset.problems, [s.split for s in dataset]) == ((), [split])


@pytest.mark.parametrize(
    "segmentation",
    [[], [[]], None, [[], POLYGON], [[10, 6, 11, 7], POLYGON], POLYGON, [POLYGON]],
    ids=["none", "an empty one", "null", "empty and good", "degenerate and good", "flat", "good"],
)
def test_what_is_no_polygon_is_dropped_and_the_rest_kept(tmp_path: Path, segmentation: Any) -> None:
    (sample,) = datasets.load(_write(tmp_path, annotations=[_annotation(segmentation=segmentation)]))
    assert sample.complete
    (craft,) = sample.instances or ()
    assert craft.box_xyxy.tolist() == list(BOX)
    found = craft.mask()
    if found is None:
        assert segmentation in ([], [[]], None)
    else:
        np.testing.assert_array_equal(found, mask())


@pytest.mark.parametrize("bbox", ["left out", [], None, [0, 0, 0, 0]])
def test_a_mask_without_a_box_has_the_box_around_it(tmp_path: Path, bbox: Any) -> None:
    (sample,) = datasets.load(_write(tmp_path, annotations=[_annotation(bbox=bbox)]))
    (craft,) = sample.instances or ()
    assert craft.box_xyxy.tolist() == list(BOX)


@pytest.mark.parametrize(
    "annotation",
    [
        _annotation(iscrowd=1, segmentation={"size": [HEIGHT, WIDTH], "counts": encode(mask())["counts"]}),
        _annotation(category_id=7),
        _annotation(bbox=[1, 1, 0, 0], segmentation="left out"),
        _annotation(bbox=[float("nan"), 1, 2, 2]),
        _annotation(bbox="a box"),
        _annotation(segmentation=[[float("nan"), 0, 1, 1, 2, 2]]),
        _annotation(segmentation=[[0, 0, 1e9, 0, 1e9, 1e9]]),
        _annotation(segmentation={"size": [HEIGHT, WIDTH], "counts": [2**62, -1]}),
        _annotation(segmentation={"size": [HEIGHT, WIDTH], "counts": "zzzz"}),
        _annotation(segmentation={"size": [9, 9], "counts": [81]}),
        _annotation(segmentation="polygon"),
        _annotation(score="high"),
        "annotation",
        None,
        {},
    ],
)
def test_a_picture_of_which_an_annotation_was_skipped_is_not_known_to_be_empty(tmp_path: Path, annotation: Any) -> None:
    root = _write(tmp_path / "set", annotations=[annotation])
    dataset = datasets.load(root)
    (sample,) = dataset
    assert len(dataset.problems) == 1
    assert "annotation" in dataset.problems[0].where
    assert sample.instances is None
    assert sample.read_craft_mask() is None
    assert not sample.searched
    convert(dataset, tmp_path / "ours", "afss")
    assert [s.instances for s in datasets.load(tmp_path / "ours")] == [None]
    for form in ("coco", "yolo"):
        assert len(convert(dataset, tmp_path / form, form).left_out) == 1


def test_the_other_craft_of_a_picture_are_kept_and_said_not_to_be_all(tmp_path: Path) -> None:
    root = _write(tmp_path / "set", annotations=[_annotation(), _annotation(id=2, iscrowd=1)])
    for dataset in (datasets.load(root), _converted(root, tmp_path / "ours")):
        (sample,) = dataset
        assert [i.box_xyxy.tolist() for i in sample.instances or ()] == [list(BOX)]
        assert not sample.complete
        assert sample.read_craft_mask() is None


def _converted(root: Path, out: Path) -> datasets.Dataset:
    convert(datasets.load(root), out, "afss")
    return datasets.load(out)


def test_pictures_with_one_id_get_no_craft_of_each_other(tmp_path: Path) -> None:
    document = coco_document([f"{n}.png" for n in range(4)])
    for image, identifier in zip(document["images"], (1, 2, 1, 2), strict=True):
        image["id"] = identifier
    root = _write(tmp_path, count=4, **document)
    dataset = datasets.load(root)
    assert [(s.key, s.instances) for s in dataset] == [(str(n), None) for n in range(4)]
    named = [p.where.rsplit(": ", 1)[1] for p in dataset.problems]
    assert named == ["image 1", "image 2", "annotation 3", "annotation 4"]  # of images 3 and 4, which there are not


def test_what_occurs_twice_is_read_once_and_named(tmp_path: Path) -> None:
    document = coco_document(["0.png"])
    dataset = datasets.load(_write(tmp_path, **{k: v * 2 for k, v in document.items()}))
    (sample,) = dataset
    assert len(sample.instances or ()) == 1
    assert [p.where.split(": ")[1] for p in dataset.problems] == ["category 1", "image 1", "annotation 1"]


def test_a_file_of_another_task_is_named_and_the_set_is_read(tmp_path: Path) -> None:
    root = _write(tmp_path, "annotations/train.json")
    captions = {"images": [{"id": 1, "file_name": "0.png"}], "annotations": [{"image_id": 1, "caption": "a craft"}]}
    (root / "annotations/captions.json").write_text(json.dumps(captions))
    dataset = datasets.load(root)
    assert len(dataset) == 1
    assert [p.where for p in dataset.problems] == [str(root / "annotations/captions.json")]


@pytest.mark.parametrize("described", [False, True])
def test_pictures_without_annotations_are_unknown_and_with_none_empty(tmp_path: Path, described: bool) -> None:
    document = coco_document(["0.png"])
    if described:
        document["annotations"] = []
    else:
        del document["annotations"]
    _write(tmp_path)
    (tmp_path / "instances.json").write_text(json.dumps(document))
    (sample,) = datasets.load(tmp_path)
    assert sample.instances == (() if described else None)


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, '{"images": ' + "[" * 100_000, '{"images": null, "categories": []}', "[1]", "\ud800", "{"],
)
def test_a_file_that_is_no_coco_is_refused_in_words(tmp_path: Path, content: str) -> None:
    (tmp_path / "instances.json").write_bytes(content.encode(errors="surrogatepass") + b' "images"')
    with pytest.raises(DatasetError, match=r"instances\.json"):
        datasets.load(tmp_path)


@pytest.mark.parametrize("name", ["../secret.png", "/secret.png", "..\\secret.png", "a\0b", "\ud800.png", "", 5, None])
def test_a_record_leads_nowhere_outside_of_its_set(tmp_path: Path, name: Any) -> None:
    write_picture(tmp_path / "secret.png", picture(1))
    named = str(tmp_path / "secret.png") if name == "/secret.png" else name
    root = _write(tmp_path / "set", images=[{"id": 1, "file_name": named, "width": WIDTH, "height": HEIGHT}])
    dataset = datasets.load(root)
    assert len(dataset) == 0
    assert "image 1" in dataset.problems[0].where


def test_what_is_linked_into_a_set_is_read_and_said(tmp_path: Path) -> None:
    root = _write(tmp_path / "set")
    (root / "images").rename(tmp_path / "disk")
    (root / "images").symlink_to(tmp_path / "disk")
    dataset = datasets.load(root)
    assert len(dataset) == 1
    assert dataset.notes == (f"1 files are read from outside of the set: {tmp_path / 'disk'}",)


def test_what_we_convert_says_where_its_pictures_are_and_is_read_again(tmp_path: Path) -> None:
    dataset = datasets.load(_write(tmp_path / "set"))
    convert(dataset, tmp_path / "elsewhere/out.json", "coco")
    again = datasets.load(tmp_path / "elsewhere/out.json")
    assert again.problems == ()
    np.testing.assert_array_equal(again[0].read_image(), dataset[0].read_image())
    assert "outside of the set" in again.notes[0]


def test_paths_of_another_machine_are_found_by_their_ends(tmp_path: Path) -> None:
    names = ["/home/somebody/set/images/0.png", "C:\\data\\set\\images\\1.png", "..\\images\\2.png", "images/3.png"]
    images = [{"id": i, "file_name": n, "width": WIDTH, "height": HEIGHT} for i, n in enumerate(names, 1)]
    dataset = datasets.load(_write(tmp_path, count=4, images=images))
    assert [s.image.name for s in dataset] == ["0.png", "1.png", "2.png", "3.png"]
    assert dataset.problems == ()


def test_a_pipe_or_a_device_beside_the_set_is_not_opened(tmp_path: Path) -> None:
    root = _write(tmp_path)
    os.mkfifo(root / "pipe.json")
    (root / "zero.json").symlink_to("/dev/zero")
    dataset = datasets.load(root)
    assert len(dataset) == 1
    assert sorted(Path(p.where).name for p in dataset.problems) == ["pipe.json", "zero.json"]


def test_names_that_are_no_keys_are_made_keys_and_kept(tmp_path: Path) -> None:
    names = ["sub dir/b c.png", "sub_dir/b_c.png", ".hidden.png", "ü/ä.png", "new\nline.png", "a.b.v1.png"]
    root = tmp_path / "set"
    for number, name in enumerate(names):
        (root / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        write_picture(root / "images/x.png", picture(number)).rename(root / "images" / name)
    (root / "ann.json").write_text(json.dumps(coco_document(names)))
    dataset = datasets.load(root)
    assert [s.key for s in dataset] == ["sub_dir/b_c", "sub_dir/b_c_2", "hidden", "frame/frame", "new_line", "a.b.v1"]
    assert dataset[3].attributes["name"] == "ü/ä"
    assert convert(dataset, tmp_path / "out", "afss").left_out == ()
    assert len(datasets.load(tmp_path / "out")) == 6
