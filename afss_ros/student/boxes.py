"""Boxes of whole craft from a label map: connected components, with the pieces of one craft put back together.

A craft rarely comes out as one component: a yoke is thinner than a label pixel, a shadow cuts a panel off. Two pieces
belong together when no more than `merge_gap` empty pixels lie between them, counted in the direction, x or y, where
they are further apart (Chebyshev). Distance is measured between pixels, not between boxes, so that a craft which
passes in front of another one's box stays its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

_Components = tuple[int, NDArray[np.int32], NDArray[np.int32]]
"""The count, ids (h, w), and (count, 5) left, top, width, height, area, of which row 0 is the background."""

_MAX_PIECES = 256
"""Components looked at, largest first: bounds the time that a noisy label map can take."""


@dataclass(frozen=True, slots=True)
class Component:
    """One craft in a label map.

    Attributes:
        box_xyxy: in pixels of the label map, corner convention.
        area: number of its pixels.
        confidence: mean of the confidence map over its pixels, in 0..1; 1.0 without one.
    """

    box_xyxy: tuple[int, int, int, int]
    area: int
    confidence: float


def find(
    foreground: NDArray[np.uint8],
    *,
    min_area: int,
    merge_gap: int,
    confidence: NDArray[np.uint8] | None = None,
) -> list[Component]:
    """Find the craft in a foreground mask.

    Args:
        foreground: uint8 (h, w), non-zero where a craft is.
        min_area: pieces of fewer pixels are noise: dropped before merging, so that they neither count nor bridge.
        merge_gap: pieces with at most this many empty pixels between them are one craft.
        confidence: uint8 (h, w), probability x 255.

    Returns:
        The largest first.

    Example:
        The mask `[[1, 0, 1]]` is two components with merge_gap 0, and one with box (0, 0, 3, 1) with merge_gap 1.
    """
    _, ids, stats = cast(_Components, cv2.connectedComponentsWithStats(foreground, connectivity=8)[:3])
    areas = stats[:, cv2.CC_STAT_AREA]
    kept = np.flatnonzero(areas[1:] >= min_area) + 1
    kept = kept[np.argsort(-areas[kept], kind="stable")][:_MAX_PIECES]
    groups = _group(ids, stats, kept, merge_gap)
    found = [_component(ids, stats, group, confidence) for group in groups]
    return sorted(found, key=lambda c: -c.area)


def _group(ids: NDArray[np.int32], stats: NDArray[np.int32], kept: NDArray[np.intp], merge_gap: int) -> list[list[int]]:
    """Partition the components `kept` into craft."""
    if len(kept) < 2 or merge_gap < 1 or not _any_boxes_near(stats[kept], merge_gap):
        return [[int(i)] for i in kept]
    member = np.zeros(len(stats), np.uint8)
    member[kept] = 1
    # A square of side gap + 1 grows two pieces by `gap` pixels together: exactly enough for them to touch.
    grown = cv2.dilate(member[ids], np.ones((merge_gap + 1, merge_gap + 1), np.uint8))
    _, craft_ids = cv2.connectedComponents(grown, connectivity=8)
    groups: dict[int, list[int]] = {}
    for i in kept.tolist():
        left, top, width = (int(v) for v in stats[i, :3])
        pixel = left + int(np.argmax(ids[top, left : left + width] == i))
        groups.setdefault(int(craft_ids[top, pixel]), []).append(i)
    return list(groups.values())


def _any_boxes_near(stats: NDArray[np.int32], gap: int) -> bool:
    """Whether any two boxes have at most `gap` pixels between them: the cheap test before the exact one."""
    low = stats[:, :2]
    high = low + stats[:, 2:4]
    apart = np.maximum(low[:, None] - high[None], low[None] - high[:, None]).max(-1)
    np.fill_diagonal(apart, gap + 1)
    return bool((apart <= gap).any())


def _component(
    ids: NDArray[np.int32], stats: NDArray[np.int32], group: list[int], confidence: NDArray[np.uint8] | None
) -> Component:
    parts = stats[group]
    low = parts[:, :2].min(0)
    high = (parts[:, :2] + parts[:, 2:4]).max(0)
    area = int(parts[:, cv2.CC_STAT_AREA].sum())
    mean = 1.0
    if confidence is not None:
        mean = sum(_sum_over(ids, stats[i], i, confidence) for i in group) / (255.0 * area)
    return Component((int(low[0]), int(low[1]), int(high[0]), int(high[1])), area, mean)


def _sum_over(ids: NDArray[np.int32], stat: NDArray[np.int32], i: int, confidence: NDArray[np.uint8]) -> float:
    left, top, width, height, area = (int(v) for v in stat)
    window = (slice(top, top + height), slice(left, left + width))
    mask = (ids[window] == i).view(np.uint8)
    return float(cv2.mean(confidence[window], mask=mask)[0]) * area
