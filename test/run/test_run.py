"""`afss run` writes what the student saw, in every form, and says what it could not read."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from processes import python
from processes import run as run_process
from tiny_students import build_tiny_student

from afss_ros import labels
from afss_ros.bags import BagReader, BagWriter, messages
from afss_ros.cli import main
from afss_ros.images import encode_compressed
from afss_ros.run import Options, RunError, run

BLUE, GREY = (40, 60, 250), (150, 150, 150)


def craft() -> NDArray[np.uint8]:
    """A grey body, x 40..60 and y 30..50, with a blue panel to its left, x 20..40 and y 34..46, in 96 x 64 pixels."""
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[30:50, 40:60] = GREY
    picture[34:46, 20:40] = BLUE
    return picture


def read(path: Path) -> NDArray[np.uint8]:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), np.uint8)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "craft.png").write_bytes(encode_compressed(craft(), "png"))
    (folder / "empty.png").write_bytes(encode_compressed(np.zeros((64, 96, 3), np.uint8), "png"))
    return folder


def test_how_likely_a_picture_shows_a_craft_stands_beside_it(pictures: Path, tmp_path: Path) -> None:
    told = build_tiny_student(tmp_path / "told.onnx", presence=True)
    run(Options(pictures, tmp_path / "out", model=told))
    images = json.loads((tmp_path / "out" / "detections.json").read_text())["images"]
    assert {i["file_name"]: i["presence"] for i in images} == {
        "craft.png": pytest.approx(np.max(read(pictures / "craft.png")) / 255, abs=2e-3),
        "empty.png": 0.0,
    }


def test_every_form_tells_the_same(pictures: Path, tmp_path: Path, tiny_student: Path) -> None:
    out = tmp_path / "out"
    summary = run(Options(pictures, out, model=tiny_student))
    assert (summary.frames, summary.detections, summary.provider) == (2, {"spacecraft": 1}, "cpu")
    assert json.loads((out / "run.json").read_text())["frames"] == 2

    mask = read(out / "masks" / "craft.png")
    assert mask.shape == (64, 96)
    assert (mask[40, 50], mask[40, 30], mask[5, 5]) == (labels.BODY, labels.PANEL, labels.BACKGROUND)

    assert read(out / "overlays" / "craft.jpg").shape == (64, 96, 3)

    coco = json.loads((out / "detections.json").read_text())
    assert [i["file_name"] for i in coco["images"]] == ["craft.png", "empty.png"]
    assert [(a["image_id"], a["category_id"]) for a in coco["annotations"]] == [(1, labels.SPACECRAFT)]
    assert coco["annotations"][0]["area"] == pytest.approx(20 * 20 + 20 * 12, rel=0.1)

    with BagReader(out / "run.mcap") as bag:
        assert {t.name: t.count for t in bag.topics.values()} == {
            "/camera/image/compressed": 2,
            "/perception_node/detections": 2,
            "/perception_node/label_info": 1,
            "/perception_node/mask": 2,
            "/perception_node/overlay/compressed": 2,
        }
        found = [bag.deserialize(m).detections for m in bag.messages(["/perception_node/detections"])]
        masks = [bag.deserialize(m) for m in bag.messages(["/perception_node/mask"])]
    assert [len(d) for d in found] == [1, 0]
    assert np.array_equal(masks[0].data.reshape(64, 96), mask)
    box = found[0][0].bbox
    assert (box.center.position.x, box.center.position.y) == pytest.approx((40, 40), abs=2)
    assert (box.size_x, box.size_y) == pytest.approx((40, 20), abs=3)


def test_a_bag_runs_like_its_pictures(tmp_path: Path, tiny_student: Path) -> None:
    with BagWriter(tmp_path / "in.mcap") as bag:
        for stamp in (10**9, 2 * 10**9):
            bag.write("/cam/image", messages.image(craft(), stamp, "eye"), stamp)
    run(Options(tmp_path / "in.mcap", tmp_path / "out", model=tiny_student))
    assert sorted(p.name for p in (tmp_path / "out" / "masks").iterdir()) == ["1000000000.png", "2000000000.png"]
    with BagReader(tmp_path / "out" / "run.mcap") as bag:
        (first, _) = [bag.deserialize(m) for m in bag.messages(["/perception_node/detections"])]
    assert (first.header.stamp.sec, first.header.frame_id) == (1, "eye")


def test_pictures_of_one_name_keep_apart(tmp_path: Path, tiny_student: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.png").write_bytes(encode_compressed(craft(), "png"))
    (folder / "a.jpg").write_bytes(encode_compressed(craft(), "jpeg"))
    run(Options(folder, tmp_path / "out", model=tiny_student, formats=("masks",)))
    assert sorted(p.name for p in (tmp_path / "out" / "masks").iterdir()) == ["a_jpg.png", "a_png.png"]


def test_the_command_names_what_is_unreadable_and_exits_3(
    pictures: Path, tmp_path: Path, tiny_student: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (pictures / "broken.png").write_text("scratched")
    arguments = ["run", str(pictures), "--out", str(tmp_path / "out"), "--model", str(tiny_student)]
    assert main(arguments) == 3
    assert "broken.png" in capfd.readouterr().err
    (unreadable,) = json.loads((tmp_path / "out" / "run.json").read_text())["unreadable"]
    assert unreadable["name"].endswith("broken.png")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (["--model", "/nowhere/student.onnx"], "/nowhere/student.onnx"),
        (["--formats", "coco,pdf"], "unknown format pdf"),
        (["--topic", "/cam"], "is no bag"),
    ],
)
def test_what_cannot_run_is_one_line_and_exit_code_1(
    change: list[str],
    reason: str,
    pictures: Path,
    tmp_path: Path,
    tiny_student: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    arguments = ["run", str(pictures), "--out", str(tmp_path / "out"), "--model", str(tiny_student), *change]
    assert main(arguments) == 1
    errors = capfd.readouterr().err
    assert reason in errors.replace("\n", "")
    assert "Traceback" not in errors


def test_results_of_an_earlier_run_are_replaced_and_nothing_else(
    pictures: Path, tmp_path: Path, tiny_student: Path
) -> None:
    out = tmp_path / "out"
    run(Options(pictures, out, model=tiny_student))
    (out / "notes.txt").write_text("keep me")
    (pictures / "empty.png").unlink()
    run(Options(pictures, out, model=tiny_student))
    assert [p.name for p in (out / "masks").iterdir()] == ["craft.png"]
    assert (out / "notes.txt").exists()

    (tmp_path / "mine" / "masks").mkdir(parents=True)
    with pytest.raises(RunError, match="in the way"):
        run(Options(pictures, tmp_path / "mine", model=tiny_student))


def test_a_run_needs_neither_torch_nor_ros(pictures: Path, tmp_path: Path, tiny_student: Path) -> None:
    blocked = ("torch", "torchvision", "rclpy", "pycocotools", "onnx", "pydantic_settings", "timm")
    script = (
        "import sys\n"
        f"for name in {blocked!r}: sys.modules[name] = None\n"
        "from afss_ros.cli import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    arguments = ["run", str(pictures), "--out", str(tmp_path / "out"), "--model", str(tiny_student)]
    done = run_process(python("-c", script, *arguments))
    assert done.returncode == 0, done.stderr


def test_small_craft_are_found_in_tiles_when_asked_for(tmp_path: Path, tiny_student: Path) -> None:
    """A craft of 5 x 4 pixels in a frame that is scaled down almost by three for the student."""
    picture = np.zeros((180, 180, 3), np.uint8)
    picture[100:104, 150:155] = GREY
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "far.png").write_bytes(encode_compressed(picture, "png"))
    assert run(Options(folder, tmp_path / "whole", model=tiny_student)).detections == {}
    arguments = ["run", str(folder), "--out", str(tmp_path / "tiles"), "--model", str(tiny_student), "--tiling", "auto"]
    assert main(arguments) == 0
    (found,) = json.loads((tmp_path / "tiles" / "detections.json").read_text())["annotations"]
    assert found["bbox"] == [150, 100, 5, 4]
