"""A folder of pictures, or a single one, as a source of frames."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afss_ros.bags.first_bytes import first_bytes, foreign
from afss_ros.camera import CameraInfo
from afss_ros.images import ImageError, decode_picture
from afss_ros.perception import Frame
from afss_ros.sources.source import OpenSource, SourceError, Unreadable

_log = logging.getLogger(__name__)

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
            if self._paths and (others := _what_else(path)):
                _log.info(
                    "%s: only its pictures are read (%s), not the %s beside them", path, " ".join(SUFFIXES), others
                )
        else:
            self._paths = [path]
        if not self._paths:
            raise SourceError(
                f"{path} holds no picture ({' '.join(SUFFIXES)}){_what_it_holds(path)}; name the folder that the"
                " pictures lie in themselves"
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


def _what_else(folder: Path) -> str:
    """What lies in a folder beside its pictures: how many of which suffix."""
    kinds = (p.suffix.lower() if p.is_file() else "folders" for p in folder.iterdir() if not p.name.startswith("."))
    held = Counter(kind or "files" for kind in kinds if kind not in SUFFIXES)
    return ", ".join(f"{count} {kind}" for kind, count in held.most_common(5))


def _what_it_holds(folder: Path) -> str:
    """What is in a folder without pictures, as far as it might have been meant."""
    ros1 = next((f"; {p.name} {foreign(first_bytes(p))}" for p in sorted(folder.glob("*.bag")) if p.is_file()), "")
    others = _what_else(folder)
    return f"; it holds {others}{ros1}" if others else ""


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a picture file: uint8 (H, W, 3), RGB, turned upright as its EXIF orientation says.

    Raises:
        ImageError: it is no picture, or a damaged one.
        OSError: it cannot be read, or is no regular file.
    """
    if reason := foreign(first_bytes(path)):
        raise ImageError(f"it {reason}")
    return decode_picture(path.read_bytes())


def is_picture(head: bytes) -> bool:
    """Whether a file begins as pictures do, whatever its name."""
    if head[:4] == b"RIFF":
        return head[8:12] == b"WEBP"
    return head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\x00", b"MM\x00*"))


def natural_order(path: Path) -> list[tuple[bool, int, str]]:
    """Sort key that compares runs of digits as numbers.

    >>> sorted([Path("a10"), Path("a9"), Path("b1")], key=natural_order)[0].name
    'a9'
    """
    parts = re.split(r"(\d+)", path.name.lower())
    return [(p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in parts]
