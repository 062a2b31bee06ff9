"""Image messages and files to RGB arrays and back, without cv_bridge and without trust.

Every function takes plain buffers, so rclpy, rosbags and files share it. What cannot be an image raises `ImageError`,
which names the value and the cure; the caller counts the frame, reports it, and goes on.

Rules worth knowing:
    - `rgb8` is a view of the message's memory; every other encoding costs one OpenCV pass.
    - 16-bit grey becomes 8-bit by its high byte (value >> 8), the same for every frame: a stretch by each frame's own
      range would make what the student sees depend on the rest of the picture. A 12-bit sensor must left-justify.
    - `8UC1`, `8UC3`, `8UC4`, `16UC1` say nothing about colour; they are read as OpenCV writes them: mono8, bgr8,
      bgra8, mono16.
    - Bayer patterns are interpolated bilinearly at full resolution; `yuv422` is UYVY, as everywhere in ROS.
    - Compressed pictures are decoded as stored: EXIF orientation is ignored, as camera_info describes stored pixels.
"""

from __future__ import annotations

import array
from typing import Any, TypeAlias, cast

import cv2
import numpy as np
from numpy.typing import NDArray

Buffer: TypeAlias = "bytes | bytearray | memoryview | NDArray[np.uint8] | array.array[int]"
"""What message and file libraries hold bytes in."""

Rgb = NDArray[np.uint8]
"""uint8 (H, W, 3), RGB."""

MAX_PIXELS = 1 << 28
"""Larger pictures (16384 x 16384) are taken for a corrupt header rather than for a camera."""

_ALIASES = {"8UC1": "mono8", "8UC3": "bgr8", "8UC4": "bgra8", "16UC1": "mono16"}
_BAYER = {
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
    **dict.fromkeys(_BAYER, 1),
    **dict.fromkeys(_YUV, 2),
}
_TO_RGB = {
    **_BAYER,
    **_YUV,
    "bgr8": cv2.COLOR_BGR2RGB,
    "rgba8": cv2.COLOR_RGBA2RGB,
    "bgra8": cv2.COLOR_BGRA2RGB,
    "mono8": cv2.COLOR_GRAY2RGB,
    "mono16": cv2.COLOR_GRAY2RGB,
}
_JPEG = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
_PNG = b"\x89PNG\r\n\x1a\n"


class ImageError(ValueError):
    """Bytes that are no usable image; the message gives the value found and the cure."""


class UnsupportedEncoding(ImageError):  # noqa: N818 - it reads as what it is at the raise
    """An encoding or format that this module leaves to others (cv_bridge, image_transport)."""


def to_rgb(*, height: int, width: int, encoding: str, step: int, data: Buffer, is_bigendian: bool | int = False) -> Rgb:
    """The pixels of a sensor_msgs/Image.

    Args:
        height: rows.
        width: columns.
        encoding: rgb8, bgr8, rgba8, bgra8, mono8, mono16, 8-bit Bayer patterns, packed YUV 4:2:2 (names of
            sensor_msgs image_encodings), or an alias of the module's table.
        step: bytes from one row to the next; more than a row needs is padding and is skipped.
        data: `height` rows; the last one may lack its padding.
        is_bigendian: byte order of mono16.

    Returns:
        uint8 (H, W, 3) RGB. For rgb8 a view of `data` (do not write to it), else a fresh array.

    Raises:
        UnsupportedEncoding: the encoding is none of the above.
        ImageError: size, step and data do not make an image.
    """
    name = _ALIASES.get(encoding, encoding)
    if name not in _BYTES_PER_PIXEL:
        known = ", ".join([*_BYTES_PER_PIXEL, *_ALIASES])
        raise UnsupportedEncoding(
            f"encoding {encoding!r} is not supported; known are {known}; convert it with cv_bridge"
        )
    _check_size(height, width)
    row_bytes = width * _BYTES_PER_PIXEL[name]
    if step < row_bytes:
        raise ImageError(
            f"step {step} is too small for {width} {encoding} pixels; the publisher must set at least {row_bytes}"
        )
    flat = _as_bytes(data)
    needed = step * (height - 1) + row_bytes
    if flat.size < needed:
        raise ImageError(
            f"data has {flat.size} bytes, but {width}x{height} {encoding} with step {step} needs {needed};"
            " the message was cut or its size fields are wrong"
        )
    _check_pattern(name, height, width)
    channels = _BYTES_PER_PIXEL[name]
    pixels = np.lib.stride_tricks.as_strided(flat, (height, width, channels), (step, channels, 1), writeable=False)
    if name == "rgb8":
        return pixels
    if name == "mono16":
        high_byte = 0 if is_bigendian else 1
        pixels = cast(Rgb, cv2.extractChannel(pixels, high_byte))
    return cast(Rgb, cv2.cvtColor(pixels, _TO_RGB[name]))


def decode_compressed(data: Buffer, format: str = "") -> Rgb:  # noqa: A002 - the name of the ROS field
    """The pixels of a sensor_msgs/CompressedImage or of a JPEG or PNG file.

    OpenCV fills what a cut JPEG lacks with grey and says nothing, so completeness is checked here first.

    Args:
        data: a whole JPEG or PNG file.
        format: as ROS writes it ("jpeg", "rgb8; jpeg compressed bgr8", "png", ""); only used to refuse
            image_transport's other payloads, as the bytes say themselves whether they are JPEG or PNG.

    Returns:
        uint8 (H, W, 3) RGB, a fresh array.

    Raises:
        UnsupportedEncoding: neither JPEG nor PNG.
        ImageError: cut or corrupt.
    """
    flat = _as_bytes(data)
    raw = flat.tobytes()
    if "compressedDepth" in format:
        raise UnsupportedEncoding(f"format {format!r} holds depth, not a picture; subscribe to the colour image")
    if raw.startswith(_PNG):
        kind, complete = "PNG", _png_is_complete(raw)
    elif raw.startswith(_JPEG):
        kind, complete = "JPEG", _jpeg_is_complete(raw)
    else:
        raise UnsupportedEncoding(
            f"compressed data (format {format!r}, {len(raw)} bytes, starting {raw[:8].hex(' ') or 'empty'}) is neither"
            " JPEG nor PNG; set the publisher to one of these"
        )
    if not complete:
        raise ImageError(
            f"the {kind} is truncated: {len(raw)} bytes without its end marker; the file or message was cut"
        )
    try:
        decoded = cv2.imdecode(flat, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as err:
        raise ImageError(f"the {kind} of {len(raw)} bytes cannot be decoded: {err.err}; it is corrupt") from err
    if decoded is None:
        raise ImageError(f"the {kind} of {len(raw)} bytes cannot be decoded; it is corrupt")
    _check_size(decoded.shape[0], decoded.shape[1])
    return cast(Rgb, cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB, dst=decoded))


def encode_compressed(image: NDArray[np.uint8], format: str = "jpeg", quality: int = 90) -> bytes:  # noqa: A002 - the name of the ROS field
    """A JPEG or PNG of an RGB (H, W, 3) or grey (H, W) uint8 picture.

    Args:
        image: what to encode.
        format: "jpeg" or "png".
        quality: of the JPEG, 1..100.

    Raises:
        UnsupportedEncoding: another format.
        ImageError: the array is no picture.
    """
    extensions = {"jpeg": ".jpg", "jpg": ".jpg", "png": ".png"}
    if format not in extensions:
        raise UnsupportedEncoding(f"format {format!r} is not supported; use 'jpeg' or 'png'")
    if image.dtype != np.uint8 or image.size == 0 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        raise ImageError(f"only uint8 (H, W, 3) or (H, W) can be encoded, got {image.dtype} {image.shape}")
    stored = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    options: list[int] = [] if format == "png" else [cv2.IMWRITE_JPEG_QUALITY, quality]
    done, encoded = cv2.imencode(extensions[format], stored, options)
    if not done:
        raise ImageError(f"OpenCV could not encode a {image.shape} picture as {format}")
    return encoded.tobytes()


def _check_size(height: int, width: int) -> None:
    if height < 1 or width < 1:
        raise ImageError(f"the image is {width}x{height}: it has no pixels; the publisher must set width and height")
    if height * width > MAX_PIXELS:
        raise ImageError(f"the image claims {width}x{height} pixels, more than the {MAX_PIXELS} that are believed")


def _check_pattern(encoding: str, height: int, width: int) -> None:
    if encoding in _BAYER and min(height, width) < 2:
        raise ImageError(f"a {encoding} image of {width}x{height} lacks colours; it takes 2x2 pixels to have them all")
    if encoding in _YUV and width % 2:
        raise ImageError(
            f"a {encoding} image is {width} pixels wide, but two share their colour; the width must be even"
        )


def _as_bytes(data: Any) -> NDArray[np.uint8]:
    """A flat uint8 view of any buffer."""
    try:
        return np.frombuffer(memoryview(data).cast("B"), np.uint8)
    except (TypeError, ValueError) as err:
        if isinstance(data, np.ndarray):  # cast refuses strided views
            return np.ascontiguousarray(data).view(np.uint8).ravel()
        raise ImageError(f"image data must be a buffer of bytes, got {type(data).__name__}") from err


def _jpeg_is_complete(raw: bytes) -> bool:
    """Whether an end marker follows the pixels (ISO/IEC 10918-1, B.1): the search starts behind the headers, because
    a thumbnail inside them has an end marker of its own."""
    position = 2
    while position + 4 <= len(raw) and raw[position] == 0xFF:
        marker = raw[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        position += 2 + int.from_bytes(raw[position + 2 : position + 4], "big")
        if marker == 0xDA:  # start of scan
            return raw.rfind(_JPEG_END, position) >= 0
    return False


def _png_is_complete(raw: bytes) -> bool:
    """Whether the chunks run on to IEND (ISO/IEC 15948, 5.3)."""
    position = len(_PNG)
    while position + 12 <= len(raw):
        kind = raw[position + 4 : position + 8]
        position += 12 + int.from_bytes(raw[position : position + 4], "big")
        if kind == b"IEND":
            return position <= len(raw)
    return False
