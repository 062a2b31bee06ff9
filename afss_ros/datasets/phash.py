"""Perceptual hashes: pictures that look alike have hashes that differ in few bits.

The signs of the lowest 15 x 15 frequencies (but the mean) of a 64 x 64 grey picture's cosine transform: the "pHash" of
Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

BITS = 224
_SIDE = 64
_FREQUENCIES = 15
_COARSE = 9
COARSE_BITS = _COARSE * _COARSE - 1
_IS_COARSE = np.array([max(divmod(i, _FREQUENCIES)) < _COARSE for i in range(1, BITS + 1)])


def perceptual_hash(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The hash of an image (H, W, 3): uint8 (28,), `BITS` bits."""
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(gray, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:_FREQUENCIES, :_FREQUENCIES].ravel()[1:]
    return np.packbits(low > 0)


def coarse_distance(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Bits of the lowest 9 x 9 frequencies, `COARSE_BITS` of them, in which hashes (..., 28) differ.

    These tell scenes apart: on rendered flights over clouds, neighbours at 4 to 10 Hz differ in 14 to 29 of the 80 and
    unrelated frames in 33 or more, while in all 224 bits neighbours at 4 Hz may differ like unrelated frames.
    """
    bits: NDArray[np.intp] = np.unpackbits(a ^ b, axis=-1)[..., :BITS][..., _IS_COARSE].sum(axis=-1, dtype=np.intp)
    return bits


def distance(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Bits in which hashes (..., 28) differ."""
    bits: NDArray[np.intp] = np.unpackbits(a ^ b, axis=-1).sum(axis=-1, dtype=np.intp)
    return bits
