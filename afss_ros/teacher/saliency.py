"""What stands out against sky and limb: saliency that knows what an image taken in space looks like. Pure arrays.

The sky, the Earth's disc and the glare of the limb all reach the border of the image without a step; a craft does
not. So a pixel is salient by the height of the lowest step on the way from it to the border, for steps up and steps
down in brightness and colour: the minimum barrier of Zhang et al., "Minimum Barrier Salient Object Detection at 80
FPS" (ICCV 2015), one-sided, which greyscale reconstruction (Vincent, IEEE TIP 2(2), 1993) computes exactly.
Stars are removed before, by an opening that is smaller than any craft worth labelling.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

WORKING_SIZE = 256
"""Longest side, in pixels, at which saliency is computed: stars shrink, a craft of 2 % of the frame remains."""

_STAR = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
_NEIGHBOURS = np.ones((3, 3), np.uint8)


def saliency(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The height of each pixel above (or below) everything that connects it to the border.

    Args:
        image: uint8 (H, W, 3), RGB.

    Returns:
        float32 (h, w), grey levels, 0 for background; the longest side is at most `WORKING_SIZE`.
    """
    height, width = image.shape[:2]
    scale = min(1.0, WORKING_SIZE / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    small = np.minimum(small, cv2.morphologyEx(small, cv2.MORPH_OPEN, _STAR))
    lab = cv2.cvtColor(cv2.GaussianBlur(small, (3, 3), 0), cv2.COLOR_RGB2LAB)
    total = np.zeros(lab.shape[:2], np.float32)
    for index in range(3):
        channel = np.ascontiguousarray(lab[..., index], np.uint8)
        for rise in (barrier(channel), barrier(255 - channel)):
            total += rise.astype(np.float32)
    return total


def barrier(channel: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """By how much each pixel of uint8 (H, W) rises above the best way from it to the border.

    >>> barrier(np.array([[1, 1, 1, 1], [1, 9, 2, 5], [1, 1, 1, 5]], np.uint8)[..., :3]).tolist()
    [[0, 0, 0], [0, 7, 0], [0, 0, 0]]
    """
    marker = np.zeros_like(channel)
    ring = _border(channel)
    marker[ring] = channel[ring]
    while True:
        before = marker
        for _ in range(16):
            marker = np.minimum(cv2.dilate(marker, _NEIGHBOURS), channel)
        if np.array_equal(marker, before):
            rise: NDArray[np.uint8] = channel - marker
            return rise


def regions(salient: NDArray[np.float32], *, join: float = 0.03) -> list[tuple[NDArray[np.bool_], float]]:
    """Group what is salient into objects.

    Args:
        salient: float32 (h, w) from `saliency`.
        join: parts closer than this share of the longest side are one object: a craft's lit parts lie apart.

    Returns:
        For each object its salient pixels, bool (h, w), and its confidence 0..1: its share of all the salient
        energy, times how far it stands above the noise. Most confident first.
    """
    noise = float(np.median(salient)) + 1.4826 * float(np.median(np.abs(salient - np.median(salient))))
    threshold = max(6.0, 3.0 * noise, 0.15 * float(np.percentile(salient, 99.9)))
    above = salient > threshold
    reach = max(1, round(join * max(salient.shape)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    count, groups = cv2.connectedComponents(cv2.dilate(above.astype(np.uint8), disc))
    groups[~above] = 0
    energy = np.bincount(groups.ravel(), salient.ravel(), count)
    pixels = np.bincount(groups.ravel(), minlength=count)
    whole = float(energy[1:].sum())
    found = []
    for group in range(1, count):
        if pixels[group] < 6:
            continue
        contrast = float(energy[group] / pixels[group]) / threshold
        coverage = pixels[group] / salient.size
        confidence = float(energy[group]) / whole * (1 - np.exp(-contrast)) * min(1.0, 2.0 * (1.0 - coverage))
        found.append((groups == group, float(np.clip(confidence, 0.0, 1.0))))
    return sorted(found, key=lambda pair: -pair[1])


def _border(channel: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row and column indices of the border, once around, clockwise from the top left."""
    height, width = channel.shape
    across, down = np.arange(width), np.arange(1, height - 1)
    rows = np.concatenate([np.zeros(width, np.intp), down, np.full(width, height - 1), down[::-1]])
    columns = np.concatenate([across, np.full(down.size, width - 1), across[::-1], np.zeros(down.size, np.intp)])
    return rows.astype(np.intp), columns.astype(np.intp)
