"""How far a craft reaches: thresholding with hysteresis, on the probability of craft.

A label is the likeliest class, so the dark side of a craft, a thin boom and the end of a wing are background as soon as
background is a little likelier. Their box then ends too early. As in Canny's edges (IEEE PAMI 8, 1986, section VIII),
two thresholds do better than one: where the labels say craft there is one, and it reaches as far as the pixels that
touch it are still fairly likely to be craft. On their own such pixels are nothing, so no craft is added.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros import labels


@dataclass(frozen=True, slots=True, eq=False)
class Grown:
    """Regions of a map.

    Attributes:
        pixels: uint8 (h, w), 1 in them, else 0.
        count: of the regions.
        holds_all: whether every sure pixel of the map is in one of them.
    """

    pixels: NDArray[np.uint8]
    count: int
    holds_all: bool


def likely_craft(label_map: NDArray[np.uint8], confidence: NDArray[np.uint8], threshold: float) -> NDArray[np.uint8]:
    """uint8 (h, w): 1 where the label is background and the probability of craft is `threshold` or more all the same.

    Args:
        label_map: uint8 (h, w), ids.
        confidence: uint8 (h, w), probability of the label x 255; of a background pixel it is 1 - P(craft).
        threshold: in 0..1.
    """
    # With a float to compare with, NumPy would turn the whole map into floats first.
    reaches: NDArray[np.bool_] = (label_map == labels.BACKGROUND) & (confidence <= math.floor(255 * (1 - threshold)))
    return reaches.view(np.uint8)


def grow(sure: NDArray[np.uint8], likely: NDArray[np.uint8], min_area: int) -> Grown:
    """The 8-connected regions of `sure` and `likely` pixels together in which at least `min_area` are sure.

    Args:
        sure, likely: uint8 (h, w), 0 or 1.
        min_area: in pixels; what has fewer is dropped whole, its sure pixels too.

    Example:
        Sure `#..`, likely `.#.`: the region is `##.`. Sure `...`, likely `.#.`: nothing.
    """
    both = sure | likely
    # Most of a frame is sky.
    left, top, width, height = cv2.boundingRect(both)
    if not width:
        return Grown(both, 0, True)
    window = slice(top, top + height), slice(left, left + width)
    count, numbered = cv2.connectedComponents(both[window], connectivity=8)
    region = np.asarray(numbered, np.int32)
    least = max(min_area, 1)
    if count == 2:
        held = np.array([0, cv2.countNonZero(sure[window])])
    else:
        held = np.bincount(region.ravel()[sure[window].ravel().view(np.bool_)], minlength=count)
    kept = np.flatnonzero(held[1:] >= least) + 1
    if len(kept) == count - 1:
        return Grown(both, len(kept), True)
    if len(kept) == 1:
        both[window] = (region == kept[0]).view(np.uint8)
    else:
        chosen = np.zeros(count, np.uint8)
        chosen[kept] = 1
        both[window] = chosen[region]
    return Grown(both, len(kept), int(held[1:].sum()) == int(held[kept].sum()))
