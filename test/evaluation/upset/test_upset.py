"""Bits flipped one at a time: drawn from every kind, put back afterwards, judged against the sound student."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tiny_students import build_tiny_student

from afss_ros.cli import main
from afss_ros.evaluation.upset import campaign, figures, sites
from afss_ros.evaluation.upset.campaign import Upset
from afss_ros.evaluation.upset.sites import Site
from afss_ros.images import encode_compressed
from afss_ros.perception import Frame
from afss_ros.student import StudentError, manifest
from afss_ros.student.known_answer import KnownAnswer


def craft() -> np.ndarray:
    image = np.zeros((64, 64, 3), np.uint8)
    image[8:40, 16:48] = 200
    return image


@pytest.mark.parametrize(
    ("value", "bit", "expected"),
    [
        (np.array([1.0], np.float32), 31, -1.0),
        (np.array([1.0], np.float32), 30, np.inf),
        (np.array([3], np.int8), 7, -125),
        (np.array([0], np.uint8), 7, 128),
        (np.array([1], np.int64), 1, 3),
    ],
)
def test_one_bit_of_one_element(value: np.ndarray, bit: int, expected: float) -> None:
    flipped = sites.flip(value, 0, bit)
    assert flipped.dtype == value.dtype and flipped[0] == expected
    assert (sites.flip(flipped, 0, bit) == value).all()
    bits = int((flipped.reshape(-1).view(f"u{value.itemsize}") ^ value.view(f"u{value.itemsize}"))[0])
    assert bits.bit_count() == 1


def quantised() -> onnx.ModelProto:
    """A graph with a tensor of every kind."""
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"]),
        helper.make_node("DequantizeLinear", ["w8", "w_scale", "w_zero"], ["w"]),
        helper.make_node("DequantizeLinear", ["b32", "b_scale", "b_zero"], ["b"]),
        helper.make_node("Conv", ["d", "w", "b"], ["c"]),
        helper.make_node("Conv", ["c", "w_float"], ["e"]),
        helper.make_node("Reshape", ["e", "shape"], ["y"]),
    ]
    values = {
        "scale": np.float32(0.5),
        "zero": np.uint8(3),
        "w8": np.ones((1, 1, 1, 1), np.int8),
        "w_scale": np.float32(0.1),
        "w_zero": np.int8(0),
        "b32": np.ones(1, np.int32),
        "b_scale": np.float32(0.1),
        "b_zero": np.int32(0),
        "w_float": np.ones((1, 1, 1, 1), np.float32),
        "shape": np.array([1, 1], np.int64),
    }
    graph = helper.make_graph(
        nodes,
        "quantised",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 1, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_tensors_are_of_the_kind_that_their_readers_take_them_for() -> None:
    assert sites.kinds(quantised()) == {
        "scale": "scales",
        "zero": "zero_points",
        "w8": "weights",
        "w_scale": "scales",
        "w_zero": "zero_points",
        "b32": "biases",
        "b_scale": "scales",
        "b_zero": "zero_points",
        "w_float": "weights",
        "shape": "constants",
    }


def test_every_kind_is_drawn_alike_and_every_bit_of_it_may_be() -> None:
    model = quantised()
    drawn = sites.draw(model, 400, seed=0)
    assert [site.kind for site in drawn] == [kind for kind in sites.KINDS for _ in range(400)]
    assert drawn == sites.draw(model, 400, seed=0) != sites.draw(model, 400, seed=1)
    weights = {(site.tensor, site.bit) for site in drawn if site.kind == "weights"}
    assert weights == {("w8", bit) for bit in range(8)} | {("w_float", bit) for bit in range(32)}


def test_a_flip_is_one_bit_of_the_file_and_leaves_the_model_as_it_was(tiny_student: Path) -> None:
    model = onnx.load(str(tiny_student))
    before = model.SerializeToString()
    after = sites.flipped(model, Site("bright", "constants", 0, 22))
    assert model.SerializeToString() == before
    (bright,) = [t for t in onnx.load_model_from_string(after).graph.initializer if t.name == "bright"]
    assert numpy_helper.to_array(bright) == np.float32(64.0)  # 96 without the highest bit of its fraction
    with pytest.raises(KeyError):
        sites.flipped(model, Site("nowhere", "weights", 0, 0))


@pytest.fixture
def student(tmp_path: Path) -> Path:
    path = build_tiny_student(tmp_path / "tiny.onnx")
    labels = np.zeros((64, 64), np.uint8)
    labels[8:40, 16:48] = 1
    manifest.write(path, manifest.of_file(path, KnownAnswer(craft(), labels)))
    return path


def judged(student: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, *drawn: Site) -> list[Upset]:
    monkeypatch.setattr(campaign, "draw", lambda *_: list(drawn))
    return campaign.run(student, [Frame(craft())], folder, flips=1)


def test_what_a_flip_does_and_who_sees_it(student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    harmless, ruinous, fatal = judged(
        student,
        tmp_path / "out",
        monkeypatch,
        Site("bright", "constants", 0, 0),  # 96 and a bit: no pixel lies between
        Site("body", "constants", 0, 1),  # body is called antenna
        Site("channels", "constants", 0, 5),  # a split into more channels than there are
    )
    assert harmless.harmless and not harmless.answer_changed
    assert (ruinous.agreement, ruinous.pixels, ruinous.detections) == (0.0, 32 * 32, 0)
    assert ruinous.ruins and ruinous.answer_changed and ruinous.answer_wrong and not ruinous.refused
    assert fatal.refused and fatal.ruins
    assert figures.summarise([harmless, ruinous, fatal])["all"] == {
        "flips": 3,
        "harmless": 1,
        "change_pixels": 1,
        "change_detections": 0,
        "ruin_masks": 2,
        "refused": 1,
        "seen_to_the_bit": 2,
        "seen_by_answer": 2,
        "ruin_unseen": 0,
    }


def test_a_campaign_goes_on_where_it_was_stopped(student: Path, tmp_path: Path) -> None:
    frames = [Frame(craft())]
    whole = campaign.run(student, frames, tmp_path / "whole", flips=4)

    def stop(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        campaign.run(student, frames, tmp_path / "stopped", flips=4, advanced=stop)
    assert len((tmp_path / "stopped" / "upsets.jsonl").read_text().splitlines()) == 2
    assert campaign.run(student, frames, tmp_path / "stopped", flips=4) == whole
    names = ("upsets.jsonl", "campaign.json")
    assert [(tmp_path / "stopped" / n).read_bytes() for n in names] == [
        (tmp_path / "whole" / n).read_bytes() for n in names
    ]
    with pytest.raises(StudentError, match="holds a campaign on another student or with other settings"):
        campaign.run(student, frames, tmp_path / "whole", flips=5)


def test_the_command_leaves_a_table_and_a_picture(
    student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "frame.png").write_bytes(encode_compressed(craft(), "png"))
    out = tmp_path / "out"
    command = ["upset", str(student), "--source", str(tmp_path / "frame.png"), "--flips", "2", "--out", str(out)]
    assert main(command) == 0
    assert "constants" in capsys.readouterr().out
    assert json.loads((out / "summary.json").read_text())["all"]["flips"] == 2
    assert (out / "upsets.png").read_bytes().startswith(b"\x89PNG")
