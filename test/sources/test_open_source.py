"""Folders, videos and bags become frames in order, and what is unreadable is named."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from afss_ros.bags import BagWriter, messages
from afss_ros.camera import CameraInfo
from afss_ros.images import encode_compressed
from afss_ros.perception import Frame
from afss_ros.sources import Damage, SourceError, Unreadable, open_source

SECOND = 1_000_000_000


def flat(value: int, size: tuple[int, int] = (16, 24)) -> NDArray[np.uint8]:
    """A picture of one colour: red `value`, blue 200."""
    return np.full((*size, 3), (value, 0, 200), np.uint8)


def values(source: object) -> list[int | str]:
    """The red value of each frame; the name of each unreadable input."""
    return [
        int(item.image[8, 8, 0]) if isinstance(item, Frame) else Path(item.name).name
        for item in source  # type: ignore[attr-defined]
    ]


def save(path: Path, value: int) -> None:
    assert cv2.imwrite(str(path), cv2.cvtColor(flat(value), cv2.COLOR_RGB2BGR))


def test_a_folder_is_read_in_natural_order_and_in_rgb(tmp_path: Path) -> None:
    for name, value in (("img10.png", 30), ("img9.png", 20), ("img1.bmp", 10), ("img11.tif", 40), ("z.webp", 50)):
        save(tmp_path / name, value)
    (tmp_path / "notes.txt").write_text("not a picture")
    with open_source(tmp_path) as source:
        assert source.length == 5
        assert [round(v, -1) for v in values(source) if isinstance(v, int)] == [10, 20, 30, 40, 50]
        stamps = [f.stamp_ns for f in source if isinstance(f, Frame)]
        assert len(set(stamps)) == 5
        assert min(stamps) > 0


def test_a_bad_file_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 10)
    (tmp_path / "b.png").write_bytes(encode_compressed(flat(0), "png")[:-20])
    (tmp_path / "c.jpg").write_text("no picture")
    (tmp_path / "d.png").touch()
    save(tmp_path / "e.png", 50)
    with open_source(tmp_path) as source:
        assert values(source) == [10, "b.png", "c.jpg", "d.png", 50]
        reasons = [item.reason for item in source if isinstance(item, Unreadable)]
        assert "truncated" in reasons[0]
        assert all(reasons)


def test_a_single_picture_is_a_source(tmp_path: Path) -> None:
    save(tmp_path / "one.png", 77)
    with open_source(tmp_path / "one.png") as source:
        assert values(source) == [77]


def write_video(path: Path, frames: int) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20.0, (24, 16))
    assert writer.isOpened()
    for i in range(frames):
        writer.write(cv2.cvtColor(flat(i * 10), cv2.COLOR_RGB2BGR))
    writer.release()


def test_a_video_keeps_its_rate_and_order(tmp_path: Path) -> None:
    write_video(tmp_path / "v.avi", 6)
    with open_source(tmp_path / "v.avi") as source:
        assert source.length == 6
        assert source.rate_hz == pytest.approx(20.0)
        assert values(source) == pytest.approx([0, 10, 20, 30, 40, 50], abs=4)
        assert [f.stamp_ns for f in source if isinstance(f, Frame)][:2] == [50_000_000, 100_000_000]


def write_bag(path: Path, *, compressed: bool = False, camera: bool = True, mask: bool = False) -> None:
    storage = "mcap" if path.suffix == ".mcap" else "sqlite3"
    with BagWriter(path, storage=storage) as bag:
        for i in (1, 2, 3):
            stamp = i * SECOND + 5
            if camera:
                bag.write(
                    "/cam/camera_info", messages.camera_info(CameraInfo.pinhole(24, 16, 0.5), stamp, "eye"), stamp
                )
            if compressed:
                picture = messages.compressed_image(encode_compressed(flat(i), "png"), "png", stamp, "eye")
                bag.write("/cam/image/compressed", picture, stamp)
            else:
                bag.write("/cam/image", messages.image(flat(i), stamp, "eye"), stamp)
            if mask:
                bag.write("/truth/mask", messages.image(flat(i)[..., 0], stamp, "eye"), stamp)


@pytest.mark.parametrize("name", ["a.mcap", "a"])
@pytest.mark.parametrize("compressed", [True, False])
def test_a_bag_gives_its_only_image_topic(tmp_path: Path, name: str, compressed: bool) -> None:
    write_bag(tmp_path / name, compressed=compressed)
    with open_source(tmp_path / name) as source:
        assert values(source) == [1, 2, 3]
        assert source.length == 3
        assert source.rate_hz == pytest.approx(1.0)
        assert source.camera_info is not None
        assert source.camera_info.width == 24
        first = next(iter(source))
        assert isinstance(first, Frame)
        assert (first.stamp_ns, first.frame_id) == (SECOND + 5, "eye")


def test_the_image_topic_with_a_camera_info_is_the_camera(tmp_path: Path) -> None:
    write_bag(tmp_path / "a.mcap", mask=True)
    with open_source(tmp_path / "a.mcap") as source:
        assert source.name.endswith(":/cam/image")


def test_a_topic_that_is_not_clear_must_be_chosen(tmp_path: Path) -> None:
    write_bag(tmp_path / "a.mcap", mask=True, camera=False)
    with pytest.raises(SourceError, match=r"/cam/image \(3 messages\), /truth/mask \(3 messages\)"):
        open_source(tmp_path / "a.mcap")
    with open_source(tmp_path / "a.mcap", topic="/truth/mask") as source:
        assert values(source) == [1, 2, 3]


def test_an_unreadable_message_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "a.mcap") as bag:
        for i in (1, 2, 3):
            picture = messages.image(flat(i), i * SECOND)
            picture.step = 1 if i == 2 else picture.step
            bag.write("/cam/image", picture, i * SECOND)
    with open_source(tmp_path / "a.mcap") as source:
        assert values(source) == [1, "image@2000000000", 3]


def test_a_damaged_bag_gives_its_front_and_then_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    write_bag(path)
    path.write_bytes(path.read_bytes()[:-40])
    with open_source(path) as source:
        items = list(source)
    assert [type(i) for i in items] == [Frame, Frame, Frame, Damage]
    assert "cut off" in items[-1].reason  # type: ignore[union-attr]


def test_what_is_no_source_is_named_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "v.avi").write_text("no video")
    (tmp_path / "empty").mkdir()
    save(tmp_path / "one.png", 1)
    with pytest.raises(SourceError, match="re-encode"):
        open_source(tmp_path / "v.avi")
    with pytest.raises(SourceError, match="holds no picture"):
        open_source(tmp_path / "empty")
    with pytest.raises(SourceError, match="no source at"):
        open_source(tmp_path / "missing")
    with pytest.raises(SourceError, match="no topic /cam"):
        open_source(tmp_path / "one.png", topic="/cam")
