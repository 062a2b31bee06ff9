"""Letterbox: fit a picture of any size into the network's, aspect kept, and map the answers back exactly.

The picture is scaled by one factor, centred, and the rest is filled with 0. Coordinates are continuous with the
origin at a pixel's corner (see afss_ros.perception), so both maps are plain affine ones without half-pixel terms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]
"""(height, width) in pixels."""

_REPEATED = {2: (0x0101, np.uint16), 4: (0x01010101, np.uint32), 8: (0x0101010101010101, np.uint64)}
"""Times a byte, so many of it in a word, whatever the machine's order of bytes."""
PAD_VALUE = 0
_MAX_BILINEAR_RATIO = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Indices:
    """Where every row and column of the source lies in a label map.

    Attributes:
        rows: intp (H,), of the map.
        cols: intp (W,), of the map.
        row_times: how many rows of the source each of the map's is, where that is the same for all of them; else 0.
        col_times: the same of columns.
    """

    rows: NDArray[np.intp]
    cols: NDArray[np.intp]
    row_times: int
    col_times: int


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Where a source picture lies in the network's.

    Attributes:
        source: (H, W) of the picture.
        network: (H, W) of the network's input.
        content: (h, w) of the scaled picture inside the network's, whole pixels.
        top: first content row.
        left: first content column.
    """

    source: Size
    network: Size
    content: Size
    top: int
    left: int

    @property
    def scale_yx(self) -> tuple[float, float]:
        """Network pixels per source pixel, (y, x); they differ by the rounding of `content` to whole pixels."""
        return self.content[0] / self.source[0], self.content[1] / self.source[1]

    @property
    def is_identity(self) -> bool:
        return self.source == self.network == self.content

    def content_in(self, size: Size) -> tuple[slice, slice]:
        """Rows and columns of a map of the network's view at any (h, w) that show source pixels, rounded outwards."""
        rows, cols = size[0] / self.network[0], size[1] / self.network[1]
        bottom, right = self.top + self.content[0], self.left + self.content[1]
        return (
            slice(math.floor(self.top * rows), math.ceil(bottom * rows)),
            slice(math.floor(self.left * cols), math.ceil(right * cols)),
        )


def fit(source: Size, network: Size) -> Letterbox:
    """Letterbox of a `source` (H, W) picture in a `network` (H, W) input; smaller pictures are enlarged.

    Example: `fit((720, 1280), (512, 512))` scales by 0.4 to 288 x 512 and starts at row 112.
    """
    scale = min(network[0] / source[0], network[1] / source[1])
    content = (
        min(network[0], max(1, round(source[0] * scale))),
        min(network[1], max(1, round(source[1] * scale))),
    )
    return Letterbox(source, network, content, (network[0] - content[0]) // 2, (network[1] - content[1]) // 2)


def apply(image: NDArray[np.uint8], box: Letterbox, out: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Write `image` into `out`.

    Args:
        image: uint8 (H, W, 3) of size `box.source`; a view with padded rows will do.
        out: uint8 (H, W, 3) of size `box.network`; its padding is left as it is, so fill it with PAD_VALUE once.

    Returns:
        What the network is to see: `image` itself when nothing has to change, else `out`.
    """
    if box.is_identity and image.flags.c_contiguous:
        return image
    resize(image, out[box.top : box.top + box.content[0], box.left : box.left + box.content[1]])
    return out


def resize(image: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    """Resize `image` into `out`, without the aliases that make thin booms and stars flicker when a picture shrinks.

    OpenCV averages 2x2 pixels ten times faster than fractions of pixels, so this halves, as a mipmap does (Williams,
    1983), and bilinear interpolation does the rest, never by more than 1.5, beyond which it all but misses pixels.
    """
    height, width = out.shape[:2]
    while image.shape[0] >= 2 * height and image.shape[1] >= 2 * width and not (image.shape[0] | image.shape[1]) & 1:
        if image.shape[:2] == (2 * height, 2 * width):
            cv2.resize(image, (width, height), dst=out, interpolation=cv2.INTER_AREA)
            return
        image = _resized(image, image.shape[0] // 2, image.shape[1] // 2, cv2.INTER_AREA)
    ratio = max(image.shape[0] / height, image.shape[1] / width)
    factor = 1
    while ratio > _MAX_BILINEAR_RATIO * factor:
        factor *= 2
    if factor > 1:
        image = _resized(image, factor * height, factor * width, cv2.INTER_LINEAR)
    cv2.resize(image, (width, height), dst=out, interpolation=cv2.INTER_AREA if factor > 1 else cv2.INTER_LINEAR)


def _resized(image: NDArray[np.uint8], height: int, width: int, interpolation: int) -> NDArray[np.uint8]:
    return cast(NDArray[np.uint8], cv2.resize(image, (width, height), interpolation=interpolation))


def boxes_to_source(boxes: NDArray[np.float32], box: Letterbox) -> NDArray[np.float32]:
    """Map boxes (N, 4) xyxy from network pixels to source pixels, clipped to the picture."""
    offset, scale, limit = _way_back(box)
    mapped = (boxes.astype(np.float64) - offset) / scale
    return np.minimum(np.maximum(mapped, 0.0), limit).astype(np.float32)


@lru_cache(maxsize=32)
def _way_back(box: Letterbox) -> tuple[NDArray[np.float64], ...]:
    """Of boxes xyxy: where the picture begins in the network's, its scale there, and its size."""
    y, x = box.scale_yx
    height, width = box.source
    return (
        np.array([box.left, box.top, box.left, box.top], np.float64),
        np.array([x, y, x, y], np.float64),
        np.array([width, height, width, height], np.float64),
    )


def boxes_to_network(boxes: NDArray[np.float32], box: Letterbox) -> NDArray[np.float32]:
    """Map boxes (N, 4) xyxy from source pixels to network pixels."""
    y, x = box.scale_yx
    mapped = boxes.astype(np.float64) * [x, y, x, y] + [box.left, box.top, box.left, box.top]
    return mapped.astype(np.float32)


def nearest_indices(box: Letterbox, size: Size) -> Indices | None:
    """For a map (h, w) of the network's view: the row that each source row shows, and the column of each column.

    The centre of source pixel r lies at network y = top + (r + 0.5) * scale; the map's row there is the one shown.
    None when the map is the source's pixel by pixel.
    """
    if box.is_identity and size == box.source:
        return None
    y, x = box.scale_yx
    rows = (box.top + (np.arange(box.source[0]) + 0.5) * y) * (size[0] / box.network[0])
    cols = (box.left + (np.arange(box.source[1]) + 0.5) * x) * (size[1] / box.network[1])
    rows_of, cols_of = np.minimum(rows.astype(np.intp), size[0] - 1), np.minimum(cols.astype(np.intp), size[1] - 1)
    return Indices(rows_of, cols_of, _times(rows_of, size[0]), _times(cols_of, size[1]))


def _times(indices: NDArray[np.intp], size: int) -> int:
    """How often each of 0..size-1 follows itself in `indices`, where that is the same for all of them; else 0."""
    times = len(indices) // size
    return times if np.array_equal(indices, np.arange(size).repeat(times)) else 0


def take(label_map: NDArray[np.uint8], indices: Indices | None) -> NDArray[np.uint8]:
    """The label map (h, w) of the network's view at source size (H, W): a fresh array.

    Columns first, on the few rows of the small map; then whole rows are copied, which memory likes.
    """
    if indices is None:
        return np.array(label_map)
    wide = _columns(label_map, indices)
    if not indices.row_times:
        return wide.take(indices.rows, axis=0)
    at_source = np.empty((len(indices.rows), wide.shape[1]), np.uint8)
    at_source.reshape(wide.shape[0], indices.row_times, wide.shape[1])[:] = wide[:, None]
    return at_source


def _columns(label_map: NDArray[np.uint8], indices: Indices) -> NDArray[np.uint8]:
    """The columns of a label map (h, w) that the source shows; each 2, 4 or 8 times: so many at once."""
    if indices.col_times not in _REPEATED:
        return label_map.take(indices.cols, axis=1)
    ones, word = _REPEATED[indices.col_times]
    # A tenth of the time that bytes take one by one.
    repeated: NDArray[np.uint8] = np.multiply(label_map, ones, dtype=word, order="C").view(np.uint8)
    return repeated
