"""Files are what their first bytes say, whatever they are called."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from rosbags.rosbag1 import Writer as Ros1Writer
from rosbags.typesys import Stores, get_typestore

from afss_ros.bags import BagWriter, messages
from afss_ros.images import encode_compressed
from afss_ros.perception import Frame
from afss_ros.sources import SourceError, open_source

PICTURE: NDArray[np.uint8] = np.stack(np.meshgrid(np.arange(64), np.arange(48), [90]), -1)[:, :, 0].astype(np.uint8)


def ros1_bag(path: Path) -> Path:
    """A ROS 1 bag with a JPEG in it, which FFmpeg takes for a video."""
    store = get_typestore(Stores.ROS1_NOETIC)
    types = store.types
    with Ros1Writer(path) as writer:
        connection = writer.add_connection("/cam/compressed", "sensor_msgs/msg/CompressedImage", typestore=store)
        for i in range(6):
            header = types["std_msgs/msg/Header"](
                seq=i, stamp=types["builtin_interfaces/msg/Time"](sec=i, nanosec=0), frame_id="cam"
            )
            data = cv2.imencode(".jpg", PICTURE)[1].ravel()
            message = types["sensor_msgs/msg/CompressedImage"](header=header, format="jpeg", data=data)
            writer.write(connection, i, store.serialize_ros1(message, message.__msgtype__))
    return path


@pytest.mark.parametrize("name", ["flight.bag", "flight.mp4", "flight.mcap", "flight.png", "flight"])
def test_a_ros_1_bag_is_named_with_the_cure_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    path = ros1_bag(tmp_path / "flight.bag").rename(tmp_path / name)
    with pytest.raises(SourceError, match="is a ROS 1 bag: convert it: rosbags-convert"):
        open_source(path)


def test_a_folder_of_ros_1_bags_says_so(tmp_path: Path) -> None:
    ros1_bag(tmp_path / "flight.bag")
    with pytest.raises(SourceError, match=r"flight.bag is a ROS 1 bag: convert it"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x1f\x8b\x08\x00", "is a gzip file: unpack it"),
        (b"PK\x03\x04", "is a zip archive: unpack it"),
        (b"\x89HDF\r\n\x1a\n", "is an HDF5 file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS"),
        (b"ULog\x01\x12\x35", "is a PX4 log"),
        (b"plain words", "starts with 70 6c 61"),
        (b"", "it is empty"),
    ],
)
def test_foreign_files_are_refused_by_what_they_are(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "flight.dat"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=said):
        open_source(path)


@pytest.mark.parametrize("name", ["picture.jpg", "picture.png", "picture", "picture.dat"])
@pytest.mark.parametrize("form", ["png", "jpeg"])
def test_a_picture_is_read_as_what_it_is(tmp_path: Path, name: str, form: str) -> None:
    (tmp_path / name).write_bytes(encode_compressed(PICTURE, form))
    with open_source(tmp_path / name) as source:
        (frame,) = source
    assert isinstance(frame, Frame)
    assert np.abs(frame.image.astype(int) - PICTURE).mean() < (0.01 if form == "png" else 3)


@pytest.mark.parametrize("name", ["flight.bag", "flight.db3", "flight.recording"])
def test_an_mcap_is_a_bag_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    with BagWriter(tmp_path / "flight.mcap") as bag:
        bag.write("/cam/image", messages.image(PICTURE, 5), 5)
    (tmp_path / "flight.mcap").rename(tmp_path / name)
    with open_source(tmp_path / name) as source:
        (frame,) = source
    assert isinstance(frame, Frame) and np.array_equal(frame.image, PICTURE)


@pytest.mark.parametrize("name", ["a.mp4", "a.mcap", "a.png"])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(SourceError, match="not a regular file"):
        open_source(tmp_path / name)


def test_what_lies_beside_the_pictures_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.png").write_bytes(encode_compressed(PICTURE, "png"))
    (tmp_path / "b.pgm").write_bytes(b"P5 1 1 255 a")
    (tmp_path / "deeper").mkdir()
    with caplog.at_level("INFO"), open_source(tmp_path) as source:
        assert len(list(source)) == 1
    assert "not the 1 .pgm, 1 folders beside them" in caplog.text
