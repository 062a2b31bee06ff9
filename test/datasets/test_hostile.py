"""Records made to break things: refused in words, and nothing is written elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_sets import native, picture, write_picture

from afss_ros import cli, datasets
from afss_ros.datasets import DatasetError, rle
from afss_ros.datasets.convert import convert
from afss_ros.datasets.keys import Keys, is_key, safe_key


def _edit(root: Path, **changes: Any) -> Path:
    lines = (root / "samples.jsonl").read_text().splitlines()
    first = {**json.loads(lines[0]), **changes}
    (root / "samples.jsonl").write_text("\n".join([json.dumps(first), *lines[1:]]) + "\n")
    return root


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "../../evil"},
        {"key": "/tmp/evil"},
        {"key": "\ud800"},
        {"split": "../.."},
        {"split": ["train"]},
        {"sequence": ["s"]},
        {"image": "../outside.png"},
        {"image": "/etc/hostname"},
        {"labels": "../outside.png"},
        {"labels": 5},
        {"width": float("inf")},
        {"width": 10**9, "height": 10**9},
        {"height": -1},
        {"instances": {}},
        {"attributes": [1]},
        {"parts": "panel"},
    ],
    ids=str,
)
def test_a_record_that_is_none_costs_itself_and_writes_nowhere(tmp_path: Path, changes: dict[str, Any]) -> None:
    write_picture(tmp_path / "outside.png", picture(9))
    root = _edit(native(tmp_path / "in/set"), **changes)
    dataset = datasets.load(root)
    assert len(dataset) == 3
    assert len(dataset.problems) == 1
    before = {p for p in tmp_path.rglob("*") if p.is_file()}
    for form in ("afss", "coco", "yolo", "yolo-parts"):
        convert(dataset, tmp_path / "out" / form, form)
    new = {p for p in tmp_path.rglob("*") if p.is_file()} - before
    assert all(p.is_relative_to(tmp_path / "out") for p in new)


@pytest.mark.parametrize(
    "instance",
    [
        None,
        "craft",
        {},
        {"class_name": "spacecraft", "box_xyxy": [0, 0, float("nan"), 1]},
        {"class_name": "spacecraft", "box_xyxy": [0, 0, 1]},
        {"class_name": "spacecraft", "box_xyxy": [0, 0, 1, 1], "score": "high"},
        {"class_name": "spacecraft", "box_xyxy": [0, 0, 1, 1], "rle": {"size": [32, 48], "counts": [2**62]}},
        {"class_name": "spacecraft", "box_xyxy": [0, 0, 1, 1], "rle": {"size": [10**6, 10**6], "counts": "0"}},
        {"class_name": "spacecraft", "box_xyxy": [0, 0, 1, 1], "rle": "mask"},
    ],
    ids=str,
)
def test_an_instance_that_is_none_leaves_its_picture_unknown(tmp_path: Path, instance: Any) -> None:
    dataset = datasets.load(_edit(native(tmp_path), instances=[instance]))
    assert [s.instances is None for s in dataset] == [True, False, False, False]
    assert "instance 0" in str(dataset.problems[0])


@pytest.mark.parametrize(
    "declaration",
    ["[" * 100_000, "[]", "5", '{"format": "afss-dataset", "version": 1}', '{"class_names": {"Infinity": 1}}', "\x00"],
)
def test_a_declaration_that_is_none_is_refused_in_words(
    tmp_path: Path, declaration: str, capsys: pytest.CaptureFixture[str]
) -> None:
    native(tmp_path)
    (tmp_path / "dataset.json").write_text(declaration)
    assert cli.main(["data", "check", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "dataset.json" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "polygon",
    [[float("nan")] * 6, [float("inf"), 0, 1, 1, 5, 5], [0, 0, 1e9, 0, 1e9, 1e9], [0, 0, 1e4, 0, 1e4, 1e4], ["a"] * 6],
)
def test_no_polygon_reaches_compiled_code_that_would_walk_for_ever(polygon: list[float]) -> None:
    with pytest.raises(DatasetError, match="no numbers, or far outside 64x48"):
        rle.from_polygons([polygon], 48, 64)


def test_an_outline_longer_than_any_object_s_is_refused() -> None:
    zigzag = [v for i in range(400_000) for v in (float(i % 2) * 255, float(i % 256))]
    with pytest.raises(DatasetError, match="which no object's is"):
        rle.from_polygons([zigzag], 256, 256)


@pytest.mark.parametrize(
    "mask",
    [
        {"size": [3, 3], "counts": "~~~"},
        {"size": [3, 3], "counts": [2**62, -1]},
        {"size": [1e9, 1e9], "counts": [1]},
        {"size": [float("inf"), 1], "counts": ""},
        {"size": [2, 2], "counts": "oooo"},
        {"size": [2, 2], "counts": [2, 1]},
        {"size": [2, 2], "counts": "\ud800"},
        {"size": None, "counts": "0"},
        {},
        None,
    ],
    ids=str,
)
def test_run_lengths_that_do_not_fill_their_mask_are_refused(mask: Any) -> None:
    with pytest.raises(DatasetError, match="not a COCO run length mask"):
        rle.decode(mask)


def test_run_lengths_are_decoded_as_pycocotools_writes_them() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        mask = rng.random(rng.integers(1, 70, 2)) < rng.random()
        np.testing.assert_array_equal(rle.decode(rle.encode(mask)), mask)


@pytest.mark.parametrize("name", ["a/../../b", "/a", "a//b", "", ".", "..", "a b", "é", "a" * 300, "x/" + "é" * 200])
def test_any_name_gives_a_key_that_stays_inside(name: str) -> None:
    assert not is_key(name)
    key = safe_key(name)
    assert is_key(key)
    assert ".." not in key.split("/")


def test_keys_are_given_out_once() -> None:
    keys = Keys()
    assert [keys.take(name) for name in ("a b", "a_b", "a_b_2", "a b")] == ["a_b", "a_b_2", "a_b_2_2", "a_b_3"]


def test_convert_says_what_it_wrote_and_what_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = native(tmp_path / "set")
    (root / "images/0.jpg").write_bytes(b"no picture")
    assert cli.main(["data", "convert", str(root), "--out", str(tmp_path / "out")]) == 3
    said = capsys.readouterr()
    assert f"3 of 4 samples in {tmp_path / 'out'}: pictures as PNG" in " ".join(said.out.split())
    assert "images/0.jpg" in "".join(said.err.split())
    assert cli.main(["data", "convert", str(root), "--to", "yolo", "--out", str(tmp_path / "yolo")]) == 3
    assert cli.main(["data", "convert", str(root), "--to", "yolo", "--out", str(tmp_path / "yolo")]) == 1
    assert "holds a YOLO set already" in capsys.readouterr().err
