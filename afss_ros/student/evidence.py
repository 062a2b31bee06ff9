"""How likely a piece of a label map is a craft: evidence beyond its mean confidence, weighed in a logit.

A student that takes a moon for a craft is unsure in its own way: of some pixels it is certain and of others not at all,
and around them it is as unsure that there is nothing. Six numbers say so; their weights, fit where the truth is known,
make the score a chance (Platt, 1999, with more than one number).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.student.chances import logit

NAMES = ("score", "low", "spread", "around", "size", "presence")
"""`score`: logit of the score without evidence. Of the craft's pixels, `low`: the tenth percentile of their confidence,
`spread`: its standard deviation. `around`: mean confidence that the pixels beside the craft are background. `size`:
logarithm of the craft's share of the view. `presence`: logit of the chance that the look shows any craft, 0 where the
network gives none."""
OFFSET = "offset"
_MARGIN = 6
_BESIDE = np.ones((5, 5), np.uint8)
_SURE = 1e-3
_BYTES = np.arange(256)
_LEVELS = _BYTES / 255
_SQUARES = _LEVELS**2

Weights = Mapping[str, float]
"""By a name of `NAMES`, or `OFFSET`; what is missing weighs nothing."""


def of(
    parts: NDArray[np.uint8],
    confidence: NDArray[np.uint8],
    box_xyxy: tuple[int, int, int, int],
    score: float,
    counts: NDArray[np.intp] | None = None,
    presence: float | None = None,
) -> NDArray[np.float64]:
    """The evidence of one craft, float64 (6,) in the order of `NAMES`.

    Args:
        parts: uint8 (h, w), 1 where a part of any craft is.
        confidence: uint8 (h, w), probability of the label x 255, of background too.
        box_xyxy: of the craft, pixels of the map.
        score: without evidence, 0..1.
        counts: `count` of the whole map where it shows one craft alone, to save counting again.
        presence: the chance that there is any craft, 0..1; None where the network gives none.
    """
    height, width = parts.shape
    x0, y0, x1, y1 = box_xyxy
    window = slice(max(y0 - _MARGIN, 0), y1 + _MARGIN), slice(max(x0 - _MARGIN, 0), x1 + _MARGIN)
    craft, sure = parts[window], confidence[window]
    inside = (count(craft, sure) if counts is None else counts).astype(np.float64)
    area = max(float(inside.sum()), 1.0)
    mean = float(inside @ _LEVELS) / area
    spread = math.sqrt(max(float(inside @ _SQUARES) / area - mean * mean, 0.0))
    low = float(np.searchsorted(inside.cumsum(), 0.1 * area)) / 255
    beside = sure[cv2.dilate(craft, _BESIDE) > craft]
    around = int(beside.sum()) * (1 / beside.size) / 255 if beside.size else 1.0
    size = math.log(area / (height * width))
    return np.array(
        [logit(score, _SURE), low, spread, around, size, 0.0 if presence is None else logit(presence, _SURE)]
    )


def count(parts: NDArray[np.uint8], confidence: NDArray[np.uint8]) -> NDArray[np.intp]:
    """How many pixels of craft have each confidence: (256,). Arguments as above."""
    return np.bincount(confidence[parts.view(np.bool_)], minlength=256)


def mean(counts: NDArray[np.intp]) -> float | None:
    """The mean confidence, 0..1, of pixels of which so many have each; None without a pixel."""
    pixels = int(counts.sum())
    # As cv2.mean has it, to the bit.
    return int(counts @ _BYTES) * (1 / pixels) / 255 if pixels else None


def chance(evidence: NDArray[np.float64], weights: Weights) -> float:
    """The chance that it is a craft.

    >>> chance(np.array([0.0, 0.5, 0.1, 0.9, -3.0, 0.0]), {"score": 2.0})
    0.5
    """
    logit = weights.get(OFFSET, 0.0) + sum(
        weights.get(name, 0.0) * float(value) for name, value in zip(NAMES, evidence, strict=True)
    )
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, logit))))
