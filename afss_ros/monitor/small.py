"""The small copy of a picture that everything is measured on, and what all measures share."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 128
"""Longer side of the copy, pixels: what is smaller than a hundredth of a picture does not count."""


@dataclass(frozen=True, slots=True, eq=False)
class Small:
    """A picture, scaled down.

    Attributes:
        rgb: uint8 (h, w, 3), averaged over the pixels that each one stands for.
        grey: uint8 (h, w), its luminance (ITU-R BT.601).
        histogram: float64 (256,), pixels of each grey.
        across, down: uint8 (h, w - 1) and (h - 1, w), how far neighbours differ in grey.
    """

    rgb: NDArray[np.uint8]
    grey: NDArray[np.uint8]
    histogram: NDArray[np.float64]
    across: NDArray[np.uint8]
    down: NDArray[np.uint8]

    def percentile(self, share: float) -> float:
        """The grey below which a share (0..1) of the pixels lies."""
        return float(min(int(np.searchsorted(self.histogram.cumsum(), share * self.grey.size)), 255))


def small(image: NDArray[np.uint8]) -> Small:
    """Scale a picture uint8 (H, W, 3) RGB down; a smaller one stays as it is, one of a single line becomes two."""
    height, width = image.shape[:2]
    rgb = image
    if (scale := SIDE / max(height, width)) < 1:
        size = (max(2, round(width * scale)), max(2, round(height * scale)))
        # Averaging over every pixel of a large picture would cost more than all that follows.
        step = max(1, int(min(width / size[0], height / size[1]) / 2))
        if step > 1 and height % step == 0 and width % step == 0:  # the same pixels, in half the time
            some = cv2.resize(image, (width // step, height // step), interpolation=cv2.INTER_NEAREST)
        else:
            some = image[::step, ::step]
        rgb = np.asarray(cv2.resize(some, size, interpolation=cv2.INTER_AREA), np.uint8)
    elif min(height, width) < 2:
        rgb = np.asarray(cv2.resize(image, (max(2, width), max(2, height))), np.uint8)
    grey = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    return Small(
        rgb,
        grey,
        grey_histogram(grey),
        np.asarray(cv2.absdiff(grey[:, 1:], grey[:, :-1]), np.uint8),
        np.asarray(cv2.absdiff(grey[1:], grey[:-1]), np.uint8),
    )


def grey_histogram(grey: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How many pixels there are of each value, float64 (256,)."""
    return np.asarray(cv2.calcHist([grey], [0], None, [256], [0, 256]), np.float64).ravel()
