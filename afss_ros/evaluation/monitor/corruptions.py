"""What spoils a right picture so that a monitor has something to find: pure functions, uint8 (H, W, 3) in and out."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Corruption = Callable[[Picture, np.random.Generator], Picture]


def capped(image: Picture, rng: np.random.Generator) -> Picture:
    """A lens cap: read noise alone."""
    return np.asarray(np.abs(rng.normal(0, 1.2, image.shape)).clip(0, 6), np.uint8)


def underexposed(image: Picture, rng: np.random.Generator) -> Picture:
    """A thirtieth of the light, or less."""
    return np.asarray(image * float(rng.uniform(0.01, 0.03)), np.uint8)


def overexposed(image: Picture, rng: np.random.Generator) -> Picture:
    """Eight to thirty times the light, with the veil that so much of it throws over everything."""
    lit = image.astype(np.float32) * float(rng.uniform(8, 30)) + float(rng.uniform(120, 240))
    return np.asarray(lit.clip(0, 255), np.uint8)


def sun(image: Picture, rng: np.random.Generator) -> Picture:
    """The Sun in view: a saturated disc of 4 to 12 % of the width, its light scattered over the picture."""
    height, width = image.shape[:2]
    y, x = rng.uniform(0.15, 0.85, 2) * (height, width)
    radius = float(rng.uniform(0.02, 0.06)) * width
    rows, columns = np.ogrid[:height, :width]
    away = np.hypot(rows - y, columns - x)
    glare = 900 * np.exp(-np.maximum(away - radius, 0) / (1.2 * radius)) + 90 * np.exp(-away / (0.3 * width))
    return np.asarray((image.astype(np.float32) + glare[..., None]).clip(0, 255), np.uint8)


def moved(image: Picture, rng: np.random.Generator) -> Picture:
    """Motion while the shutter is open: 6 to 12 % of the width, in any direction."""
    length = max(3, round(float(rng.uniform(0.06, 0.12)) * image.shape[1]))
    angle = float(rng.uniform(0, np.pi))
    kernel = np.zeros((length, length), np.float32)
    middle = (length - 1) / 2
    ends = [(round(middle + s * middle * np.cos(angle)), round(middle + s * middle * np.sin(angle))) for s in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


def defocused(image: Picture, rng: np.random.Generator) -> Picture:
    """Out of focus: a Gaussian of 2 to 4 % of the width."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.02, 0.04)) * image.shape[1]), np.uint8)


def torn(image: Picture, rng: np.random.Generator) -> Picture:
    """Two frames in one: what lies below a row is moved sideways by 5 to 15 % of the width."""
    row = int(rng.uniform(0.3, 0.7) * image.shape[0])
    by = int(rng.choice([-1, 1]) * rng.uniform(0.05, 0.15) * image.shape[1])
    return np.asarray(np.concatenate([image[:row], np.roll(image[row:], by, axis=1)]), np.uint8)


def cut_off(image: Picture, rng: np.random.Generator) -> Picture:
    """Data that is missing, as a decoder fills it in: the lower 20 to 60 % in one grey."""
    out: Picture = image.copy()
    out[int(rng.uniform(0.4, 0.8) * image.shape[0]) :] = 128
    return out


def noisy(image: Picture, rng: np.random.Generator) -> Picture:
    """Snow: each pixel is any value with a chance of a quarter to a half."""
    wild = rng.random(image.shape[:2]) < float(rng.uniform(0.25, 0.5))
    return np.asarray(np.where(wild[..., None], rng.integers(0, 256, image.shape, np.uint8), image), np.uint8)


def negative(image: Picture, rng: np.random.Generator) -> Picture:
    """Black for white."""
    return np.asarray(255 - image, np.uint8)


def tinted(image: Picture, rng: np.random.Generator) -> Picture:
    """A Bayer picture taken for colour: red and blue of a checkerboard that is none."""
    out: Picture = image.copy()
    out[::2, ::2, 1:] = 0
    out[1::2, 1::2, :2] = 0
    out[::2, 1::2, ::2] = 0
    out[1::2, ::2, ::2] = 0
    return out


ALL: dict[str, Corruption] = {
    function.__name__: function
    for function in (capped, underexposed, overexposed, sun, moved, defocused, torn, cut_off, noisy, negative, tinted)
}
"""By name."""
