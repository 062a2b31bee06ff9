"""Compressed pictures, of messages and of files, to RGB and back. See the package for the rules."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.images import runs
from afss_ros.images.buffers import Buffer, Rgb, as_bytes, check_size
from afss_ros.images.errors import ImageError, UnsupportedEncoding
from afss_ros.images.exif import PNG, orientation_in, orientation_of_file, png_chunks, upright
from afss_ros.images.jpeg import MAGIC as JPEG
from afss_ros.images.jpeg import read_jpeg
from afss_ros.images.raw import BAYER, DEPTH, eight_bits

_STORED = cv2.IMREAD_IGNORE_ORIENTATION


def decode_compressed(data: Buffer, format: str = "", *, grey_bits: int = 16) -> Rgb:  # noqa: A002 - the name of the ROS field
    """The pixels of a sensor_msgs/CompressedImage.

    OpenCV fills what a cut JPEG lacks with grey and says nothing, so completeness is checked here; see `jpeg`.

    Args:
        data: a whole JPEG or PNG file; what follows its end is not looked at.
        format: as ROS writes it ("jpeg", "rgb8; jpeg compressed bgr8", "png", ""). The bytes say themselves whether
            they are JPEG or PNG; of this field what counts is whether the pixels are a Bayer mosaic, or distances.
        grey_bits: see `raw.to_rgb`; of a 16-bit PNG.

    Returns:
        uint8 (H, W, 3) RGB, a fresh array.

    Raises:
        UnsupportedEncoding: neither JPEG nor PNG, depth, or a mosaic of more than 8 bits.
        ImageError: cut or corrupt, or stored turned (EXIF), which camera_info would not know of.
    """
    pattern, _, stored_as = format.partition(";")
    pattern = pattern.strip()
    if pattern in DEPTH or "compressedDepth" in format:
        raise UnsupportedEncoding(f"format {format!r} holds depth, not a picture; subscribe to the colour image")
    flat = as_bytes(data)
    stored = _Stored.read(flat, format)
    if stored.orientation != 1:
        raise ImageError(
            f"the {stored.kind} has EXIF orientation {stored.orientation}: it is stored turned, and camera_info"
            " describes pixels as they are stored; the publisher must send it upright"
        )
    is_mosaic = pattern.startswith("bayer_") and stored_as.split()[-1:] not in (["bgr8"], ["rgb8"])
    if is_mosaic:
        return _demosaiced(flat, pattern, stored.kind)
    return stored.decode(flat, grey_bits)


def decode_picture(data: Buffer) -> Rgb:
    """The pixels of a picture file, JPEG, PNG or whatever OpenCV reads, turned upright as its EXIF orientation says.

    Returns:
        uint8 (H, W, 3) RGB, a fresh array.

    Raises:
        ImageError: it is no picture, or a cut or corrupt one.
    """
    flat = as_bytes(data)
    try:
        stored = _Stored.read(flat)
        return upright(stored.decode(flat), stored.orientation)
    except UnsupportedEncoding as unsupported:
        raw = flat.tobytes()
        is_tiff = raw[:4] in (b"II*\x00", b"MM\x00*")
        orientation = orientation_of_file(raw)
        if is_tiff and orientation != 1:
            # OpenCV turns some of these by itself, and fails on others.
            raise ImageError(
                f"a TIFF that is stored turned (orientation {orientation}); save it upright, or as PNG"
            ) from unsupported
        decoded = _decode(flat, cv2.IMREAD_COLOR | _STORED)
        if decoded is None:
            raise ImageError(f"{len(raw)} bytes that OpenCV cannot read as a picture") from unsupported
        return upright(cast(Rgb, cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)), orientation)


class _Stored:
    """A JPEG or PNG whose structure was found whole."""

    def __init__(self, raw: bytes, kind: str) -> None:
        self.kind = kind
        self.orientation = 1
        self.is_deep = False
        self._jpeg = read_jpeg(raw) if kind == "JPEG" else None
        self.fault = self._jpeg.fault if self._jpeg is not None else ""
        if self._jpeg is not None:
            if not self.fault:
                check_size(self._jpeg.height, self._jpeg.width)
            self.orientation = orientation_in(self._jpeg.exif)
            return
        kinds = []
        for name, content in png_chunks(raw):
            kinds.append(name)
            if name == b"IHDR" and len(content) >= 10:
                self.is_deep = content[8] == 16 and content[9] in (0, 4)  # grey, with or without alpha
            elif name == b"eXIf":
                self.orientation = orientation_in(content)
        if kinds[-1:] != [b"IEND"]:
            self.fault = f"it is truncated: {len(raw)} bytes without its end marker"

    @classmethod
    def read(cls, flat: NDArray[np.uint8], format: str = "") -> _Stored:  # noqa: A002 - the name of the ROS field
        """Look at the structure.

        Raises:
            UnsupportedEncoding: neither JPEG nor PNG.
            ImageError: it is not whole.
        """
        raw = flat.tobytes()
        kind = "PNG" if raw.startswith(PNG) else "JPEG" if raw.startswith(JPEG) else ""
        if not kind:
            raise UnsupportedEncoding(
                f"compressed data (format {format!r}, {len(raw)} bytes, starting {raw[:8].hex(' ') or 'empty'}) is"
                " neither JPEG nor PNG; set the publisher to one of these"
            )
        stored = cls(raw, kind)
        if stored.fault:
            raise ImageError(f"the {kind} is damaged: {stored.fault}; the file or message was cut or overwritten")
        return stored

    def decode(self, flat: NDArray[np.uint8], grey_bits: int = 16) -> Rgb:
        """The pixels as they are stored, RGB.

        Raises:
            ImageError: they are corrupt.
        """
        if self.is_deep and grey_bits != 16:
            deep = _decode(flat, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH | _STORED)
            if deep is not None and deep.dtype == np.uint16:
                grey = eight_bits(np.asarray(deep, np.uint16), grey_bits)
                return cast(Rgb, cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB))
        decoded = _decode(flat, cv2.IMREAD_COLOR | _STORED)
        if decoded is None:
            raise ImageError(f"the {self.kind} of {flat.size} bytes cannot be decoded; it is corrupt")
        check_size(decoded.shape[0], decoded.shape[1])
        if self._jpeg is not None and self._jpeg.ends_in_filling(decoded):
            raise ImageError(
                f"the JPEG is damaged: its bits ended before its {self._jpeg.width}x{self._jpeg.height} pixels, and the"
                " rest would be grey; the file or message has a hole or was cut"
            )
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
    stored = image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8)
    options: list[int] = [] if format == "png" else [cv2.IMWRITE_JPEG_QUALITY, quality]
    return _encoded(stored, extensions[format], options)


def _encoded(stored: NDArray[np.uint8], extension: str, options: list[int]) -> bytes:
    done, encoded = cv2.imencode(extension, stored, options)
    if not done:
        raise ImageError(f"OpenCV could not encode a {stored.shape} picture as {extension}")
    return encoded.tobytes()


def encode_labels(labels: NDArray[np.uint8]) -> bytes:
    """A label map, uint8 (H, W), as the smallest PNG: half the bytes of `encode_compressed` in ten times its time."""
    if labels.dtype != np.uint8 or labels.ndim != 2 or labels.size == 0:
        raise ImageError(f"a label map is uint8 (H, W), got {labels.dtype} {labels.shape}")
    return _encoded(labels, ".png", [cv2.IMWRITE_PNG_COMPRESSION, 9, cv2.IMWRITE_PNG_STRATEGY, 0])


def decode_labels(data: Buffer, format: str = "") -> NDArray[np.uint8]:  # noqa: A002 - the name of the ROS field
    """The label map, uint8 (H, W), of a sensor_msgs/CompressedImage: a PNG, or runs as of `runs`; the bytes say which.

    Raises:
        ImageError: it is neither, or not whole.
    """
    content = bytes(as_bytes(data))
    if runs.is_runs(content):
        return runs.decode(content)
    if not content.startswith(PNG):
        raise UnsupportedEncoding(f"a label map comes as PNG or as runs; format {format!r} begins {content[:8].hex()}")
    labels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if labels is None or labels.ndim != 2 or labels.dtype != np.uint8 or not content.rstrip(b"\0").endswith(_PNG_END):
        raise ImageError("the PNG holds no whole label map of 8 bits")
    return np.asarray(labels, np.uint8)


_PNG_END = b"IEND\xaeB`\x82"


def _demosaiced(flat: NDArray[np.uint8], pattern: str, kind: str) -> Rgb:
    if pattern not in BAYER:
        raise UnsupportedEncoding(
            f"the {kind} holds a Bayer mosaic {pattern!r}; only the 8-bit patterns are read ({', '.join(BAYER)});"
            " let the driver send colours, or debayer first (image_proc)"
        )
    mosaic = _decode(flat, cv2.IMREAD_UNCHANGED | _STORED)
    if mosaic is None:
        raise ImageError(f"the {kind} of {flat.size} bytes cannot be decoded; it is corrupt")
    if mosaic.ndim == 3 and mosaic.shape[2] == 3:
        return cast(Rgb, cv2.cvtColor(mosaic, cv2.COLOR_BGR2RGB))  # the publisher made colours of it
    if mosaic.dtype != np.uint8 or mosaic.ndim != 2 or min(mosaic.shape) < 2:
        raise ImageError(f"the {kind} is said to be {pattern}, but is {mosaic.dtype} {mosaic.shape}")
    return cast(Rgb, cv2.cvtColor(mosaic, BAYER[pattern]))


def _decode(flat: NDArray[np.uint8], mode: int) -> NDArray[np.uint8] | None:
    try:
        return cast("NDArray[np.uint8] | None", cv2.imdecode(flat, mode))
    except cv2.error:
        return None
