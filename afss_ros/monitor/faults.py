"""What a camera, its cable and its exposure do to a picture: one number for each, larger is worse.

Pure functions of a small copy. A limit for each, chosen on frames that are right, is in `limits.yaml`. Where a number
takes long to tell, `above` is what nobody needs to know it up to: it is right if it is larger, else any that is not.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.monitor.small import Small

_BRIGHT, _DARK = 250, 8
_STEEP = 6
"""Grey levels: less is no edge, and no contrast."""
_FITS = 0.5
"""What lies under a tear fits when moved: less than this share of the difference is left."""
_LEAST = 12
"""Pixels of a disc whose shape can be told."""
_ROWS = 3
"""Rows on either side of a possible tear that are compared."""
_SHIFT = 24
"""Pixels that what lies under a tear may be moved by, at most."""


def blackness(view: Small) -> float:
    """How far the brightest pixel is from white, 0..1: 1 is a lens cap, or a camera that sends nothing."""
    return 1 - view.percentiles[1.0] / 255


def darkness(view: Small) -> float:
    """The same of the brightest pixel in a hundred: what is lit at all is under-exposed."""
    return 1 - view.percentiles[0.99] / 255


def whiteness(view: Small) -> float:
    """The share of pixels that are saturated, 0..1."""
    return view.from_on(_BRIGHT) / view.grey.size


def sunniness(view: Small) -> float:
    """How much the largest saturated piece looks like the Sun, 0..1: round, and glowing.

    The Sun saturates a disc, and its light, scattered in the lens, falls off around it. Cloud and panels saturate too,
    but in pieces of any shape, with edges; what fills more than a fifth of the picture is whatever is over-exposed.
    """
    if view.from_on(_BRIGHT) < _LEAST:
        return 0.0
    count, _, facts, centres = cv2.connectedComponentsWithStats((view.grey >= _BRIGHT).astype(np.uint8))
    if count < 2:
        return 0.0
    largest = 1 + int(facts[1:, cv2.CC_STAT_AREA].argmax())
    left, top, width, height, area = (int(v) for v in facts[largest])
    if not _LEAST <= area <= view.grey.size / 5:
        return 0.0
    # A disc fills pi / 4 of its box; one that the border cuts off cannot be told by its sides.
    round_ = min(1.0, area / (width * height) / (np.pi / 4))
    cut = left == 0 or top == 0 or left + width == view.grey.shape[1] or top + height == view.grey.shape[0]
    if not cut:
        round_ *= min(width, height) / max(width, height)
    return round_**2 * _glow(view, centres[largest], float(np.sqrt(area / np.pi)))


def _glow(view: Small, centre: NDArray[np.float64], radius: float) -> float:
    """How slowly light falls off around a disc, 0..1: the mean of a ring at 1.3 to 1.7 radii, 1 from half white on."""
    x, y, reach = float(centre[0]), float(centre[1]), 1.7 * radius + 2
    top, left = max(0, int(y - reach)), max(0, int(x - reach))
    around = view.grey[top : int(y + reach) + 2, left : int(x + reach) + 2]
    rows, columns = np.ogrid[: around.shape[0], : around.shape[1]]
    away = np.hypot(rows + top - y, columns + left - x)
    ring = (away > 1.3 * radius + 1) & (away < reach)
    return min(1.0, 2 * float(around[ring].mean()) / 255) if ring.any() else 1.0


def smear(view: Small, above: float = 0.0) -> float:
    """How wide the steepest edges are, in pixels of the copy: defocus, and motion while the shutter was open.

    The range of grey in a 7x7 window over the steepest gradient in it, at the two hundredth steepest of all pixels; 0
    in a picture without an edge, of which nothing can be said.
    """
    across, down = view.across[1:], view.down[:, 1:]
    enough = max(1, across.size // 200)
    # No edge is wider than all greys of the picture at the slope of the flattest that counts.
    sharp = math.ceil((view.percentiles[1.0] - view.percentiles[0.0]) / above) if above > 0 else 256
    if np.count_nonzero(across > sharp - 1) >= enough:
        return 0.0
    gradient = np.asarray(cv2.max(across, down), np.uint8)
    if np.count_nonzero(gradient > sharp - 1) >= enough:
        return 0.0
    steepest = np.bincount(gradient.ravel(), minlength=256)[::-1].cumsum()
    steep = 255 - int(steepest.searchsorted(enough))
    if steep < 2:
        return 0.0
    reach = np.asarray(cv2.morphologyEx(view.grey, cv2.MORPH_GRADIENT, np.ones((7, 7), np.uint8)), np.uint8)[1:, 1:]
    at = gradient >= steep
    ranges = reach[at].astype(np.float64)
    if ranges.mean() < _STEEP:
        return 0.0
    return float((ranges / gradient[at]).mean())


def tear(view: Small, above: float = 0.0) -> float:
    """How much better what lies below some row fits when moved sideways, 0..1: two frames in one picture.

    The share of the mean difference of grey across the row that the best shift takes away, where that is most of it.
    A limb or a panel's edge along a row looks no better when moved.
    """
    height, width = view.grey.shape
    if height < 4 * _ROWS or width < 4 * _SHIFT:
        return 0.0
    ordered = sorted(view.steps)
    usual = (ordered[(height - 2) // 2] + ordered[(height - 1) // 2]) / 2 + width
    likely = sorted(range(_ROWS - 1, height - _ROWS), key=view.steps.__getitem__)[-3:]
    found = 0.0
    for row in likely:
        if view.steps[row] >= 3 * usual and (here := _misfit(view.grey, row)) > max(found, above):
            # A slanted edge moves sideways from each row to the next; a tear does so once.
            beside = max(_misfit(view.grey, row - 2), _misfit(view.grey, row + 2), 0.0)
            found = max(found, here - beside)
    return found


def _misfit(grey: NDArray[np.uint8], row: int) -> float:
    core, under = grey[row, _SHIFT:-_SHIFT], grey[row + 1]
    if min(_contrast(core), _contrast(under)) < _STEEP:
        return 0.0
    windows = np.ndarray((2 * _SHIFT + 1, len(core)), np.uint8, under, strides=(1, 1))
    # Bytes, for which NumPy is fastest: the larger of two less the smaller.
    apart = np.maximum(windows, core) - np.minimum(windows, core)
    totals = cv2.reduce(apart, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel().tolist()
    near = min(totals[: _SHIFT - 1] + totals[_SHIFT + 2 :])
    still, best = (float(np.float32(total / len(core))) for total in (totals[_SHIFT], near))
    return (still - best) / still if best < _FITS * still else 0.0


def _contrast(line: NDArray[np.uint8]) -> float:
    """How far pixels are from their mean, in the mean: in float32, as NumPy's `mean` has it in three times the time."""
    greys = line.astype(np.float32)
    away = np.abs(greys - np.float32(np.add.reduce(greys) / len(line)))
    return float(np.float32(np.add.reduce(away) / len(line)))


def filled(view: Small, above: float = 0.0) -> float:
    """The share of rows, 0..1, in the longest run that is one grey from end to end while others are not.

    What a decoder puts where data is missing, and a driver where packets were lost. Black and white do not count: so is
    the sky, and so is what is too bright.
    """
    # A longer run than `above` goes through one of these rows.
    apart = max(1, int(above * len(view.grey)))
    if not any(row.count(row[0]) == len(row) for row in map(bytes, view.grey[apart - 1 :: apart])):
        return 0.0
    low, high = view.grey.min(1), view.grey.max(1)
    flat = (high == low) & (low > _DARK) & (low < _BRIGHT)
    if flat.all() or not flat.any():
        return 0.0
    longest = run = 0
    before = -1
    for is_flat, value in zip(flat.tolist(), low.tolist(), strict=True):
        run = run + 1 if is_flat and value == before else int(is_flat)
        before = value if is_flat else -1
        longest = max(longest, run)
    return longest / len(flat)
