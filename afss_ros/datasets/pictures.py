"""Pictures on disk: images and label maps, to arrays and back.

What is stored decides, not what OpenCV makes of it: pictures are turned upright as EXIF says, and label maps keep the
indices of a palette and the ids of 1, 2 and 4 bits.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.files import read_bytes
from afss_ros.datasets.rle import MAX_PIXELS
from afss_ros.images import ImageError, decode_compressed

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp", ".jfif", ".jpe", ".ppm", ".pgm", ".pnm")
"""What is read as a picture, in lower case: what `afss label` reads, and other names of the same."""
FOREIGN = (".avif", ".cr2", ".dng", ".exr", ".gif", ".heic", ".heif", ".jp2", ".mpo", ".nef", ".svg")
"""Pictures of a kind that is not read: named, where a set has them."""

Scalar = TypeVar("Scalar", bound=np.generic)

_ORIENTATION = 0x0112
_LOSSY = ("JPEG", "MPO")
_SMALL_GREY = {2: 85, 4: 17}
"""By bits of a grey PNG, what decoders multiply its values by to make them fill 8 bits."""


def read_label_ids(path: Path) -> NDArray[np.uint8]:
    """A label map stored as a picture of class ids with one channel of up to 8 bits, or a palette: uint8 (H, W).

    Raises:
        DatasetError: it is missing, unreadable, of more channels or bits, or a JPEG, which changes ids.
    """
    content = read_bytes(path)
    with _opened(path, io.BytesIO(content)) as picture:
        if picture.format in _LOSSY:
            raise DatasetError(f"{path}: is a JPEG, whose compression makes other ids; store label maps as PNG")
        if picture.mode not in ("1", "L", "P"):
            raise DatasetError(
                f"{path}: a label map must be 8-bit with one channel, this is {picture.format} of mode {picture.mode}"
            )
        ids = np.asarray(picture).astype(np.uint8)
        orientation = _orientation(picture)
    return np.ascontiguousarray(_turned(ids // _SMALL_GREY.get(_grey_bits(content), 1), orientation))


def read_component_ids(path: Path) -> NDArray[np.uint16]:
    """Ids of up to 16 bits stored as a grey PNG: uint16 (H, W).

    Raises:
        DatasetError: it is missing, unreadable, or anything else.
    """
    with _opened(path, io.BytesIO(read_bytes(path))) as picture:
        if picture.format != "PNG" or picture.mode not in ("L", "I;16", "I;16B", "I"):
            raise DatasetError(
                f"{path}: component ids are a grey PNG of 16 bits, this is {picture.format} of mode {picture.mode}"
            )
        return np.ascontiguousarray(np.asarray(picture).astype(np.uint16))


def read_rgb(path: Path, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """A picture as uint8 (H, W, 3), RGB, turned upright as its EXIF orientation says.

    Args:
        size: (width, height) that a set declares; where it is that of the stored pixels and not that of the upright
            ones, labels were drawn on the stored pixels, and these are what is returned.

    Raises:
        DatasetError: it is missing, unreadable, cut off, or larger than any picture.
    """
    content = read_bytes(path)
    with _opened(path, io.BytesIO(content)) as picture:
        orientation, stored = _orientation(picture), (picture.width, picture.height)
    pixels = _decoded(path, content)
    as_stored = size == stored and orientation > 4 and stored[0] != stored[1]
    return np.ascontiguousarray(_turned(pixels, 1 if as_stored else orientation))


def read_bright(path: Path) -> NDArray[np.bool_]:
    """A mask stored as a picture, bright inside: bool (H, W), brighter than 127, or any index of a palette but 0."""
    return _mask(path, 127)


def read_non_zero(path: Path) -> NDArray[np.bool_]:
    """A mask stored as a picture, anything but 0 inside: bool (H, W); from 128 where JPEG rings around edges."""
    return _mask(path, 0)


def _mask(path: Path, threshold: int) -> NDArray[np.bool_]:
    with _opened(path, io.BytesIO(read_bytes(path))) as picture:
        values = np.asarray(picture)
        if picture.mode in ("1", "P"):
            threshold = 0
        elif picture.format in _LOSSY:
            threshold = 127
        if values.ndim == 3:  # an alpha channel says nothing
            values = values[..., : 1 if picture.mode == "LA" else 3].max(-1)
        return np.ascontiguousarray(_turned(values > threshold, _orientation(picture)))


def encode_picture(image: NDArray[np.uint8] | NDArray[np.uint16], suffix: str, quality: int = 95) -> bytes:
    """An RGB image (H, W, 3), or a map of labels or 16-bit ids (H, W), as a file of `suffix` (".png", ".jpg")."""
    pixels = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if suffix == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 3]
    done, content = cv2.imencode(suffix, pixels, options)
    if not done:
        raise DatasetError(f"OpenCV cannot encode {image.dtype} {image.shape} as {suffix}")
    return bytes(content)


def picture_size(path: Path) -> tuple[int, int]:
    """(width, height) of a picture, upright, from its header alone.

    Raises:
        DatasetError: it is missing or is no picture.
    """
    width, height, orientation = _header(path)
    return (height, width) if orientation > 4 else (width, height)


def is_upright(path: Path) -> bool:
    """Whether a picture's pixels are stored as they are to be seen.

    Raises:
        DatasetError: it is missing or is no picture.
    """
    return _header(path)[2] == 1


def _header(path: Path) -> tuple[int, int, int]:
    if not path.is_file():
        raise DatasetError(f"{path}: {'is no regular file' if path.exists() else 'missing'}")
    with _opened(path, path) as picture:
        return picture.width, picture.height, _orientation(picture)


@contextmanager
def _opened(path: Path, source: io.BytesIO | Path) -> Iterator[Image.Image]:
    """A picture as Pillow opens it, its own errors told as ours.

    Raises:
        DatasetError: it is no picture, it claims too many pixels, or what is read in the context is cut off.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its opinion of large pictures; ours follows
            picture = Image.open(source)
        with picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise DatasetError(f"{path}: claims {picture.width}x{picture.height} pixels; nothing is so large")
            yield picture
    except FileNotFoundError as err:
        raise DatasetError(f"{path}: missing") from err
    except DatasetError:
        raise
    except Image.DecompressionBombError as err:
        raise DatasetError(f"{path}: claims more pixels than any picture has ({err})") from err
    except UnidentifiedImageError as err:  # names an object by its place in memory, another one each time
        raise DatasetError(f"{path}: cannot be read as a picture (no known kind of picture)") from err
    except (OSError, ValueError, SyntaxError, TypeError, IndexError, ArithmeticError, MemoryError) as err:
        raise DatasetError(f"{path}: cannot be read as a picture ({err})") from err


def _orientation(picture: Image.Image) -> int:
    """EXIF orientation, 1 to 8. That of TIFF is part of the format, which decoders follow by themselves."""
    if picture.format == "TIFF":
        return 1
    # In a PNG, Pillow would read all pixels in search of an EXIF chunk behind them.
    known = picture.getexif() if picture.format != "PNG" or "exif" in picture.info else {}
    value = known.get(_ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _turned(pixels: NDArray[Scalar], orientation: int) -> NDArray[Scalar]:
    """Pixels (H, W, ...) as stored, upright: a view."""
    if orientation > 4:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def _decoded(path: Path, content: bytes) -> NDArray[np.uint8]:
    if content.startswith((b"\xff\xd8", b"\x89PNG\r\n\x1a\n")):
        try:
            return decode_compressed(_without_exif(content))
        except ImageError as err:
            raise DatasetError(f"{path}: {err}") from err
    try:
        mode = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), mode)
    except cv2.error as err:
        raise DatasetError(f"{path}: cannot be read as a picture ({err.err})") from err
    if pixels is None:
        raise DatasetError(f"{path}: cannot be read as a picture")
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)


def _without_exif(content: bytes) -> bytes:
    """A JPEG or PNG as it is stored, for decoders that turn it or refuse what is turned: its pixels are the same.

    What has no whole structure is left as it is, for the decoder to tell.
    """
    is_png = content[0] == 0x89
    start, kept = (8, content[:8]) if is_png else (2, content[:2])
    while start + 8 <= len(content):
        if is_png:
            kind, end = content[start + 4 : start + 8], start + 12 + int.from_bytes(content[start : start + 4], "big")
        else:
            kind, end = content[start : start + 2], start + 2 + int.from_bytes(content[start + 2 : start + 4], "big")
        if kind in (b"IDAT", b"\xff\xda") or (not is_png and content[start] != 0xFF):
            break
        kept += b"" if kind in (b"eXIf", b"\xff\xe1") else content[start:end]
        start = end
    return kept + content[start:]


def _grey_bits(content: bytes) -> int:
    """Bits of the values of a grey PNG; 0 for anything else (ISO/IEC 15948, 11.2.2)."""
    is_grey_png = content.startswith(b"\x89PNG\r\n\x1a\n") and len(content) > 25 and content[25] == 0
    return content[24] if is_grey_png else 0
