"""A video file as a source of frames, through OpenCV."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from afss_ros.camera import CameraInfo
from afss_ros.perception import Frame
from afss_ros.sources.source import OpenSource, SourceError, Unreadable

_DEFAULT_RATE_HZ = 30.0
_COUNT_TOLERANCE = 0.02
"""Containers estimate their frame count from the duration, so a small shortage is no damage."""


class Video(OpenSource):
    """Every frame of a video, stamped n / rate for the n-th (from 1). See `Source`."""

    def __init__(self, path: Path) -> None:
        """Open the video once to learn its rate and length.

        Raises:
            SourceError: OpenCV cannot decode it.
        """
        self._path = path
        capture = _open(path)
        rate = capture.get(cv2.CAP_PROP_FPS)
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        capture.release()
        self.name = str(path)
        self.length: int | None = int(count) if math.isfinite(count) and count > 0 else None
        self.rate_hz: float | None = rate if math.isfinite(rate) and 0 < rate <= 1000 else None
        self.camera_info: CameraInfo | None = None
        self.frame_id = ""

    def __iter__(self) -> Iterator[Frame | Unreadable]:
        period_ns = 1e9 / (self.rate_hz or _DEFAULT_RATE_HZ)
        capture = _open(self._path)
        number = 0
        try:
            while True:
                decoded, picture = capture.read()
                if not decoded:
                    break
                number += 1
                image = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
                yield Frame(image, round(number * period_ns), self.frame_id, f"{self._path}#{number}")
        finally:
            capture.release()
        if self.length is not None and number < math.floor(self.length * (1 - _COUNT_TOLERANCE)):
            reason = f"decoding ended after frame {number} of {self.length}: the rest is missing or corrupt"
            yield Unreadable(self.name, reason)

    def key(self, frame: Frame) -> str:
        """See `Source.key`: the frame's number, from 1, in six digits."""
        return frame.source.rpartition("#")[2].zfill(6)


def _open(path: Path) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise SourceError(
            f"{path} is not a video that this OpenCV decodes; re-encode it (ffmpeg -i IN -c:v mjpeg out.avi),"
            " or give a folder of pictures or a rosbag2 bag"
        )
    return capture
