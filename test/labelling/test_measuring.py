"""The two tools that measure a teacher: against the truth, and against the reference way."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from recorded import START, picture, record, truth

from afss_ros.bags import BagWriter, messages
from afss_ros.camera import CameraInfo
from afss_ros.datasets.rle import box_of
from afss_ros.labelling import benchmark, compare
from afss_ros.labelling.settings import load_settings
from afss_ros.synthetic.truth import MASK_TOPIC
from afss_ros.teacher.offline.baseline import GrabCutSegmenter, SaliencyDetector
from afss_ros.teacher.prompts import Prompts
from afss_ros.teacher.refinement.remembering import RememberingDetector, RememberingSegmenter
from afss_ros.teacher.values import Labelled


def rendered(path: Path, frames: int) -> Path:
    with BagWriter(path) as bag:
        for index in range(frames):
            stamp = START + index * 100_000_000
            bag.write("/camera/image", messages.image(picture(index), stamp), stamp)
            bag.write("/camera/camera_info", _camera(stamp), stamp)
            bag.write(MASK_TOPIC, messages.image(truth(index).astype(np.uint8), stamp), stamp)
    return path


def _camera(stamp: int) -> object:
    return messages.camera_info(CameraInfo.pinhole(128, 96, 0.7), stamp)


def test_teachers_are_compared_with_the_truth_of_a_rendered_bag(tmp_path: Path) -> None:
    bag = rendered(tmp_path / "flight.mcap", 4)
    rows = compare.compare(bag, load_settings(None, {"keep": ""}), 4, "flow")
    assert [row["teacher"] for row in rows] == [name for name, _ in compare.ROWS]
    assert all(row["frames"] == 4 and row["box_ap50"] > 0.9 and row["mask_ap50"] > 0.9 for row in rows)
    text = compare.table(rows)
    assert text.count("\n") == 2 + len(rows) and "| flight.mcap | 4 | zero-shot |" in text


def test_a_set_of_label_maps_and_one_box_gives_mask_figures_too(tmp_path: Path) -> None:
    pairs = []
    for index in range(2):
        files = {"image": f"image{index}.png", "mask": f"mask{index}.png"}
        cv2.imwrite(str(tmp_path / files["image"]), picture(index)[..., ::-1])
        cv2.imwrite(str(tmp_path / files["mask"]), truth(index).astype(np.uint8))
        pairs.append({**files, "box_xyxy": box_of(truth(index)).tolist()})
    manifest = {"classes": {"0": "background", "1": "body"}, "pairs": pairs}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    rows = compare.compare(tmp_path, load_settings(None, {"keep": ""}), 2, "flow")
    assert [row["teacher"] for row in rows] == ["zero-shot", "v1", "v2", "v3", "v4"]
    assert all(row["mask_ap50"] > 0.9 for row in rows)


def test_the_benchmark_times_both_ways_on_the_same_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag = record(tmp_path / "flight.mcap", range(3))
    benchmark.main([str(bag), "--set", "refine.views=v4", "--frames", "2"])
    said = capsys.readouterr().out
    assert re.search(r"\n2 frames, 2 views, no torch: [\d.]+ times as fast\n", said)
    calls = {line.split()[0]: re.findall(r"\( *(\d+)\)", line) for line in said.splitlines() if "(" in line}
    # Detections, encodings and decodings: each view of two frames by itself, or what they share once.
    assert calls["reference"] == ["4", "4", "4", "1"]
    assert calls["here"] == ["1", "2", "2", "1"]
    assert "labels of both ways: 2 crafts, least box IoU 1.000, scores within 0.000, mean mask IoU" in said


def test_the_benchmark_refuses_to_compare_ways_that_find_different_boxes() -> None:
    craft = Labelled(
        "spacecraft", np.array([0, 0, 10, 10], np.float32), np.ones((20, 20), bool), {"detector_score": 1.0}
    )
    elsewhere = replace(craft, box_xyxy=np.array([5, 0, 15, 10], np.float32))
    assert benchmark.agreement([[craft]], [[craft]]) == benchmark.Agreement(1, 1.0, 0.0, 1.0)
    assert benchmark.agreement([[craft]], [[elsewhere]]).box_iou < 0.4
    assert benchmark.agreement([[craft]], [[]]).box_iou == 0.0


def test_a_remembered_answer_is_not_asked_for_again() -> None:
    asked = RememberingDetector(SaliencyDetector())
    prompts = Prompts.parse({"spacecraft": "spacecraft"})
    images = [picture(0), picture(1), picture(0)]
    found = asked.detect(images, prompts)
    assert asked.asked == 2
    assert found[0] is found[2] is asked.detect(images[:1], prompts)[0]
    assert asked.asked == 2
    segmenter, plain = RememberingSegmenter(GrabCutSegmenter()), GrabCutSegmenter()
    (mask,) = segmenter.segment(segmenter.encode(images[0]), found[0][:1])
    (again,) = segmenter.segment(segmenter.encode(images[2]), found[2][:1])
    assert mask is again
    np.testing.assert_array_equal(mask.mask, plain.segment(plain.encode(images[0]), found[0][:1])[0].mask)
