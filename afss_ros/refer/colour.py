"""Colour words and pixels: which pixels are surely of a colour, and which might be called so."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

_BINS = 32
"""Of 256 values, so a pixel is one of 32 x 32 x 32 colours, and each is judged once."""
# Name: hues (of 360 degrees), saturation and value (of 255) of what is surely so, and by how much each is widened for
# what might be called so.
_CORES: dict[str, tuple[tuple[int, int], tuple[int, int], tuple[int, int]]] = {
    "red": ((-12, 12), (110, 255), (70, 255)),
    "orange": ((18, 38), (120, 255), (120, 255)),
    "yellow": ((48, 66), (100, 255), (120, 255)),
    "gold": ((30, 54), (80, 255), (90, 255)),
    "green": ((80, 155), (80, 255), (60, 255)),
    "cyan": ((172, 196), (80, 255), (90, 255)),
    "blue": ((208, 256), (80, 255), (50, 255)),
    "purple": ((264, 290), (70, 255), (60, 255)),
    "pink": ((300, 345), (60, 255), (120, 255)),
    "brown": ((10, 36), (90, 255), (45, 130)),
    "white": ((0, 360), (0, 30), (190, 255)),
    "grey": ((0, 360), (0, 35), (75, 170)),
    "black": ((0, 360), (0, 255), (0, 35)),
}
_WIDER = (14, 45, 35)


def _table() -> NDArray[np.uint32]:
    """uint32 (32768,): for every coarse colour, two bits a name: surely, and perhaps."""
    level = (np.arange(_BINS) * 256 // _BINS + 128 // _BINS).astype(np.uint8)
    rgb = np.stack(np.meshgrid(level, level, level, indexing="ij"), axis=-1).reshape(1, -1, 3)
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)[0].astype(int)
    hue, saturation, value = hsv[:, 0] * 2, hsv[:, 1], hsv[:, 2]
    bits = np.zeros(len(hue), np.uint32)
    for place, (hues, saturations, values) in enumerate(_CORES.values()):
        for widened, bit in ((0, 2 * place), (1, 2 * place + 1)):
            middle, reach = sum(hues) / 2, (hues[1] - hues[0]) / 2 + widened * _WIDER[0]
            near = np.abs((hue - middle + 180) % 360 - 180) <= reach
            for channel, (low, high), wider in ((saturation, saturations, _WIDER[1]), (value, values, _WIDER[2])):
                near &= (channel >= low - widened * wider) & (channel <= high + widened * wider)
            bits |= near.astype(np.uint32) << np.uint32(bit)
    return bits


_BITS = _table()


def shares(pixels: NDArray[np.uint8]) -> Mapping[str, tuple[float, float]]:
    """How much of some pixels is of each colour.

    Args:
        pixels: uint8 (N, 3) RGB, at least one.

    Returns:
        By colour, the share that surely is, and the share that might be called so.
    """
    coarse = (pixels >> 3).astype(np.uint32)
    counts = np.bincount((coarse[:, 0] << 10) | (coarse[:, 1] << 5) | coarse[:, 2], minlength=len(_BITS))
    whole = counts.sum()
    met = np.flatnonzero(counts)
    bits, weights = _BITS[met], counts[met] / whole
    return {
        name: (
            float(weights[(bits >> np.uint32(2 * place)) & 1 == 1].sum()),
            float(weights[(bits >> np.uint32(2 * place + 1)) & 1 == 1].sum()),
        )
        for place, name in enumerate(_CORES)
    }
