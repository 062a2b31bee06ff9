"""Tileable noise for the shaders, made once a process from its power spectrum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def _spectral(rng: np.random.Generator, size: int, slope: float, cutoff: float = 0.0) -> NDArray[np.float64]:
    """Gaussian noise with amplitude f**-slope that wraps at its edges."""
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(size) * size, np.fft.fftfreq(size) * size))
    f[0, 0] = 1.0
    amplitude = f**-slope * (f > cutoff)
    amplitude[0, 0] = 0.0
    field: NDArray[np.float64] = np.fft.ifft2(np.fft.fft2(rng.standard_normal((size, size))) * amplitude).real
    return field


def _ranked(field: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same field with uniformly distributed values 0..1, so that a threshold is a covered fraction."""
    flat = np.empty(field.size)
    flat[np.argsort(field, axis=None)] = np.linspace(0.0, 1.0, field.size)
    return flat.reshape(field.shape)


def noise_texture(size: int = 512, seed: int = 7) -> NDArray[np.uint8]:
    """uint8 (size, size, 4): smooth fractal, rough fractal, puffs with dark creases, fine speckle."""
    rng = np.random.default_rng(seed)
    smooth = _ranked(_spectral(rng, size, 1.75))
    rough = _ranked(_spectral(rng, size, 1.2))
    puffs = np.zeros((size, size))
    for octave in range(5):
        layer = _spectral(rng, size, 2.2, cutoff=4.0 * 2**octave)
        puffs += np.abs(layer / layer.std()) * 0.55**octave
    speckle = _ranked(_spectral(rng, size, 0.35))
    stacked = np.stack([smooth, rough, 1.0 - _ranked(puffs) * 0.999, speckle], axis=-1)
    return (stacked * 255).astype(np.uint8)
