"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from afss_ros.datasets.errors import DatasetError


def write_atomically(path: Path, content: bytes) -> None:
    """Write to a temporary name beside `path`, then move it there: a kill leaves the old file or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as err:
        temporary.unlink(missing_ok=True)
        raise DatasetError(f"{path}: cannot be written ({err})") from err


def append_line(descriptor: int, line: bytes) -> None:
    """Append a line to a file opened with O_APPEND, whole or not at all.

    Raises:
        OSError: the file cannot grow (a full disk writes what fits, and that is taken back).
    """
    before = os.fstat(descriptor).st_size
    try:
        written = os.write(descriptor, line)
        if written < len(line):
            raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}: {written} of {len(line)} bytes fit")
    except OSError:
        os.ftruncate(descriptor, before)
        raise


def encode_picture(image: NDArray[np.uint8], suffix: str, quality: int = 95) -> bytes:
    """An RGB image (H, W, 3) or a label map (H, W) as a file in the format of `suffix` (".png", ".jpg")."""
    pixels = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if suffix == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 3]
    done, content = cv2.imencode(suffix, pixels, options)
    if not done:
        raise DatasetError(f"OpenCV cannot encode {image.dtype} {image.shape} as {suffix}")
    return bytes(content)


def picture_size(path: Path) -> tuple[int, int]:
    """(width, height) of a picture from its header alone.

    Raises:
        DatasetError: it is missing or is no picture.
    """
    try:
        with Image.open(path) as picture:
            return picture.width, picture.height
    except FileNotFoundError as err:
        raise DatasetError(f"{path}: missing") from err
    except (OSError, ValueError) as err:
        raise DatasetError(f"{path}: cannot be read as a picture ({err})") from err
