"""How alike two sightings of a craft are: pixels laid over each other, size, and what it is made of."""

from __future__ import annotations

from math import log

import numpy as np
from numpy.typing import NDArray

from afss_ros import labels
from afss_ros.student.regions import PATCH, Region, Seen


def overlap(
    a: NDArray[np.bool_], box_a: NDArray[np.float64], b: NDArray[np.bool_], box_b: NDArray[np.float64]
) -> float:
    """IoU of two masks, each on a grid (PATCH, PATCH) over its box, sampled on a grid over both boxes."""
    low, high = np.minimum(box_a[:2], box_b[:2]), np.maximum(box_a[2:], box_b[2:])
    x = low[0] + _STEPS * (high[0] - low[0])
    y = low[1] + _STEPS * (high[1] - low[1])
    first, second = _sampled(a, box_a, x, y), _sampled(b, box_b, x, y)
    either = int(np.count_nonzero(first | second))
    return int(np.count_nonzero(first & second)) / either if either else 0.0


_STEPS = (np.arange(PATCH) + 0.5) / PATCH


def _sampled(
    mask: NDArray[np.bool_], box: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.bool_]:
    across, down = max(float(box[2] - box[0]), 1e-6), max(float(box[3] - box[1]), 1e-6)
    columns = np.floor((x - box[0]) / across * PATCH).astype(np.intp)
    rows = np.floor((y - box[1]) / down * PATCH).astype(np.intp)
    inside = ((rows >= 0) & (rows < PATCH))[:, None] & ((columns >= 0) & (columns < PATCH))[None]
    # Not by clip, which takes four times as long for so few.
    columns, rows = (np.minimum(np.maximum(places, 0), PATCH - 1) for places in (columns, rows))
    sampled = mask[rows[:, None], columns[None]]
    return np.asarray(sampled & inside, np.bool_)


def make_up(parts: tuple[Region, ...]) -> tuple[float, ...]:
    """The share of each of `labels.PART_IDS` in a craft's pixels; empty where it shows no parts."""
    whole = sum(part.area for part in parts)
    if whole <= 0:
        return ()
    return tuple(sum(p.area for p in parts if p.label == label) / whole for label in labels.PART_IDS)


def unlike(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Half the sum of differences of two make-ups, 0..1; 0 where one is empty."""
    return sum(abs(x - y) for x, y in zip(a, b, strict=True)) / 2 if a and b else 0.0


def size_ratio(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """The absolute logarithm of the ratio of two boxes' areas."""
    first = max(float((a[2] - a[0]) * (a[3] - a[1])), 1.0)
    second = max(float((b[2] - b[0]) * (b[3] - b[1])), 1.0)
    return abs(log(first / second))


def smoothed(before: tuple[float, ...], seen: Seen | None, weight: float = 0.2) -> tuple[float, ...]:
    """A make-up that follows what is seen slowly."""
    now = make_up(seen.parts) if seen is not None else ()
    if not now or not before:
        return now or before
    return tuple((1 - weight) * a + weight * b for a, b in zip(before, now, strict=True))
