"""A video with a bad frame is a video of the others, and each keeps its number and its stamp."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from afss_ros.perception import Frame
from afss_ros.sources import SourceError, Unreadable, open_source

COUNT = 20


def write_video(path: Path) -> Path:
    """Twenty frames of 10 Hz; frame n is grey of brightness 10 n."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 48))
    for number in range(1, COUNT + 1):
        writer.write(np.full((48, 64, 3), 10 * number, np.uint8))
    writer.release()
    return path


def spoil(path: Path, numbers: list[int]) -> None:
    """Overwrite the pictures of these frames (from 1)."""
    raw = bytearray(path.read_bytes())
    starts = [i for i in range(len(raw) - 2) if raw[i : i + 3] == b"\xff\xd8\xff"]
    assert len(starts) == COUNT
    for number in numbers:
        end = raw.index(b"\xff\xd9", starts[number - 1])
        raw[starts[number - 1] : end] = bytes(end - starts[number - 1])
    path.write_bytes(raw)


def read(path: Path) -> tuple[dict[int, int], dict[int, int], list[Unreadable]]:
    """Stamp in ms and brightness of the frames by their keys, and the others."""
    stamps, greys, others = {}, {}, []
    with open_source(path) as source:
        for item in source:
            if isinstance(item, Frame):
                key = int(source.key(item))
                stamps[key], greys[key] = item.stamp_ns // 10**6, round(float(item.image.mean()))
            else:
                others.append(item)
    return stamps, greys, others


def test_a_whole_video_is_all_frames(tmp_path: Path) -> None:
    stamps, greys, others = read(write_video(tmp_path / "a.avi"))
    assert stamps == {n: 100 * n for n in range(1, COUNT + 1)}
    assert greys == pytest.approx({n: 10 * n for n in range(1, COUNT + 1)}, abs=2)
    assert others == []


@pytest.mark.parametrize("bad", [[7], [1], [7, 12], [7, 8, 9]])
def test_bad_frames_are_named_and_the_others_keep_number_stamp_and_picture(tmp_path: Path, bad: list[int]) -> None:
    path = write_video(tmp_path / "a.avi")
    spoil(path, bad)
    stamps, greys, others = read(path)
    good = [n for n in range(1, COUNT + 1) if n not in bad]
    assert stamps == {n: 100 * n for n in good}
    assert greys == pytest.approx({n: 10 * n for n in good}, abs=2)
    named = [other.name.rpartition("#")[2] for other in others]
    assert named == (["7-9"] if bad == [7, 8, 9] else [str(n) for n in bad])


def test_the_end_that_is_missing_is_named(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi")
    spoil(path, list(range(13, COUNT + 1)))
    stamps, _, (other,) = read(path)
    assert list(stamps) == list(range(1, 13))
    assert other.reason == "decoding ended after frame 12 of 20: the rest is missing or corrupt"


def test_a_video_of_which_not_one_frame_decodes_is_named_with_the_cure(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi")
    spoil(path, list(range(1, COUNT + 1)))
    with pytest.raises(SourceError, match=r"not a video that this OpenCV decodes, of codec MJPG; re-encode"):
        open_source(path)
