"""An image topic as it was recorded: its stamps, its rate, its camera; one bad record costs itself."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from afss_ros.bags import BagWriter, messages
from afss_ros.camera import CameraInfo
from afss_ros.perception import Frame
from afss_ros.sources import Damage, SourceError, open_source

SECOND = 10**9
START = 1_700_000_000 * SECOND
CAMERA = CameraInfo.pinhole(8, 8, 1.0)
PICTURE = np.full((8, 8, 3), 7, np.uint8)


def write_image(bag: BagWriter, stamp_ns: int, recorded_ns: int, topic: str = "/cam/image") -> None:
    bag.write(topic, messages.image(PICTURE, stamp_ns, "cam"), recorded_ns)


def test_stamps_are_those_of_the_headers_and_the_recording_s_where_there_is_none(tmp_path: Path) -> None:
    stamps = [START, -5 * SECOND, 0, 3]
    with BagWriter(tmp_path / "a.mcap") as bag:
        for place, stamp in enumerate(stamps):
            write_image(bag, stamp, START + place)
    with open_source(tmp_path / "a.mcap") as source:
        frames = [item for item in source if isinstance(item, Frame)]
    assert [f.stamp_ns for f in frames] == [START, -5 * SECOND, START + 2, 3]
    assert [f.recorded_ns for f in frames] == [START + place for place in range(4)]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_the_rate_is_that_of_the_topic_whatever_else_was_recorded_when(tmp_path: Path, storage: str) -> None:
    path = tmp_path / "flight"
    with BagWriter(path, storage=storage) as bag:
        bag.write("/status", messages.label_info({0: "booting"}, 0.0), 0)
        write_image(bag, START, 0)  # before /clock came
        for place in range(20):
            write_image(bag, START + place * SECOND // 10, START + place * SECOND // 10)
        bag.write("/status", messages.label_info({0: "done"}, 0.0), START + 5000 * SECOND)
    with open_source(path) as source:
        assert source.rate_hz == pytest.approx(10.0)


def test_a_camera_info_that_cannot_be_read_costs_itself_alone(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "a.mcap") as bag:
        for place in range(3):
            stamp = START + place * SECOND
            if place == 0:
                bag.write_raw("/cam/camera_info", "sensor_msgs/msg/CameraInfo", b"\x00\x01\x00\x00\x01\x02", stamp)
            else:
                bag.write("/cam/camera_info", messages.camera_info(CAMERA, stamp), stamp)
            write_image(bag, stamp, stamp + 1)
    with open_source(tmp_path / "a.mcap") as source:
        assert source.camera_info is not None and source.camera_info.width == 8
        *frames, damage = source
    assert [isinstance(frame, Frame) for frame in frames] == [True] * 3
    assert isinstance(damage, Damage)
    assert damage.reason.startswith("1 CameraInfo left out: ") and "/cam/camera_info" in damage.name


def test_the_camera_is_that_of_the_frame(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "a.mcap") as bag:
        for place, binning in enumerate((0, 2, 4)):
            stamp = START + place * SECOND
            info = replace(CAMERA, binning_x=binning, binning_y=binning)
            bag.write("/cam/camera_info", messages.camera_info(info, stamp), stamp)
            write_image(bag, stamp, stamp + 1)
    with open_source(tmp_path / "a.mcap") as source:
        binned = [source.camera_info.binning_x for _ in source if source.camera_info is not None]
    assert binned == [0, 2, 4]


def test_depth_is_not_taken_for_a_camera(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "a.mcap") as bag:
        write_image(bag, START, START, "/cam/aligned_depth_to_color/image_raw")
        write_image(bag, START, START, "/cam/color/image_raw")
    with open_source(tmp_path / "a.mcap") as source:
        assert source.name.endswith(":/cam/color/image_raw")
    with BagWriter(tmp_path / "b.mcap") as bag:
        write_image(bag, START, START, "/cam/depth/image_rect")
    with pytest.raises(SourceError, match=r"it holds depth.*choose a topic by its name if it is one: /cam/depth"):
        open_source(tmp_path / "b.mcap")
    with open_source(tmp_path / "b.mcap", topic="/cam/depth/image_rect") as source:
        assert len(list(source)) == 1


def test_twelve_bits_in_sixteen_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    message = messages.image(np.zeros((2, 4), np.uint8), START)
    message.encoding, message.step, message.width = "mono16", 4, 2
    message.data = np.array([[0, 4095], [8, 9]], "<u2").view(np.uint8).ravel()
    with BagWriter(tmp_path / "a.mcap") as bag:
        bag.write("/cam/image", message, START)
    with open_source(tmp_path / "a.mcap") as source, caplog.at_level(logging.WARNING):
        (dark,) = source
    with open_source(tmp_path / "a.mcap", grey_bits=12) as source:
        (bright,) = source
    assert isinstance(dark, Frame) and isinstance(bright, Frame)
    assert (int(dark.image.max()), int(bright.image.max())) == (15, 255)
    assert caplog.text.count("no mono16 image so far has a value above 4095") == 1
