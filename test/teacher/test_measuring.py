"""The two tools that measure a teacher: against the truth, and against the reference way."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from recorded import START, picture, record, truth

from afss_ros.bags import BagWriter, messages
from afss_ros.camera import CameraInfo
from afss_ros.synthetic.recording import MASK_TOPIC
from afss_ros.teacher import benchmark, compare
from afss_ros.teacher.settings import load_settings


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


def test_the_benchmark_times_both_ways_on_the_same_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag = record(tmp_path / "flight.mcap", range(3))
    benchmark.main([str(bag), "--set", "refine.views=v4", "--frames", "2"])
    said = capsys.readouterr().out
    pattern = r"2 frames, 2 views: reference [\d.]+ s a frame, here [\d.]+ s a frame, [\d.]+ times as fast\n"
    assert re.fullmatch(pattern, said)
