"""Which side of a picture is up: the EXIF orientation of JPEG, PNG, WebP and TIFF, read without a library."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

PNG = b"\x89PNG\r\n\x1a\n"
_ORIENTATION = 0x0112
_ORDERS = {b"II": "<", b"MM": ">"}
_SHORT, _LONG = 3, 4


def orientation_in(block: bytes) -> int:
    """The orientation, 1 to 8, in an EXIF block or a TIFF file, which is one; 1 (as stored) where it says nothing."""
    order = _ORDERS.get(block[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, start)
        for i in range(count):
            tag, kind, _ = struct.unpack_from(f"{order}HHI", block, start + 2 + 12 * i)
            if tag == _ORIENTATION and kind in (_SHORT, _LONG):
                form = "H" if kind == _SHORT else "I"
                (value,) = struct.unpack_from(f"{order}{form}", block, start + 10 + 12 * i)
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1


def png_chunks(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The (kind, content) of a PNG's chunks as far as they are whole (ISO/IEC 15948, 5.3); ends with IEND."""
    at = len(PNG)
    while at + 12 <= len(raw):
        kind, size = raw[at + 4 : at + 8], int.from_bytes(raw[at : at + 4], "big")
        if at + 12 + size > len(raw):
            return
        yield kind, raw[at + 8 : at + 8 + size]
        if kind == b"IEND":
            return
        at += 12 + size


def orientation_of_file(raw: bytes) -> int:
    """The orientation of a PNG, WebP or TIFF file, 1 to 8. For JPEG see `jpeg.read_jpeg`."""
    if raw.startswith(PNG):
        return next((orientation_in(content) for kind, content in png_chunks(raw) if kind == b"eXIf"), 1)
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        at = 12
        while at + 8 <= len(raw):
            kind, size = raw[at : at + 4], int.from_bytes(raw[at + 4 : at + 8], "little")
            if kind == b"EXIF":
                return orientation_in(raw[at + 8 : at + 8 + size].removeprefix(b"Exif\x00\x00"))
            at += 8 + size + size % 2
        return 1
    return orientation_in(raw)


def upright(image: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """An image (H, W, C), turned and mirrored as its orientation asks; 5 to 8 swap its sides."""
    if orientation >= 5:
        image = image.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)
