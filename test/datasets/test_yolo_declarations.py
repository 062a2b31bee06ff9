"""What data.yaml declares is found, whoever wrote it where, or named."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from small_sets import BOX, YOLO_LINE, picture, write_picture

from afss_ros import datasets
from afss_ros.datasets import DatasetError
from afss_ros.datasets.convert import convert


def _pictures(root: Path, folder: str, count: int, *, labels: str | None = None, suffix: str = ".png") -> None:
    for number in range(count):
        write_picture(root / folder / f"{number}{suffix}", picture(sum(folder.encode()) * 10 + number))
        if labels is not None:
            text = root / labels / f"{number}.txt"
            text.parent.mkdir(parents=True, exist_ok=True)
            text.write_text(YOLO_LINE)


def _declare(root: Path, **document: Any) -> datasets.Dataset:
    (root / "data.yaml").write_text(yaml.safe_dump({"names": ["spacecraft"], **document}))
    return datasets.load(root)


def _counts(dataset: datasets.Dataset) -> dict[str, int]:
    for sample in dataset:
        (craft,) = sample.instances or ()
        np.testing.assert_allclose(craft.box_xyxy, BOX, atol=1e-3)
    return {split: sum(s.split == split for s in dataset) for split in dataset.splits}


def test_a_split_may_be_a_list_of_folders(tmp_path: Path) -> None:
    for folder, count in (("day", 3), ("night", 2), ("val", 2)):
        _pictures(tmp_path, f"images/{folder}", count, labels=f"labels/{folder}")
    dataset = _declare(tmp_path, train=["images/day", "images/night"], val="images/val")
    assert (_counts(dataset), dataset.problems) == ({"train": 5, "val": 2}, ())
    assert [s.key for s in dataset][::3] == ["train/day/0", "train/night/0", "val/1"]


def test_a_split_may_be_lists_of_pictures_relative_to_the_list(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        _pictures(tmp_path, f"{folder}/images", 3, labels=f"{folder}/labels")
        (tmp_path / folder / "train.txt").write_text("".join(f"./images/{n}.png\n" for n in range(3)))
    (tmp_path / "b/train.txt").write_text(f"images/0.png\n\n{tmp_path}/b/images/1.png\nimages/gone.png\nimages/0.png\n")
    dataset = _declare(tmp_path, path="/home/somebody/set", train=["a/train.txt", "b/train.txt", "c/train.txt"])
    assert _counts(dataset) == {"train": 5}
    reasons = [str(p) for p in dataset.problems]
    assert len(reasons) == 4
    for said in ("'images/gone.png' leads to no picture", "b/images/0.png is declared twice", "'c/train.txt' leads to"):
        assert any(said in reason for reason in reasons), reasons
    assert any("b/labels/2.txt: has no picture" in reason for reason in reasons)


@pytest.mark.parametrize("above", ["C:\\Users\\x\\set\\", "/home/x/set/", "../"])
def test_paths_of_another_machine_are_found_by_their_ends(tmp_path: Path, above: str) -> None:
    for folder in ("train", "valid", "test"):
        _pictures(tmp_path, f"{folder}/images", 2, labels=f"{folder}/labels")
    slash = "\\" if "\\" in above else "/"
    splits = {"train": "train", "val": "valid", "test": "test"}
    named = {key: f"{above}{folder}{slash}images" for key, folder in splits.items()}
    dataset = _declare(tmp_path, **named)
    assert (_counts(dataset), dataset.problems) == ({"test": 2, "train": 2, "val": 2}, ())
    assert sorted(s.key for s in dataset)[::2] == ["test/0", "train/0", "val/0"]


def test_valid_is_val_and_a_split_of_another_name_that_we_write_is_read(tmp_path: Path) -> None:
    _pictures(tmp_path, "images/train", 1, labels="labels/train")
    _pictures(tmp_path, "images/valid", 2, labels="labels/valid")
    _pictures(tmp_path, "images/held_out", 3, labels="labels/held_out")
    dataset = _declare(tmp_path, train="images/train", valid="images/valid", held_out="images/held_out", note="images")
    assert _counts(dataset) == {"held_out": 3, "train": 1, "val": 2}
    convert(dataset, tmp_path / "again", "yolo")
    assert _counts(datasets.load(tmp_path / "again")) == {"held_out": 3, "train": 1, "val": 2}


@pytest.mark.parametrize("value", ["images/gone", ["images/gone"], "gone.txt", [{}], "empty", "empty.txt"])
def test_a_declaration_that_leads_to_nothing_is_named(tmp_path: Path, value: Any) -> None:
    _pictures(tmp_path, "images/val", 1, labels="labels/val")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.txt").write_text("\n")
    dataset = _declare(tmp_path, train=value, val="images/val")
    assert _counts(dataset) == {"val": 1}
    assert [p.where for p in dataset.problems] == [f"{tmp_path}/data.yaml: train"]


def test_two_splits_are_not_the_same_folder_by_accident(tmp_path: Path) -> None:
    _pictures(tmp_path, "images", 2, labels="labels")
    dataset = _declare(tmp_path, train="/old/train/images", val="/old/val/images")
    assert _counts(dataset) == {"train": 2}
    assert "is train already" in str(dataset.problems[0])


def test_labels_lie_beside_pictures_where_no_images_folder_is_in_the_path(tmp_path: Path) -> None:
    root = tmp_path / "images/set"  # which is not the folder that YOLO means
    _pictures(root, "train", 4, labels="train")
    assert _counts(_declare(root, train="train")) == {"train": 4}


@pytest.mark.parametrize("suffix", [".webp", ".tif", ".tiff", ".JPG", ".jpeg", ".bmp", ".jfif"])
def test_every_picture_that_afss_label_reads_is_read(tmp_path: Path, suffix: str) -> None:
    stored = {".jfif": ".jpg", ".JPG": ".jpg"}.get(suffix, suffix)
    _pictures(tmp_path, "images/train", 2, labels="labels/train", suffix=stored)
    for path in (tmp_path / "images/train").iterdir():
        path.rename(path.with_suffix(suffix))
    dataset = _declare(tmp_path, train="images/train")
    assert (_counts(dataset), dataset.problems) == ({"train": 2}, ())


def test_what_is_not_read_is_named(tmp_path: Path) -> None:
    _pictures(tmp_path, "images/train", 1, labels="labels/train")
    (tmp_path / "images/train/phone.HEIC").write_bytes(b"x")
    (tmp_path / "images/train/gone.png").symlink_to("nowhere.png")
    os.mkfifo(tmp_path / "images/train/pipe.png")
    (tmp_path / "labels/train/orphan.txt").write_text(YOLO_LINE)
    (tmp_path / "images/train/classes.txt").write_text("spacecraft\n")
    dataset = _declare(tmp_path, train="images/train")
    assert _counts(dataset) == {"train": 1}
    named = sorted(Path(p.where).name for p in dataset.problems)
    assert named == ["gone.png", "orphan.txt", "phone.HEIC", "pipe.png"]


def test_linked_folders_are_read_once_and_loops_are_named(tmp_path: Path) -> None:
    root = tmp_path / "set"
    _pictures(tmp_path, "disk/flight", 2)
    (root / "images/train").mkdir(parents=True)
    (root / "images/train/flight").symlink_to(tmp_path / "disk/flight")
    (root / "images/train/again").symlink_to(root / "images/train")
    for number in range(2):
        (root / "labels/train/flight").mkdir(parents=True, exist_ok=True)
        (root / f"labels/train/flight/{number}.txt").write_text(YOLO_LINE)
    dataset = _declare(root, train="images/train")
    assert _counts(dataset) == {"train": 2}
    assert [Path(p.where).name for p in dataset.problems] == ["again"]
    assert "disk/flight" in dataset.notes[0]


@pytest.mark.parametrize("train", ["..", "/", "."])
def test_a_folder_that_the_set_lies_in_is_not_walked(tmp_path: Path, train: str) -> None:
    root = tmp_path / "set"
    _pictures(root, "images", 1, labels="labels")
    write_picture(tmp_path / "secret.png", picture(5))
    dataset = _declare(root, train=train)
    assert all(s.image.is_relative_to(root) for s in dataset)
    assert train == "." or "lies in" in str(dataset.problems[0])


def test_a_split_in_which_nobody_labelled_is_unknown_and_named(tmp_path: Path) -> None:
    _pictures(tmp_path, "images/train", 3)
    _pictures(tmp_path, "images/val", 2, labels="labels/val")
    (tmp_path / "labels/val/1.txt").unlink()
    dataset = _declare(tmp_path, train="images/train", val="images/val")
    assert [s.instances is None for s in dataset] == [True, True, True, False, False]
    assert dataset[4].instances == ()
    assert [p.where for p in dataset.problems] == [f"{tmp_path}/data.yaml: train"]
    assert "1 of 5 pictures have no label file" in dataset.notes[0]


@pytest.mark.parametrize(
    ("names", "found"),
    [("[no]", "no"), ("[1]", "1"), ("spacecraft", "spacecraft"), ("{0: yes}", "yes"), ("{'0': 1.0}", "1.0")],
)
def test_names_are_text_as_it_is_written(tmp_path: Path, names: str, found: str) -> None:
    _pictures(tmp_path, "images/train", 1, labels="labels/train")
    (tmp_path / "data.yaml").write_text(f"train: images/train\nnames: {names}\n")
    (sample,) = datasets.load(tmp_path)
    assert [i.class_name for i in sample.instances or ()] == [found]


@pytest.mark.parametrize("names", ["{0: }", "[null]", "[[]]", "{0: {a: b}}"])
def test_a_class_without_a_name_is_named(tmp_path: Path, names: str) -> None:
    _pictures(tmp_path, "images/train", 1, labels="labels/train")
    (tmp_path / "data.yaml").write_text(f"train: images/train\nnames: {names}\n")
    dataset = datasets.load(tmp_path)
    assert [i.class_name for i in dataset[0].instances or ()] == ["class_0"]
    assert "class 0 has no name" in str(dataset.problems[0])


@pytest.mark.parametrize("text", ["names: {a: b}\n", "names: [a\n", "[" * 5000, "names: [a]\n\x00", "- a\n" * 3])
def test_a_declaration_that_is_none_is_refused_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(DatasetError):
        datasets.load(tmp_path)


@pytest.mark.parametrize("values", ["0.5 inf 0.2 0.2", "0.5 0.5 1e9 1e9", "0.1 0.1 nan 0.5 0.5 0.5", "320 240 64 64"])
def test_coordinates_that_cannot_be_are_named_before_anything_is_drawn(tmp_path: Path, values: str) -> None:
    _pictures(tmp_path, "images/train", 1, labels="labels/train")
    (tmp_path / "labels/train/0.txt").write_text(f"0 {values}\n")
    dataset = _declare(tmp_path, train="images/train")
    assert dataset[0].instances is None
    assert "coordinates are not in 0..1" in str(dataset.problems[0])
