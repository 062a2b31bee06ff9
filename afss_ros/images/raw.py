"""The pixels of a sensor_msgs/Image. See the package for the rules."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.images.buffers import Buffer, Rgb, as_bytes, check_size
from afss_ros.images.errors import ImageError, UnsupportedEncoding

_ALIASES = {"8UC1": "mono8", "8UC3": "bgr8", "8UC4": "bgra8"}
DEPTH = ("16UC1", "32FC1")
"""Encodings of distances (REP 118): what they hold is no picture."""
TWELVE_BITS_OF_16 = 1 << 12 >> 8
"""The brightness, of 255, that 12 bits reach in a picture that is taken for one of 16."""
FEW_BITS = (
    "no mono16 image so far has a value above 4095 of 65535, so all are nearly black; if the camera gives 12 bits or"
    " fewer, set {parameter} to their number"
)
_ALIGNED_ROWS = 31
BAYER = {
    "bayer_rggb8": cv2.COLOR_BayerRGGB2RGB,
    "bayer_bggr8": cv2.COLOR_BayerBGGR2RGB,
    "bayer_gbrg8": cv2.COLOR_BayerGBRG2RGB,
    "bayer_grbg8": cv2.COLOR_BayerGRBG2RGB,
}
_YUV = {
    "yuv422": cv2.COLOR_YUV2RGB_UYVY,
    "uyvy": cv2.COLOR_YUV2RGB_UYVY,
    "yuv422_yuy2": cv2.COLOR_YUV2RGB_YUY2,
    "yuyv": cv2.COLOR_YUV2RGB_YUY2,
}
_BYTES_PER_PIXEL = {
    "rgb8": 3,
    "bgr8": 3,
    "rgba8": 4,
    "bgra8": 4,
    "mono8": 1,
    "mono16": 2,
    **dict.fromkeys(BAYER, 1),
    **dict.fromkeys(_YUV, 2),
}
_TO_RGB = {
    **BAYER,
    **_YUV,
    "bgr8": cv2.COLOR_BGR2RGB,
    "rgba8": cv2.COLOR_RGBA2RGB,
    "bgra8": cv2.COLOR_BGRA2RGB,
    "mono8": cv2.COLOR_GRAY2RGB,
    "mono16": cv2.COLOR_GRAY2RGB,
}


def to_rgb(
    *,
    height: int,
    width: int,
    encoding: str,
    step: int,
    data: Buffer,
    is_bigendian: bool | int = False,
    grey_bits: int = 16,
) -> Rgb:
    """The pixels of a sensor_msgs/Image.

    Args:
        height: rows.
        width: columns.
        encoding: rgb8, bgr8, rgba8, bgra8, mono8, mono16, 8-bit Bayer patterns, packed YUV 4:2:2 (names of
            sensor_msgs image_encodings), or an alias of the module's table.
        step: bytes from one row to the next; more than a row needs is padding and is skipped.
        data: `height` rows; the last one may lack its padding, and up to 31 more may follow, as hardware aligns them.
        is_bigendian: byte order of mono16.
        grey_bits: how many of a mono16 pixel's bits the camera uses, the lowest ones, 8 to 16; 8 of them are kept.

    Returns:
        uint8 (H, W, 3) RGB. For rgb8 a view of `data` (do not write to it), else a fresh array.

    Raises:
        UnsupportedEncoding: the encoding is none of the above.
        ImageError: size, step and data do not make an image.
    """
    name = _ALIASES.get(encoding, encoding)
    if name not in _BYTES_PER_PIXEL:
        known = ", ".join([*_BYTES_PER_PIXEL, *_ALIASES])
        if encoding in DEPTH:
            raise UnsupportedEncoding(
                f"encoding {encoding!r} holds depth (REP 118), not a picture; known are {known}; give the camera's"
                " image, and publish grey pictures as mono16, not through cv_bridge's passthrough"
            )
        raise UnsupportedEncoding(
            f"encoding {encoding!r} is not supported; known are {known}; convert it with cv_bridge"
        )
    check_size(height, width)
    row_bytes = width * _BYTES_PER_PIXEL[name]
    if step < row_bytes:
        raise ImageError(
            f"step {step} is too small for {width} {encoding} pixels; the publisher must set at least {row_bytes}"
        )
    flat = as_bytes(data)
    needed = step * (height - 1) + row_bytes
    if flat.size < needed:
        raise ImageError(
            f"data has {flat.size} bytes, but {width}x{height} {encoding} with step {step} needs {needed};"
            " the message was cut or its size fields are wrong"
        )
    _check_pattern(name, height, width)
    surplus = flat.size - step * height
    if surplus > 0 and (surplus % step or surplus // step > _ALIGNED_ROWS):
        raise ImageError(
            f"data has {flat.size} bytes, but {height} rows of step {step} are {step * height}: the rows lie otherwise"
            " than the fields say; the publisher must set step to the bytes of a row"
            f" ({_likely_step(flat.size, height)})"
        )
    channels = _BYTES_PER_PIXEL[name]
    pixels = np.lib.stride_tricks.as_strided(flat, (height, width, channels), (step, channels, 1), writeable=False)
    if name == "rgb8":
        return pixels
    if name == "mono16":
        pixels = eight_bits(pixels.view(">u2" if is_bigendian else "<u2")[:, :, 0], grey_bits)
    return cast(Rgb, cv2.cvtColor(pixels, _TO_RGB[name]))


def _check_pattern(encoding: str, height: int, width: int) -> None:
    if encoding in BAYER and min(height, width) < 2:
        raise ImageError(f"a {encoding} image of {width}x{height} lacks colours; it takes 2x2 pixels to have them all")
    if encoding in _YUV and width % 2:
        raise ImageError(
            f"a {encoding} image is {width} pixels wide, but two share their colour; the width must be even"
        )


def eight_bits(grey: NDArray[np.uint16], bits: int) -> NDArray[np.uint8]:
    """The upper 8 of the lowest `bits` bits of grey pixels, uint16 (H, W), the same for every picture.

    Raises:
        ImageError: a pixel has more bits.
    """
    if bits < 16 and grey.size and (highest := int(grey.max())) >> bits:
        raise ImageError(
            f"a mono16 pixel is {highest}, more than {bits} bits hold; set grey_bits to what the camera gives"
        )
    return (grey >> (bits - 8)).astype(np.uint8)


def _likely_step(size: int, height: int) -> str:
    return f"{size // height}, if it has {height} rows" if size % height == 0 else "which the data does not tell"
