"""Bytes, in whatever message and file libraries hold them."""

from __future__ import annotations

import array
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from afss_ros.images.errors import ImageError

Buffer: TypeAlias = "bytes | bytearray | memoryview | NDArray[np.uint8] | array.array[int]"

Rgb = NDArray[np.uint8]
"""uint8 (H, W, 3), RGB."""

MAX_PIXELS = 1 << 28
"""Larger pictures (16384 x 16384) are taken for a corrupt header rather than for a camera."""


def as_bytes(data: Any) -> NDArray[np.uint8]:
    """A flat uint8 view of any buffer.

    Raises:
        ImageError: it is none.
    """
    try:
        return np.frombuffer(memoryview(data).cast("B"), np.uint8)
    except (TypeError, ValueError) as err:
        if isinstance(data, np.ndarray):  # cast refuses strided views
            return np.ascontiguousarray(data).view(np.uint8).ravel()
        raise ImageError(f"image data must be a buffer of bytes, got {type(data).__name__}") from err


def check_size(height: int, width: int) -> None:
    """Raise an ImageError for what no camera sends."""
    if height < 1 or width < 1:
        raise ImageError(f"the image is {width}x{height}: it has no pixels; the publisher must set width and height")
    if height * width > MAX_PIXELS:
        raise ImageError(f"the image claims {width}x{height} pixels, more than the {MAX_PIXELS} that are believed")
