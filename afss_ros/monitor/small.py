"""The small copy of a picture that everything is measured on, and what all measures share.

A look comes a second after the last one and right after an inference, when nothing of it is in the processor's caches.
Its arrays are so small that a function's first call costs more than its work: few different ones are called.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 128
"""Longer side of the copy, pixels: what is smaller than a hundredth of a picture does not count."""
_SHARES = (0.0, 0.5, 0.9, 0.99, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Small:
    """A picture, scaled down.

    Attributes:
        colour: uint8 (h, w, 3 or 4), averaged over the pixels that each one stands for: red, green, blue, and what may
            come with them.
        grey: uint8 (h, w), its luminance (ITU-R BT.601).
        at_most: intp (256,), pixels of each grey or darker.
        percentiles: by share (0, 0.5, 0.9, 0.99 and 1), the grey below which it lies; of 0 the darkest.
        across, down: uint8 (h, w - 1) and (h - 1, w), how far neighbours differ in grey.
        steps: of each row but the last, the sum of `down`.
    """

    colour: NDArray[np.uint8]
    grey: NDArray[np.uint8]
    at_most: NDArray[np.intp]
    percentiles: dict[float, float]
    across: NDArray[np.uint8]
    down: NDArray[np.uint8]
    steps: list[int]

    @property
    def rgb(self) -> NDArray[np.uint8]:
        """uint8 (h, w, 3)."""
        return self.colour[..., :3]

    def from_on(self, grey: int) -> int:
        """How many pixels are of this grey, above 0, or brighter."""
        return self.grey.size - int(self.at_most[grey - 1])


def small(image: NDArray[np.uint8]) -> Small:
    """Scale a picture uint8 (H, W, 3) RGB down; a smaller one stays as it is, one of a single line becomes two."""
    height, width = image.shape[:2]
    if (scale := SIDE / max(height, width)) < 1:
        size = (max(2, round(width * scale)), max(2, round(height * scale)))
        # Averaging over every pixel of a large picture would cost more than all that follows.
        step = max(1, int(min(width / size[0], height / size[1]) / 2))
        colour = np.asarray(cv2.resize(_every(image, step), size, interpolation=cv2.INTER_AREA), np.uint8)
    elif min(height, width) < 2:
        colour = np.asarray(cv2.resize(image, (max(2, width), max(2, height))), np.uint8)
    else:
        colour = np.array(image)
    to_grey = cv2.COLOR_RGBA2GRAY if colour.shape[2] == 4 else cv2.COLOR_RGB2GRAY
    grey = np.asarray(cv2.cvtColor(colour, to_grey), np.uint8)
    at_most = np.bincount(grey.ravel(), minlength=256).cumsum()
    down = np.asarray(cv2.absdiff(grey[1:], grey[:-1]), np.uint8)
    return Small(
        colour,
        grey,
        at_most,
        _percentiles(at_most, grey.size),
        np.asarray(cv2.absdiff(grey[:, 1:], grey[:, :-1]), np.uint8),
        down,
        np.asarray(cv2.reduce(down, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S), np.int32).ravel().tolist(),
    )


def _every(image: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Every so manieth pixel of every so manieth row; a fourth channel may come with them, which is none."""
    height, width = image.shape[:2]
    if step == 1 or height % step or width % step:
        return image[::step, ::step]
    if step % 4 == 0 and image.flags.c_contiguous:
        # A pixel and the first byte of the next: OpenCV takes words of four bytes faster than three bytes.
        image = image.reshape(height, width * 3 // 4, 4)
    # The same pixels as above, in half the time.
    return np.asarray(cv2.resize(image, (width // step, height // step), interpolation=cv2.INTER_NEAREST), np.uint8)


def _percentiles(at_most: NDArray[np.intp], pixels: int) -> dict[float, float]:
    return dict(zip(_SHARES, at_most.searchsorted(_pixels(pixels)).astype(np.float64).tolist(), strict=True))


@lru_cache(maxsize=8)
def _pixels(whole: int) -> NDArray[np.float64]:
    """How many pixels each share is, one at least."""
    return np.array([max(1.0, share * whole) for share in _SHARES], np.float64)
