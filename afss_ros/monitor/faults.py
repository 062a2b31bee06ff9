"""What a camera, its cable and its exposure do to a picture: one number for each, larger is worse.

Pure functions of a small copy. A limit for each, chosen on frames that are right, is in `limits.yaml`.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.monitor.small import Small, grey_histogram

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
    return 1 - view.percentile(1.0) / 255


def darkness(view: Small) -> float:
    """The same of the brightest pixel in a hundred: what is lit at all is under-exposed."""
    return 1 - view.percentile(0.99) / 255


def whiteness(view: Small) -> float:
    """The share of pixels that are saturated, 0..1."""
    return float(view.histogram[_BRIGHT:].sum()) / view.grey.size


def sunniness(view: Small) -> float:
    """How much the largest saturated piece looks like the Sun, 0..1: round, and glowing.

    The Sun saturates a disc, and its light, scattered in the lens, falls off around it. Cloud and panels saturate too,
    but in pieces of any shape, with edges; what fills more than a fifth of the picture is whatever is over-exposed.
    """
    if view.histogram[_BRIGHT:].sum() < _LEAST:
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


def smear(view: Small) -> float:
    """How wide the steepest edges are, in pixels of the copy: defocus, and motion while the shutter was open.

    The range of grey in a 7x7 window over the steepest gradient in it, at the two hundredth steepest of all pixels; 0
    in a picture without an edge, of which nothing can be said.
    """
    gradient = np.asarray(cv2.max(view.across[1:], view.down[:, 1:]), np.uint8)
    steepest = grey_histogram(gradient)[::-1].cumsum()
    steep = 255 - int(np.searchsorted(steepest, max(1, gradient.size // 200)))
    if steep < 2:
        return 0.0
    reach = np.asarray(cv2.morphologyEx(view.grey, cv2.MORPH_GRADIENT, np.ones((7, 7), np.uint8)), np.uint8)[1:, 1:]
    at = gradient >= steep
    ranges = reach[at].astype(np.float64)
    if ranges.mean() < _STEEP:
        return 0.0
    return float((ranges / gradient[at]).mean())


def tear(view: Small) -> float:
    """How much better what lies below some row fits when moved sideways, 0..1: two frames in one picture.

    The share of the mean difference of grey across the row that the best shift takes away, where that is most of it.
    A limb or a panel's edge along a row looks no better when moved.
    """
    height, width = view.grey.shape
    if height < 4 * _ROWS or width < 4 * _SHIFT:
        return 0.0
    steps = np.asarray(cv2.reduce(view.down, 1, cv2.REDUCE_AVG, dtype=cv2.CV_32F)).ravel()
    ordered = np.sort(steps)  # np.median takes ten times as long for so few
    usual = float(ordered[(len(steps) - 1) // 2] + ordered[len(steps) // 2]) / 2 + 1
    likely = np.argsort(steps[_ROWS - 1 : height - _ROWS])[-3:] + _ROWS - 1
    found = 0.0
    for row in (int(r) for r in likely if steps[r] >= 3 * usual):
        if (here := _misfit(view.grey, row)) > found:
            # A slanted edge moves sideways from each row to the next; a tear does so once.
            beside = max(_misfit(view.grey, row - 2), _misfit(view.grey, row + 2), 0.0)
            found = max(found, here - beside)
    return found


def _misfit(grey: NDArray[np.uint8], row: int) -> float:
    core = grey[row][_SHIFT:-_SHIFT].astype(np.float32)
    under = grey[row + 1].astype(np.float32)
    contrast = min(float(np.abs(core - core.mean()).mean()), float(np.abs(under - under.mean()).mean()))
    if contrast < _STEEP:
        return 0.0
    windows = under[np.arange(2 * _SHIFT + 1)[:, None] + np.arange(len(core))]
    apart = np.abs(windows - core).mean(1)
    still = float(apart[_SHIFT])
    apart[_SHIFT - 1 : _SHIFT + 2] = np.inf
    best = float(apart.min())
    return (still - best) / still if best < _FITS * still else 0.0


def filled(view: Small) -> float:
    """The share of rows, 0..1, in the longest run that is one grey from end to end while others are not.

    What a decoder puts where data is missing, and a driver where packets were lost. Black and white do not count: so is
    the sky, and so is what is too bright.
    """
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
