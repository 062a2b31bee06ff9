"""Tileable noise for the shaders, made once a process from its power spectrum."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def spectral(rng: np.random.Generator, size: int, slope: float, cutoff: float = 0.0) -> NDArray[np.float64]:
    """Gaussian noise with amplitude f**-slope that wraps at its edges."""
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(size) * size, np.fft.fftfreq(size) * size))
    f[0, 0] = 1.0
    amplitude = f**-slope * (f > cutoff)
    amplitude[0, 0] = 0.0
    field: NDArray[np.float64] = np.fft.ifft2(np.fft.fft2(rng.standard_normal((size, size))) * amplitude).real
    return field


def ranked(field: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same field with uniformly distributed values 0..1, so that a threshold is a covered fraction."""
    flat = np.empty(field.size)
    flat[np.argsort(field, axis=None)] = np.linspace(0.0, 1.0, field.size)
    return flat.reshape(field.shape)


def noise_texture(size: int = 512, seed: int = 7) -> NDArray[np.uint8]:
    """uint8 (size, size, 4): smooth fractal, rough fractal, puffs with dark creases, fine speckle."""
    rng = np.random.default_rng(seed)
    smooth = ranked(spectral(rng, size, 1.75))
    rough = ranked(spectral(rng, size, 1.45))
    puffs = np.zeros((size, size))
    for octave in range(5):
        layer = spectral(rng, size, 2.6, cutoff=3.0 * 2**octave)
        puffs += np.sqrt((layer / layer.std()) ** 2 + 0.02) * 0.48**octave
    speckle = ranked(spectral(rng, size, 0.35))
    stacked = np.stack([smooth, rough, 1.0 - ranked(puffs) * 0.999, speckle], axis=-1)
    return (stacked * 255).astype(np.uint8)


def facets(rng: np.random.Generator, size: int, count: int) -> NDArray[np.float64]:
    """A random tilt (size, size, 2) for every cell of a Voronoi diagram that wraps at its edges."""
    points = rng.integers(0, size, (count, 2))
    tiled = np.full((3 * size, 3 * size), 255, np.uint8)
    owner = np.zeros((3 * size, 3 * size), np.int32)
    for dy in range(3):
        for dx in range(3):
            tiled[points[:, 0] + dy * size, points[:, 1] + dx * size] = 0
            owner[points[:, 0] + dy * size, points[:, 1] + dx * size] = np.arange(count)
    _, nearest = cv2.distanceTransformWithLabels(tiled, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    seeds = np.zeros(int(nearest.max()) + 1, np.int64)
    seeds[nearest[tiled == 0]] = owner[tiled == 0]
    middle = nearest[size : 2 * size, size : 2 * size]
    return np.asarray(np.clip(rng.normal(0, 0.4, (count, 2)), -1, 1)[seeds[middle]], np.float64)


def crumple_texture(size: int = 512, seed: int = 11) -> NDArray[np.uint8]:
    """uint8 (size, size, 4): tilts of the facets of crumpled foil, coarse in RG and fine in BA; 128 is flat."""
    rng = np.random.default_rng(seed)
    tilts = np.concatenate([facets(rng, size, 160), facets(rng, size, 1500)], axis=-1)
    smooth = cv2.GaussianBlur(tilts, (0, 0), 1.2, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(np.clip(127.5 + 127.5 * smooth, 0, 255), np.uint8)
