"""Masks as polygons, for YOLO and for the report."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def outlines(mask: NDArray[np.bool_], *, tolerance: float = 0.6) -> list[NDArray[np.float32]]:
    """The outer outlines of a mask (H, W), largest first: each float32 (K, 2), x and y in pixels (corner convention).

    Args:
        tolerance: how far, in pixels, an outline may stray from the mask's edge to save points.
    """
    inside = mask.astype(np.uint8)
    x, y, width, height = cv2.boundingRect(inside)
    if width == 0:
        return []
    # On a grid twice as fine, outlines run within a quarter of a pixel of the true edge.
    fine = cv2.resize(inside[y : y + height, x : x + width], None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    found, _ = cv2.findContours(fine, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(2 * x, 2 * y))
    simple = [cv2.approxPolyDP(contour, 2 * tolerance, closed=True)[:, 0] for contour in found]
    polygons = [((points + 0.5) / 2).astype(np.float32) for points in simple if len(points) >= 3]
    return sorted(polygons, key=lambda p: -cv2.contourArea(p))


def one_outline(mask: NDArray[np.bool_], *, tolerance: float = 0.6) -> NDArray[np.float32]:
    """All outer outlines of a mask as one polygon (K, 2), joined by bridges of no width; empty for no mask.

    YOLO gives an object a single polygon, but a craft's lit parts may lie apart.
    """
    polygons = outlines(mask, tolerance=tolerance)
    if not polygons:
        return np.zeros((0, 2), np.float32)
    joined = polygons[0]
    for polygon in polygons[1:]:
        gaps = np.square(joined[:, None] - polygon[None]).sum(axis=2)
        here, there = np.unravel_index(int(np.argmin(gaps)), gaps.shape)
        detour = np.concatenate([np.roll(polygon, -int(there), axis=0), polygon[there][None], joined[here][None]])
        joined = np.concatenate([joined[: here + 1], detour, joined[here + 1 :]])
    return joined
