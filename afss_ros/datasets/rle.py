"""Masks as COCO run lengths: lossless, compact, understood by every COCO tool. The coding is pycocotools' own.

Foreign run lengths are decoded here and not in pycocotools, whose C code believes them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from afss_ros.datasets.errors import MALFORMED, DatasetError

Rle = dict[str, Any]
"""`{"size": [H, W], "counts": str}`; counts are compressed, column-major, starting with the zeros."""

MAX_PIXELS = 1 << 28
"""Larger pictures (16384 x 16384) are taken for a corrupt header."""
_REACH = 4
"""How many times the image's longer side a polygon may stray from it."""
_MOST_STEPS = 20_000_000
"""Pixels of the longest outline that pycocotools is given: it takes 80 bytes for each."""


def require_size(height: int, width: int) -> None:
    """Refuse an image size that is none.

    Raises:
        DatasetError: it has no pixels, or more than `MAX_PIXELS`.
    """
    if height < 1 or width < 1 or height * width > MAX_PIXELS:
        raise DatasetError(f"a size of {width}x{height} is none (1 to {MAX_PIXELS} pixels)")


def encode(mask: NDArray[np.bool_]) -> Rle:
    """Run lengths of a mask (H, W); anything non-zero counts as inside. JSON-ready."""
    coded = coco_mask.encode(np.asfortranarray(mask != 0, np.uint8))
    return {"size": [int(n) for n in coded["size"]], "counts": coded["counts"].decode("ascii")}


def decode(rle: Rle) -> NDArray[np.bool_]:
    """The mask, bool (H, W).

    Raises:
        DatasetError: the run lengths are not COCO's, or do not fill `size`.
    """
    height, width, runs = _parsed(rle)
    inside = np.arange(len(runs)) % 2 == 1
    return np.ascontiguousarray(np.repeat(inside, runs).reshape(width, height).T)


def checked(rle: Any, height: int, width: int) -> Rle:
    """Foreign run lengths as they are kept: of the image's size, filling it, compressed.

    Raises:
        DatasetError: they are not.
    """
    size_y, size_x, runs = _parsed(rle)
    if (size_y, size_x) != (height, width):
        raise DatasetError(f"the mask is {size_x}x{size_y}, the image {width}x{height}")
    if isinstance(rle["counts"], str):
        return {"size": [height, width], "counts": rle["counts"]}
    coded = coco_mask.frPyObjects({"size": [height, width], "counts": runs.tolist()}, height, width)
    return {"size": [height, width], "counts": coded["counts"].decode("ascii")}


def _parsed(rle: Any) -> tuple[int, int, NDArray[np.int64]]:
    try:
        height, width = (int(n) for n in rle["size"])
        require_size(height, width)
        counts = rle["counts"]
        runs = _from_string(counts) if isinstance(counts, str) else _from_list(counts)
        if (runs < 0).any() or (runs > height * width).any() or int(runs.sum()) != height * width:
            raise DatasetError(f"its runs do not fill {width}x{height} pixels")
    except MALFORMED as err:
        raise DatasetError(f"not a COCO run length mask ({err}): {str(rle)[:80]}") from err
    return height, width, runs


def _from_list(counts: Any) -> NDArray[np.int64]:
    if not isinstance(counts, list) or not all(type(n) is int and 0 <= n <= MAX_PIXELS for n in counts):
        raise DatasetError("counts are a text or a list of lengths")
    return np.array(counts, np.int64)


def _from_string(text: str) -> NDArray[np.int64]:
    """The runs of COCO's text (maskApi.c, rleFrString): groups of 5 bits, the lowest first, then differences."""
    if not text:
        return np.zeros(0, np.int64)
    codes = np.frombuffer(text.encode("ascii"), np.uint8).astype(np.int64) - 48
    if (codes < 0).any() or (codes > 63).any():
        raise DatasetError("its counts hold letters that are none")
    last = (codes & 0x20) == 0
    if not last[-1]:
        raise DatasetError("its counts break off")
    ends = np.flatnonzero(last)
    starts = np.concatenate([[0], ends[:-1] + 1])
    if (ends - starts).max() > 6:
        raise DatasetError("its counts hold a number that is too long")
    place = np.arange(len(codes)) - np.repeat(starts, ends - starts + 1)
    values = np.add.reduceat((codes & 0x1F) << (5 * place), starts)
    negative = (codes[ends] & 0x10) != 0
    values[negative] -= 1 << (5 * (place[ends][negative] + 1))
    runs: NDArray[np.int64] = values.copy()
    runs[1::2] = np.cumsum(values[1::2])
    runs[2::2] = np.cumsum(values[2::2])
    return runs


def from_polygons(polygons: list[list[float]], height: int, width: int) -> Rle:
    """Run lengths of the union of polygons, each a flat list x0, y0, x1, y1, ... in pixels (COCO `segmentation`).

    Pieces of fewer than three points enclose nothing and are left out.

    Raises:
        DatasetError: a piece is no list of pairs, its coordinates are not finite or far outside the image, or no
            piece has three points.
    """
    require_size(height, width)
    pieces = [_checked(piece, height, width) for piece in polygons]
    pieces = [piece for piece in pieces if len(piece) >= 6]
    if not pieces:
        raise DatasetError("a polygon needs three points")
    coded = coco_mask.merge(coco_mask.frPyObjects(pieces, height, width))
    return {"size": [height, width], "counts": coded["counts"].decode("ascii")}


def _checked(piece: Any, height: int, width: int) -> list[float]:
    """A polygon whose outline pycocotools can walk: it walks pixel by pixel, and believes every coordinate."""
    if not isinstance(piece, list) or len(piece) % 2:
        raise DatasetError(f"a polygon is a list of x, y, x, y, ..., got {str(piece)[:60]}")
    numbers = [float(v) for v in piece if isinstance(v, (int, float)) and not isinstance(v, bool)]
    far = _REACH * max(height, width)
    if len(numbers) < len(piece) or not all(math.isfinite(v) and -far <= v <= far for v in numbers):
        raise DatasetError(f"a polygon has points that are no numbers, or far outside {width}x{height}")
    points = np.array(numbers).reshape(-1, 2)
    steps = np.abs(np.diff(points, axis=0, append=points[:1])).max(1).sum() if len(points) else 0.0
    if steps > _MOST_STEPS:
        raise DatasetError(f"a polygon's outline is {steps:.0f} pixels long, which no object's is")
    return numbers


def box_of(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The tight box around a mask (H, W): float32 (4,) xyxy, corner convention; zeros for an empty mask.

    >>> box_of(np.array([[0, 1, 1], [0, 0, 0]], bool)).tolist()
    [1.0, 0.0, 3.0, 1.0]
    """
    columns = np.flatnonzero(mask.any(axis=0))
    rows = np.flatnonzero(mask.any(axis=1))
    if columns.size == 0:
        return np.zeros(4, np.float32)
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)
