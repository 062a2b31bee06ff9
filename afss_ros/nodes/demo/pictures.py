"""Something to look at: the recorded overlays as a video and as a contact sheet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.bags import BagReader
from afss_ros.images import encode_compressed, to_rgb
from afss_ros.nodes.demo.errors import DemoError
from afss_ros.overlay import contact_sheet
from afss_ros.spacing import evenly_spaced
from afss_ros.student import letterbox

MAX_SIDE = 1280
SHEET_PICTURES = 20
_SHEET_COLUMNS = 5
_SHEET_WIDTH = 2000


def overlays(bag_path: Path, topic: str) -> Iterator[NDArray[np.uint8]]:
    """The recorded overlays, uint8 (H, W, 3) RGB, one at a time."""
    with BagReader(bag_path) as bag:
        for message in bag.messages([topic]):
            m = bag.deserialize(message)
            yield to_rgb(height=m.height, width=m.width, encoding=m.encoding, step=m.step, data=m.data)


def write_video(path: Path, pictures: Iterator[NDArray[np.uint8]], rate_hz: float) -> None:
    """Write an MPEG-4 video, in the size of the first picture; others are fitted into it, black around them.

    Raises:
        DemoError: this OpenCV cannot write one.
    """
    temporary = path.with_name(f".partial-{path.name}")
    writer: cv2.VideoWriter | None = None
    size = (0, 0)
    try:
        for picture in pictures:
            if writer is None:
                size = video_size((picture.shape[0], picture.shape[1]))
                writer = cv2.VideoWriter(str(temporary), cv2.VideoWriter.fourcc(*"mp4v"), rate_hz, (size[1], size[0]))
                if not writer.isOpened():
                    raise DemoError(f"this OpenCV cannot write {path}: it has no MPEG-4 encoder")
            writer.write(cv2.cvtColor(fit(picture, size), cv2.COLOR_RGB2BGR))
    finally:
        if writer is not None:
            writer.release()
    if writer is not None:
        temporary.replace(path)


def write_contact_sheet(path: Path, pictures: Iterator[NDArray[np.uint8]], count: int) -> None:
    """Write up to 20 of `count` pictures, evenly chosen, as a PNG."""
    chosen = evenly_spaced(count, SHEET_PICTURES)
    cell = (_SHEET_WIDTH // _SHEET_COLUMNS,) * 2
    small = [shrink(picture, cell) for i, picture in enumerate(pictures) if i in chosen]
    if not small:
        return
    temporary = path.with_name(f".partial-{path.name}")
    temporary.write_bytes(encode_compressed(contact_sheet(small, _SHEET_COLUMNS, _SHEET_WIDTH), "png"))
    temporary.replace(path)


def video_size(shape: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the video for pictures of this shape: at most 1280, and even, as encoders want it.

    >>> video_size((175, 311)), video_size((1440, 2560))
    ((174, 310), (720, 1280))
    """
    scale = min(1.0, MAX_SIDE / max(shape))
    height, width = (max(2, round(side * scale) // 2 * 2) for side in shape)
    return height, width


def fit(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Fit a picture into `size` (H, W), aspect kept, black around it."""
    canvas = np.zeros((*size, 3), np.uint8)
    return letterbox.apply(picture, letterbox.fit((picture.shape[0], picture.shape[1]), size), canvas)


def shrink(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Make a picture fit within `size` (H, W), aspect kept; never larger than it is."""
    scale = min(1.0, size[0] / picture.shape[0], size[1] / picture.shape[1])
    if scale == 1.0:
        return picture
    width, height = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
