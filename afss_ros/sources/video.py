"""A video file as a source of frames, through OpenCV."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from afss_ros.camera import CameraInfo
from afss_ros.perception import Frame
from afss_ros.sources.source import OpenSource, SourceError, Unreadable

VIDEO_SUFFIXES = (
    *(".avi", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".asf", ".flv"),
    *(
        ".ogv",
        ".3gp",
        ".vob",
        ".mxf",
        ".y4m",
        ".mjpg",
        ".mjpeg",
        ".h264",
        ".264",
        ".h265",
        ".265",
        ".hevc",
        ".ivf",
        ".gif",
    ),
)
_CONTAINERS = (
    *(b"\x1a\x45\xdf\xa3", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"\x00\x00\x00\x01", b"\x00\x00\x01\x67"),
    *(b"FLV", b"OggS", b"GIF8", b"DKIF", b"YUV4MPEG2", b"\x30\x26\xb2\x75", b"\x06\x0e\x2b\x34"),
)
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_LOG_LEVEL, _QUIET = "OPENCV_FFMPEG_LOGLEVEL", "-8"
_DEFAULT_RATE_HZ = 30.0
_COUNT_TOLERANCE = 0.02
"""Containers estimate their frame count from the duration, so a small shortage is no damage."""
_PROBED = 4
_ON_GRID = 0.1
"""How far, in frame periods, a frame's time may lie from its number's, to be taken for its number."""
_MOST_IN_A_ROW = 10_000
"""Frames that do not decode, one after the other, after which nothing more is expected."""


class Video(OpenSource):
    """Every frame of a video, stamped n / rate for the n-th (from 1). See `Source`.

    A frame that does not decode is named and keeps its number; the others keep theirs, and so their stamps.
    """

    def __init__(self, path: Path) -> None:
        """Open the video once to learn its rate and length, and whether it can be decoded.

        Raises:
            SourceError: OpenCV cannot decode it.
        """
        self._path = path
        capture = _open(path)
        rate = capture.get(cv2.CAP_PROP_FPS)
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        is_decoded = any(capture.read()[0] for _ in range(_PROBED))
        codec = int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode("latin-1").strip("\0 ")
        capture.release()
        if not is_decoded:
            raise _undecodable(path, f", of codec {codec}" if codec.isprintable() and codec else "")
        self.name = str(path)
        self.length: int | None = int(count) if math.isfinite(count) and count > 0 else None
        self.rate_hz: float | None = rate if math.isfinite(rate) and 0 < rate <= 1000 else None
        self.camera_info: CameraInfo | None = None
        self.frame_id = ""

    def __iter__(self) -> Iterator[Frame | Unreadable]:
        period_ns = 1e9 / (self.rate_hz or _DEFAULT_RATE_HZ)
        capture = _open(self._path)
        number = failed = lost = 0
        try:
            while failed < _MOST_IN_A_ROW and number + failed < (self.length or number + failed + 1):
                decoded, picture = capture.read()
                if not decoded:
                    failed += 1
                    if self.length is None:
                        break
                    continue
                missing = self._missing(capture, number, failed)
                if missing:
                    yield self._undecoded(number + 1, number + missing)
                number, failed, lost = number + missing + 1, 0, lost + missing
                image = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
                yield Frame(image, round(number * period_ns), self.frame_id, f"{self._path}#{number}")
        finally:
            capture.release()
        if self.length is None:
            return
        if number < math.floor(self.length * (1 - _COUNT_TOLERANCE)):
            reason = f"decoding ended after frame {number} of {self.length}: the rest is missing or corrupt"
            yield Unreadable(self.name, reason)
        elif lost and number < self.length:
            yield self._undecoded(number + 1, self.length)

    def key(self, frame: Frame) -> str:
        """See `Source.key`: the frame's number, from 1, in six digits."""
        return frame.source.rpartition("#")[2].zfill(6)

    def _missing(self, capture: cv2.VideoCapture, number: int, failed: int) -> int:
        """How many frames lie between the `number`-th and the one that was just decoded.

        By its time, where frames come at a steady rate: a decoder drops what is broken without a word, or says so once
        for several. Else as many as failed.
        """
        if self.rate_hz is None or number == 0:
            return failed
        place = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 * self.rate_hz
        between = round(place) - number
        if abs(place - round(place)) > _ON_GRID or not 0 <= between < (self.length or 0) - number:
            return failed
        return between

    def _undecoded(self, first: int, last: int) -> Unreadable:
        which = f"{first}" if first == last else f"{first}-{last}"
        many = "a frame" if first == last else f"{last - first + 1} frames"
        return Unreadable(
            f"{self._path}#{which}", f"{many} of {self.length} cannot be decoded; the later ones are read"
        )


def is_video(head: bytes) -> bool:
    """Whether a file begins as the containers and streams do that FFmpeg knows."""
    if head[:4] == b"RIFF":
        return head[8:12] == b"AVI "
    is_transport_stream = head[:1] == b"\x47" and head[188:189] == b"\x47"
    return head.startswith(_CONTAINERS) or head[4:8] in _BOXES or is_transport_stream


def _open(path: Path) -> cv2.VideoCapture:
    # FFmpeg reports every broken packet on stderr; here the frame is named that is missing for it.
    said = os.environ.setdefault(_LOG_LEVEL, _QUIET)
    try:
        capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    finally:
        if said == _QUIET:
            os.environ.pop(_LOG_LEVEL, None)
    if not capture.isOpened():
        raise _undecodable(path)
    return capture


def _undecodable(path: Path, codec: str = "") -> SourceError:
    return SourceError(
        f"{path} is not a video that this OpenCV decodes{codec}; re-encode it (ffmpeg -i IN -c:v mjpeg out.avi),"
        " or give a folder of pictures or a rosbag2 bag"
    )
