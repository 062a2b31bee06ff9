"""Search by sentence: in a recording as the student sees it, in a labelled set as it is, and where two differ."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from refer_scenes import ONE_CRAFT, label_map, two_craft

from afss_ros.cli import main
from afss_ros.datasets import DatasetWriter, Instance
from afss_ros.images import encode_compressed
from afss_ros.refer import SentenceError
from afss_ros.refer.sets.find import find
from afss_ros.sources import SourceError


def craft(panels: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """64 x 64: a grey body, and so many blue panels, as the tiny student sees them."""
    image = np.zeros((64, 64, 3), np.uint8)
    image[24:40, 24:40] = 200
    for number in range(panels):
        image[28:36, (2, 44)[number] : (2, 44)[number] + 18] = (0, 0, 255)
    return image


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for panels in range(3):
        (folder / f"{panels}.png").write_bytes(encode_compressed(craft(panels), "png"))
    (folder / "9.png").write_bytes(b"no picture")
    return folder


def lines(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / "found.jsonl").read_text().splitlines()]


def test_frames_of_a_recording_are_found(pictures: Path, tiny_student: Path, tmp_path: Path) -> None:
    out = tmp_path / "found"
    searched = find(pictures, "a panel", out, model=tiny_student)
    assert searched.frames == 3 and len(searched.problems) == 1 and "9.png" in searched.problems[0]
    assert {line["key"]: line["count"] for line in lines(out)} == {"1": 1, "2": 2}
    assert (out / "sheet.jpg").stat().st_size > 1000
    find(pictures, "two panels", out, model=tiny_student)
    assert [line["key"] for line in lines(out)] == ["2"]
    assert not find(pictures, "the antenna", tmp_path / "none", model=tiny_student).hits
    assert lines(tmp_path / "none") == []


def test_samples_of_a_labelled_set_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with DatasetWriter(tmp_path / "set") as writer:
        for key, drawn in (("one", label_map(*ONE_CRAFT)), ("two", two_craft())):
            image = np.repeat(drawn[:, :, None] * np.uint8(60), 3, axis=2)
            box = Instance.from_mask("spacecraft", drawn > 0)
            writer.add(key, image, labels=drawn, instances=[box] if key == "one" else None)
    assert main(["refer", "find", str(tmp_path / "set"), "the left panel", "--out", str(tmp_path / "a")]) in (0, 3)
    assert "one" in [line["key"] for line in lines(tmp_path / "a")]
    assert "frames are meant" in capsys.readouterr().out


def test_where_two_differ_is_found(pictures: Path, tiny_student: Path, tmp_path: Path) -> None:
    from tiny_referrer import build_tiny_referrer

    network = build_tiny_referrer(tmp_path / "tiny.onnx", (64, 64), words=("body", "the"))
    # The network takes all that is bright for the body: where there are blue panels, it is right all the same.
    found = find(pictures, "the body", tmp_path / "out", model=tiny_student, network=network, differ=0.0)
    assert found.frames == 3 and {line["disagreement"] for line in found.hits} == {0.0}
    assert not find(pictures, "the body", tmp_path / "out", model=tiny_student, network=network, differ=0.5).hits
    with pytest.raises(SentenceError, match="'panel'"):
        find(pictures, "the panel", tmp_path / "out", model=tiny_student, network=network)


def test_what_cannot_be_searched_is_named(tmp_path: Path, pictures: Path) -> None:
    with pytest.raises(SourceError, match="no source at"):
        find(tmp_path / "nowhere", "the panel", tmp_path / "out")
    with pytest.raises(SentenceError, match="'shiny'"):
        find(pictures, "the shiny panel", tmp_path / "out")
    assert not (tmp_path / "out").exists()
