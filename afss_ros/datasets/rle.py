"""Masks as COCO run lengths: lossless, compact, understood by every COCO tool. The coding is pycocotools' own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from afss_ros.datasets.errors import DatasetError

Rle = dict[str, Any]
"""`{"size": [H, W], "counts": str}`; counts are compressed, column-major, starting with the zeros."""


def encode(mask: NDArray[np.bool_]) -> Rle:
    """Run lengths of a mask (H, W); anything non-zero counts as inside. JSON-ready."""
    coded = coco_mask.encode(np.asfortranarray(mask != 0, np.uint8))
    return {"size": [int(n) for n in coded["size"]], "counts": coded["counts"].decode("ascii")}


def decode(rle: Rle) -> NDArray[np.bool_]:
    """The mask, bool (H, W).

    Raises:
        DatasetError: the run lengths are not COCO's, or do not fill `size`.
    """
    try:
        height, width = (int(n) for n in rle["size"])
        counts = rle["counts"]
        if isinstance(counts, list):
            rle = coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)
        elif isinstance(counts, str):
            rle = {"size": [height, width], "counts": counts.encode("ascii")}
        mask = coco_mask.decode(rle)
    except (KeyError, TypeError, ValueError) as err:
        raise DatasetError(f"not a COCO run length mask ({err}): {str(rle)[:80]}") from err
    return np.asarray(mask, bool)


def from_polygons(polygons: list[list[float]], height: int, width: int) -> Rle:
    """Run lengths of the union of polygons, each a flat list x0, y0, x1, y1, ... in pixels (COCO `segmentation`)."""
    coded = coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))
    return {"size": [height, width], "counts": coded["counts"].decode("ascii")}


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
