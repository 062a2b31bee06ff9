"""One annotation of COCO as an `Instance`: every value is looked at before C code is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.form import Instance
from afss_ros.datasets.record import number
from afss_ros.datasets.rle import Rle, box_of, checked, decode, from_polygons


def instance_of(entry: Mapping[str, Any], names: Mapping[str, str], size: tuple[int, int]) -> tuple[Instance, str]:
    """The instance that an annotation describes.

    Args:
        names: of the categories, by the text of their id.
        size: (H, W) of the image.

    Returns:
        The instance, and what of it could not be read, "" for nothing.

    Raises:
        DatasetError: it is none, such as a crowd region.
    """
    if entry.get("iscrowd"):
        raise DatasetError(
            "iscrowd: a region of several objects is no instance (CVAT writes every mask so: export polygons, or set"
            " iscrowd to 0)"
        )
    category = str(entry["category_id"]).removesuffix(".0")
    if category not in names:
        raise DatasetError(f"its category {entry['category_id']!r} is not declared")
    rle, lost = _mask(entry.get("segmentation"), size)
    box = _box(entry.get("bbox"))
    if box is None:
        if rle is None:
            raise DatasetError("it has neither a box with an area nor a mask")
        box = box_of(decode(rle))
    return Instance(names[category], box, rle, number(entry.get("score", 1.0))), lost


def _box(bbox: Any) -> NDArray[np.float32] | None:
    """xywh as xyxy; None where there is no box, or one without area."""
    if bbox is None or bbox == []:
        return None
    if not isinstance(bbox, list) or len(bbox) != 4:
        raise DatasetError(f"a box is [x, y, width, height], got {str(bbox)[:60]}")
    x, y, width, height = (number(v) for v in bbox)
    if width < 0 or height < 0:
        raise DatasetError(f"its box {bbox} has a negative side")
    return np.array([x, y, x + width, y + height], np.float32) if width and height else None


def _mask(segmentation: Any, size: tuple[int, int]) -> tuple[Rle | None, str]:
    """The mask, None where there is none, and what of it could not be read."""
    if segmentation is None or segmentation == []:
        return None, ""
    if isinstance(segmentation, dict):
        return _filled(checked(segmentation, *size))
    if not isinstance(segmentation, list):
        raise DatasetError(f"a segmentation is polygons or run lengths, got {str(segmentation)[:60]}")
    if all(isinstance(v, (int, float)) for v in segmentation):  # one polygon without the list around it
        segmentation = [segmentation]
    pieces = [piece for piece in segmentation if piece != []]
    if not pieces:
        return None, ""
    if all(isinstance(piece, list) and len(piece) < 6 for piece in pieces):
        return None, "no piece of its mask has three points; only its box is read"
    return _filled(from_polygons(pieces, *size))


def _filled(rle: Rle) -> tuple[Rle | None, str]:
    return (rle, "") if decode(rle).any() else (None, "its mask holds no pixel; only its box is read")
