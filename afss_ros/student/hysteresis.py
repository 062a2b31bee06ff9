"""How far a craft reaches: thresholding with hysteresis, on the probability of craft.

A label is the likeliest class, so the dark side of a craft, a thin boom and the end of a wing are background as soon as
background is a little likelier. Their box then ends too early. As in Canny's edges (IEEE PAMI 8, 1986, section VIII),
two thresholds do better than one: where the labels say craft there is one, and it reaches as far as the pixels that
touch it are still fairly likely to be craft. On their own such pixels are nothing, so no craft is added.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros import labels


def likely_craft(label_map: NDArray[np.uint8], confidence: NDArray[np.uint8], threshold: float) -> NDArray[np.uint8]:
    """uint8 (h, w): 1 where the label is background and the probability of craft is `threshold` or more all the same.

    Args:
        label_map: uint8 (h, w), ids.
        confidence: uint8 (h, w), probability of the label x 255; of a background pixel it is 1 - P(craft).
        threshold: in 0..1.
    """
    reaches: NDArray[np.bool_] = (label_map == labels.BACKGROUND) & (confidence <= 255 * (1 - threshold))
    return reaches.view(np.uint8)


def grow(sure: NDArray[np.uint8], likely: NDArray[np.uint8], min_area: int) -> NDArray[np.uint8]:
    """The 8-connected regions of `sure` and `likely` pixels together in which at least `min_area` are sure.

    Args:
        sure, likely: uint8 (h, w), 0 or 1.
        min_area: in pixels; what has fewer is dropped whole, its sure pixels too.

    Returns:
        uint8 (h, w), 0 or 1.

    Example:
        Sure `#..`, likely `.#.`: the region is `##.`. Sure `...`, likely `.#.`: nothing.
    """
    count, region = cv2.connectedComponents(sure | likely, connectivity=8)
    held = np.bincount(region.astype(np.int32, copy=False)[sure.view(np.bool_)], minlength=count) >= max(min_area, 1)
    held[0] = False
    kept: NDArray[np.uint8] = held.view(np.uint8)[region]
    return kept
