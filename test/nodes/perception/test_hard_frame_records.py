"""One hard frame with something wrong in it costs that something, and never the bag that is open."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from afss_ros.bags import BagReader, Budget, messages
from afss_ros.camera import CameraInfo, RegionOfInterest
from afss_ros.nodes.perception.hard_frame_choice import Limits
from afss_ros.nodes.perception.hard_frames import HardFrames, Topics
from afss_ros.perception import Frame
from afss_ros.student import Student

SECOND = 10**9
PATIENCE_S = 120.0
UNSURE = 130
"""Grey of a block that the tiny student gives a score of 0.51."""
CAMERA = replace(CameraInfo.pinhole(160, 120, 1.0), binning_x=2, binning_y=2, roi=RegionOfInterest(4, 6, 100, 120))


def craft(brightness: int) -> np.ndarray:
    picture = np.zeros((60, 80, 3), np.uint8)
    picture[16:40, 24:60] = brightness
    return picture


def record(folder: Path, student: Student, stamps: list[int], cameras: list[Any], warnings: list[str]) -> None:
    """Record a frame for each stamp, every one doubtful."""
    recorder = HardFrames(
        folder,
        Budget(64 << 20),
        Topics("/eye/image_raw", "/perception_node"),
        image_format="jpeg",
        class_names=student.class_names,
        limits=lambda: Limits(min_doubt=0.5, max_rate=1000.0, min_gap_s=0.0),
        threshold=lambda: 0.5,
        warn=warnings.append,
    )
    for stamp, camera in zip(stamps, cameras, strict=True):
        frame = Frame(craft(UNSURE), stamp, "eye")
        recorder.consider(frame, student(frame), camera=camera)
        end = time.monotonic() + PATIENCE_S
        while recorder.is_busy:
            assert time.monotonic() < end
            time.sleep(0.005)
    recorder.stop()


@pytest.fixture
def student(tiny_student: Path) -> Student:
    return Student(tiny_student, provider="cpu")


def test_stamps_before_1970_and_stamps_of_0_are_kept_and_recorded_under_the_time_that_it_is(
    tmp_path: Path, student: Student
) -> None:
    warnings: list[str] = []
    stamps = [SECOND, -5 * SECOND, 0, 2 * SECOND]
    before = time.time_ns()
    record(tmp_path, student, stamps, [None] * 4, warnings)
    with BagReader(tmp_path) as bag:
        found = [(m.stamp_ns, bag.deserialize(m)) for m in bag.messages(["/eye/image_raw/compressed"])]
        masks = {bag.deserialize(m).header.stamp.sec for m in bag.messages(["/perception_node/mask"])}
    assert (warnings, sorted(m.header.stamp.sec for _, m in found)) == ([], [-5, 0, 1, 2])
    assert masks == {-5, 0, 1, 2}
    for recorded_ns, message in found:
        sec = message.header.stamp.sec
        assert recorded_ns == sec * SECOND if sec > 0 else before <= recorded_ns <= time.time_ns()


def test_a_camera_info_that_is_none_costs_itself_and_a_good_one_keeps_binning_and_region(
    tmp_path: Path, student: Student
) -> None:
    good = messages.camera_info(CAMERA, 1)
    bad = SimpleNamespace(**{name: getattr(good, name) for name in good.__dataclass_fields__ if name[0] != "_"})
    bad.k = [1.0, 2.0]
    warnings: list[str] = []
    record(tmp_path, student, [SECOND, 2 * SECOND], [bad, good], warnings)
    assert len(warnings) == 1 and "its camera_info is left out: a CameraInfo that is none" in warnings[0]
    with BagReader(tmp_path) as bag:
        assert bag.topics["/eye/image_raw/compressed"].count == 2
        (info,) = (bag.deserialize(m) for m in bag.messages(["/eye/camera_info"]))
    assert (info.width, info.binning_x, info.roi.x_offset, info.roi.width) == (160, 2, 4, 120)
