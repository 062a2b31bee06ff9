"""Pictures on disk: images and label maps, to arrays and back."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from afss_ros.datasets.errors import DatasetError


def read_label_ids(path: Path) -> NDArray[np.uint8]:
    """A label map stored as an 8-bit single-channel picture of class ids: uint8 (H, W)."""
    labels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if labels is None:
        raise DatasetError(f"{path}: missing, or cannot be read as a picture")
    if labels.dtype != np.uint8 or labels.ndim != 2:
        raise DatasetError(f"{path}: a label map must be 8-bit with one channel, this is {labels.dtype} {labels.shape}")
    return np.asarray(labels, np.uint8)


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """A picture as uint8 (H, W, 3), RGB, its pixels as they are stored."""
    image = _read(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def read_bright(path: Path) -> NDArray[np.bool_]:
    """A mask stored as a grey picture, bright inside: bool (H, W), brighter than 127."""
    return np.asarray(_read(path, cv2.IMREAD_GRAYSCALE) > 127, bool)


def read_non_zero(path: Path) -> NDArray[np.bool_]:
    """A mask stored as a grey picture, anything but 0 inside: bool (H, W)."""
    return np.asarray(_read(path, cv2.IMREAD_GRAYSCALE) > 0, bool)


def _read(path: Path, mode: int) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), mode)
    if picture is None:
        raise DatasetError(f"{path}: missing, or cannot be read as a picture")
    return np.asarray(picture, np.uint8)


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
