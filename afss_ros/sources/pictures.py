"""A folder of pictures, or a single one, as a source of frames."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.camera import CameraInfo
from afss_ros.images import ImageError, UnsupportedEncoding, decode_compressed
from afss_ros.perception import Frame
from afss_ros.sources.source import OpenSource, SourceError, Unreadable

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
PERIOD_NS = 100_000_000
"""Pictures carry no time: the n-th (from 1) is stamped n tenths of a second, so that stamps tell frames apart and
none is 0, which ROS takes for "no time"."""


class Pictures(OpenSource):
    """Every picture of a folder (not of the folders in it), in natural order: img2 before img10. See `Source`."""

    def __init__(self, path: Path) -> None:
        """List the pictures.

        Raises:
            SourceError: there is none.
        """
        if path.is_dir():
            found = [p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")]
            self._paths = sorted(found, key=natural_order)
        else:
            self._paths = [path]
        if not self._paths:
            raise SourceError(
                f"{path} holds no picture ({' '.join(SUFFIXES)}); name the folder that the pictures lie in themselves"
            )
        self._stems = Counter(p.stem for p in self._paths)
        self.name = str(path)
        self.length: int | None = len(self._paths)
        self.rate_hz: float | None = None
        self.camera_info: CameraInfo | None = None
        self.frame_id = ""

    def __iter__(self) -> Iterator[Frame | Unreadable]:
        for number, path in enumerate(self._paths, start=1):
            try:
                yield Frame(read_picture(path), number * PERIOD_NS, self.frame_id, str(path))
            except (ImageError, OSError) as err:
                yield Unreadable(str(path), str(err))

    def key(self, frame: Frame) -> str:
        """See `Source.key`: the file's name, with its suffix only where another picture has the same name."""
        path = Path(frame.source)
        return path.stem if self._stems[path.stem] == 1 else path.name.replace(".", "_")


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a picture file: uint8 (H, W, 3), RGB, as stored (EXIF orientation is ignored).

    Raises:
        ImageError: it is no picture, or a truncated one.
        OSError: it cannot be read.
    """
    data = path.read_bytes()
    try:
        return decode_compressed(data)
    except UnsupportedEncoding as unsupported:
        try:
            decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        except cv2.error:
            decoded = None
        if decoded is None:
            raise ImageError(f"{len(data)} bytes that OpenCV cannot read as a picture") from unsupported
        return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def natural_order(path: Path) -> list[tuple[bool, int, str]]:
    """Sort key that compares runs of digits as numbers.

    >>> sorted([Path("a10"), Path("a9"), Path("b1")], key=natural_order)[0].name
    'a9'
    """
    parts = re.split(r"(\d+)", path.name.lower())
    return [(p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in parts]
