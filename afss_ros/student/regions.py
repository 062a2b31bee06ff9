"""Which pixels of a label map belong to which detection, and which parts each craft shows.

A label map knows no craft and a box no pixels. Pieces of the map are given to the detection whose box holds most of
them, to the smallest of equals; parts are the pieces of one label within one craft.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros import labels
from afss_ros.perception import Detection

_FINEST = 320
"""Longer side, in pixels, of what parts are looked for in; larger frames are thinned out to it."""
_LEAST_OF_CRAFT = 0.004
"""Pieces of a craft smaller than this share of it are no parts."""
_LEAST = 6
"""Pixels of a part, in the thinned map."""
MOST_PARTS = 16
"""Parts of one craft that are looked at, largest first."""
MOST_CRAFT = 32
"""Detections that are looked at, best score first."""


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A part of a craft, or all of it, in source pixels (corner convention).

    Attributes:
        label: id of the part; `labels.SPACECRAFT` for the whole.
        box_xyxy: float32 (4,).
        centroid: mean x, y of its pixels.
        area: its pixels.
    """

    label: int
    box_xyxy: NDArray[np.float32]
    centroid: tuple[float, float]
    area: float


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a label map shows of one detection.

    Attributes:
        whole: all its pixels; None where the map has none.
        parts: the body first, then others, largest first.
        second_moment: float64 (2, 2), px², of the pixels about the centroid.
        patch: bool (PATCH, PATCH), its pixels on a grid over the detection's box.
        diameter: the largest distance between two of its pixels, px; 0 where it has none.
    """

    whole: Region | None
    parts: tuple[Region, ...]
    second_moment: NDArray[np.float64]
    patch: NDArray[np.bool_]
    diameter: float = 0.0


PATCH = 24
"""Side of the grid on which masks are compared."""
_STEPS = (np.arange(PATCH) + 0.5) / PATCH
_NOTHING = Seen(None, (), np.zeros((2, 2)), np.ones((PATCH, PATCH), np.bool_))


def look(label_map: NDArray[np.uint8] | None, detections: Sequence[Detection]) -> list[Seen]:
    """What a label map (H, W) shows of each detection; of a map that is None, nothing."""
    if label_map is None or not detections:
        return [_NOTHING] * len(detections)
    boxes = np.array([d.box_xyxy for d in detections[:MOST_CRAFT]], np.float64)
    step = max(1, -(-max(label_map.shape) // _FINEST))
    height, width = label_map.shape
    low = np.floor(np.maximum(boxes[:, :2].min(0), 0) / step).astype(int)
    high = np.ceil(np.minimum(boxes[:, 2:].max(0), (width, height)) / step).astype(int)
    thin = np.ascontiguousarray(label_map[step // 2 :: step, step // 2 :: step][low[1] : high[1], low[0] : high[0]])
    if thin.size == 0:
        return [_NOTHING] * len(detections)
    origin = low.astype(np.float64)
    inner = boxes / step - np.concatenate([origin, origin])
    owner = _owners(thin, inner)
    seen = [_seen(thin, owner == number, box, origin, step) for number, box in enumerate(inner, 1)]
    return seen + [_NOTHING] * (len(detections) - len(seen))


def instance_map(label_map: NDArray[np.uint8], detections: Sequence[Detection]) -> NDArray[np.uint8]:
    """uint8 (H, W): 1 + the place in `detections` of the craft that a pixel belongs to; 0 where there is none."""
    if not detections:
        return np.zeros_like(label_map)
    return _owners(label_map, np.array([d.box_xyxy for d in detections[:254]], np.float64))


def _owners(label_map: NDArray[np.uint8], boxes: NDArray[np.float64]) -> NDArray[np.uint8]:
    """`instance_map` of boxes float64 (N, 4) in the map's own pixels."""
    craft = ((label_map != labels.BACKGROUND) & (label_map != labels.UNLABELLED)).view(np.uint8)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(craft, connectivity=8, ltype=cv2.CV_16U)
    low = stats[1:, :2].astype(np.float64)
    high = low + stats[1:, 2:4]
    inside = np.minimum(high[:, None], boxes[None, :, 2:]) - np.maximum(low[:, None], boxes[None, :, :2])
    area = np.maximum(inside, 0).prod(-1)
    share = area / np.maximum((high - low).prod(-1), 1e-9)[:, None]
    size = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(-1), 1e-9)
    best = (np.round(share, 2) - 1e-3 * size / size.max()).argmax(1)
    table = np.zeros(count, np.uint8)
    table[1:] = np.where(share[np.arange(count - 1), best] > 0.3, best + 1, 0)
    return np.asarray(table[pieces], np.uint8)


def _seen(
    thin: NDArray[np.uint8],
    own: NDArray[np.bool_],
    box: NDArray[np.float64],
    origin: NDArray[np.float64],
    step: int,
) -> Seen:
    height, width = thin.shape
    x0, y0 = (max(int(v), 0) for v in np.floor(box[:2]))
    x1, y1 = min(int(np.ceil(box[2])), width), min(int(np.ceil(box[3])), height)
    own = own[y0:y1, x0:x1]
    pixels = own.view(np.uint8)
    moments = cv2.moments(pixels, binaryImage=True) if own.size else {"m00": 0.0}
    area = moments["m00"]
    if not area:
        return Seen(None, (), np.zeros((2, 2)), _NOTHING.patch)
    inner = thin[y0:y1, x0:x1]
    place = (origin + np.array([x0, y0])) * step
    columns = (box[0] - x0 + _STEPS * (box[2] - box[0])).astype(np.intp)
    columns = np.minimum(np.maximum(columns, 0), own.shape[1] - 1)
    rows = (box[1] - y0 + _STEPS * (box[3] - box[1])).astype(np.intp)
    rows = np.minimum(np.maximum(rows, 0), own.shape[0] - 1)
    spread = np.array([[moments["mu20"], moments["mu11"]], [moments["mu11"], moments["mu02"]]]) / area * step * step
    centre = (
        place[0] + (moments["m10"] / area + 0.5) * step,
        place[1] + (moments["m01"] / area + 0.5) * step,
    )
    x, y, w, h = cv2.boundingRect(pixels)
    whole = Region(
        labels.SPACECRAFT, _box(x, y, w, h, place, step), (float(centre[0]), float(centre[1])), area * step * step
    )
    parts = _parts(inner, pixels, place, step, area)
    return Seen(whole, parts, spread, own[rows[:, None], columns], _diameter(pixels) * step)


def _diameter(pixels: NDArray[np.uint8]) -> float:
    """Between the outer corners of the two pixels that are furthest apart."""
    outlines, _ = cv2.findContours(pixels, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    hull = cv2.convexHull(np.concatenate(outlines))[:, 0].astype(np.float64)
    hull = hull[:: max(1, len(hull) // 64)]
    apart = hull[:, None] - hull[None]
    return float(np.sqrt((apart * apart).sum(-1).max())) + 1.0


def _parts(
    inner: NDArray[np.uint8], own: NDArray[np.uint8], place: NDArray[np.float64], step: int, area: float
) -> tuple[Region, ...]:
    least = max(_LEAST, _LEAST_OF_CRAFT * area)
    parts: list[Region] = []
    for label in labels.PART_IDS:
        mask = np.where(inner == label, own, 0).astype(np.uint8)
        found: list[tuple[Any, ...]]
        if label == labels.BODY:
            moments = cv2.moments(mask, binaryImage=True)
            if moments["m00"] < least:
                continue
            x, y, w, h = cv2.boundingRect(mask)
            middle = moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]
            found = [(x, y, w, h, moments["m00"], *middle)]
        else:
            count, _, stats, middles = cv2.connectedComponentsWithStats(mask, connectivity=8)
            found = [
                (*(int(v) for v in stats[i, :4]), float(stats[i, 4]), float(middles[i, 0]), float(middles[i, 1]))
                for i in range(1, count)
                if stats[i, 4] >= least
            ]
        found.sort(key=lambda part: -part[4])
        for x, y, w, h, size, cx, cy in found:
            centre = float(place[0] + (cx + 0.5) * step), float(place[1] + (cy + 0.5) * step)
            parts.append(Region(label, _box(x, y, w, h, place, step), centre, size * step * step))
    body = [p for p in parts if p.label == labels.BODY]
    others = sorted((p for p in parts if p.label != labels.BODY), key=lambda p: -p.area)
    return tuple((body + others)[:MOST_PARTS])


def _box(x: int, y: int, w: int, h: int, place: NDArray[np.float64], step: int) -> NDArray[np.float32]:
    left, top = place[0] + x * step, place[1] + y * step
    return np.array([left, top, left + w * step, top + h * step], np.float32)
