"""The demo as a user runs it: real processes, real DDS, and every frame accounted for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from processes import python, run

from afss_ros.bags import BagReader, BagWriter, messages
from afss_ros.images import encode_compressed
from afss_ros.nodes.demo.ledger import Ledger, summary
from afss_ros.nodes.demo.pictures import video_size

Demo = Callable[[Path, Path, Path | str], tuple[int, str]]


def craft(height: int, width: int, left: int) -> NDArray[np.uint8]:
    picture = np.zeros((height, width, 3), np.uint8)
    picture[20:50, left : left + 40] = 160
    return picture


@pytest.fixture
def demo(quiet_domain: int) -> Demo:
    """`demo(source, out, model)` is exit code and output of the demo."""

    def demo(source: Path, out: Path, model: Path | str) -> tuple[int, str]:
        command = python("-m", "afss_ros.nodes.demo", "--source", source, "--out", out, "--model", model)
        # Wide enough for any temporary folder's name: what is too long is broken anywhere.
        done = run(command, domain=quiet_domain, changes={"COLUMNS": "400"})
        return done.returncode, done.stdout + done.stderr

    return demo


def test_pictures_of_all_sizes_are_seen_every_one(demo: Demo, tmp_path: Path, tiny_student: Path) -> None:
    folder, out = tmp_path / "pictures", tmp_path / "out"
    folder.mkdir()
    for i, size in enumerate([(64, 96), (175, 310), (128, 128), (72, 64)]):
        (folder / f"{i}.png").write_bytes(encode_compressed(craft(*size, left=i), "png"))
    (folder / "9.png").write_text("scratched")
    code, output = demo(folder, out, tiny_student)
    assert code == 3, output  # the unreadable one
    assert "Look at" in output
    result = json.loads((out / "summary.json").read_text())
    assert set(result) == {"frames", "fps", "latency_ms", "provider", "model"}
    assert result["frames"] == {"sent": 4, "received": 4, "processed": 4, "overwritten": 0, "bad": 0}
    assert result["provider"] == "cpu"
    assert result["model"]["path"] == str(tiny_student)
    assert len(result["model"]["sha256"]) == 64
    assert result["latency_ms"]["inference"]["p50"] > 0
    assert_bag(out / "demo.mcap", count=4)
    assert cv2.imread(str(out / "contact_sheet.png")) is not None
    video = cv2.VideoCapture(str(out / "overlay.mp4"))
    assert (video.get(cv2.CAP_PROP_FRAME_COUNT), video.get(cv2.CAP_PROP_FRAME_WIDTH)) == (4, 96)
    assert not list(out.glob("*partial*"))


def assert_bag(path: Path, count: int) -> None:
    with BagReader(path) as bag:
        counts = {name: topic.count for name, topic in bag.topics.items()}
        assert counts.pop("/perception_node/label_info") == 1
        assert set(counts) == {
            "/camera/image",
            "/camera/camera_info",
            "/perception_node/detections",
            "/perception_node/mask",
            "/perception_node/overlay",
        }
        assert set(counts.values()) == {count}
        sent = [bag.deserialize(m).header for m in bag.messages(["/camera/image"])]
        found = [bag.deserialize(m) for m in bag.messages(["/perception_node/detections"])]
    assert [f.header for f in found] == sent
    assert all(len(f.detections) == 1 for f in found)


def test_a_bag_is_played_at_its_rate_and_every_frame_has_a_fate(
    demo: Demo, tmp_path: Path, slow_student: Callable[[float], Path]
) -> None:
    with BagWriter(tmp_path / "in.mcap") as bag:
        for i in range(30):
            stamp = 10**18 + i * 50_000_000
            bag.write("/cam/image", messages.image(craft(64, 96, left=i), stamp), stamp)
    code, output = demo(tmp_path / "in.mcap", tmp_path / "out", slow_student(200.0))
    assert code == 0, output
    frames = json.loads((tmp_path / "out" / "summary.json").read_text())["frames"]
    assert frames["sent"] == frames["received"] == 30
    assert frames["processed"] + frames["overwritten"] + frames["bad"] == 30
    assert frames["overwritten"] > 0, "20 Hz are too much for 200 ms an inference"
    assert frames["bad"] == 0


def test_a_model_that_does_not_load_is_said_in_the_end(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "foreign.onnx").write_text("not a model")
    (tmp_path / "0.png").write_bytes(encode_compressed(craft(64, 96, 0), "png"))
    code, output = demo(tmp_path, tmp_path / "out", tmp_path / "foreign.onnx")
    assert code == 1
    assert "cannot configure" in output
    assert "foreign.onnx" in output
    assert "Traceback" not in output
    assert not list((tmp_path / "out").glob("*.mcap")), "no half-written bag"


def test_a_source_that_is_not_there_ends_before_anything_starts(demo: Demo, tmp_path: Path) -> None:
    code, output = demo(tmp_path / "missing", tmp_path / "out", "")
    assert code == 1
    assert "no source at" in output
    assert not (tmp_path / "out").exists()


GOOD: dict[str, Any] = {"sent": 5, "received": 5, "processed": 3, "overwritten": 1, "bad": 1}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({}, None),
        ({"sent": 6}, None),  # lost on the way is a fate too
        ({"processed": 4}, "received 5 is not"),
        ({"sent": 4}, "more than sent"),
        ({"sent": 0, "received": 0, "processed": 0, "overwritten": 0, "bad": 0}, "sent no frame"),
        ({"recorded": {"image": 4, "detections": 3}}, "4 messages of image instead of 5"),
        ({"recorded": {"image": 5, "detections": 2}}, "2 messages of detections instead of 3"),
    ],
)
def test_the_ledger_complains_about_every_frame_without_a_fate(change: dict[str, Any], complaint: str | None) -> None:
    found = Ledger(**{**GOOD, **change}).discrepancies()
    assert found == [] if complaint is None else complaint in " ".join(found)


def test_the_summary_is_what_the_readme_promises() -> None:
    report = {
        "provider": "cpu",
        "model.path": "/m/s.onnx",
        "model.sha256": "ab",
        "latency_ms.total.p50": "3.5",
        "latency_ms.total.p95": "7",
        "frames.received": "5",
    }
    assert summary(Ledger(**GOOD), report, 9.876) == {
        "frames": GOOD,
        "fps": 9.88,
        "latency_ms": {"total": {"p50": 3.5, "p95": 7.0}},
        "provider": "cpu",
        "model": {"path": "/m/s.onnx", "sha256": "ab"},
    }


@pytest.mark.parametrize(("shape", "size"), [((175, 311), (176, 310)), ((1440, 2560), (720, 1280)), ((1, 1), (2, 2))])
def test_video_sides_are_even_and_at_most_1280(shape: tuple[int, int], size: tuple[int, int]) -> None:
    height, width = video_size(shape)
    assert (height, width) == pytest.approx(size, abs=2)
    assert height % 2 == width % 2 == 0
    assert max(height, width) <= 1280
