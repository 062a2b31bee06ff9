"""What stands out against sky and limb: saliency that knows what an image taken in space looks like. Pure arrays.

Two cues that fail on different things are multiplied:

- *Barrier.* The sky, the Earth's disc and the glare of the limb reach the border of the image without a step; a craft
  does not. So a pixel stands out by the height of the lowest step on the way from it to the border, up or down, in
  brightness and colour: the minimum barrier of Zhang et al., "Minimum Barrier Salient Object Detection at 80 FPS"
  (ICCV 2015), one-sided, which greyscale reconstruction (Vincent, IEEE TIP 2(2), 1993) computes exactly. It is fooled
  by a limb that crosses the frame, and by land in the sea.
- *Corners.* However bright it is, a limb is one long edge, with one direction; a craft has edges in several within a
  few pixels. The smaller eigenvalue of the structure tensor (Shi and Tomasi, "Good Features to Track", CVPR 1994)
  tells them apart; over several sizes of neighbourhood, since a plain panel has its corners far apart. It is fooled by
  broken cloud.

Stars are removed before, by an opening that is smaller than any craft worth labelling.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

WORKING_SIZE = 320
"""Longest side, in pixels, at which saliency is computed: stars shrink, a craft of 2 % of the frame remains."""

_STAR = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
_NEIGHBOURS = np.ones((3, 3), np.uint8)
_NEIGHBOURHOODS = ((3.5, 1.0), (8.0, 0.7), (16.0, 0.5))  # sigma in working pixels, and its weight: near corners first
_BLUR = 3.5  # pixels; what the finest neighbourhood resolves
_PEAK = 99.8  # the percentile that stands for the strongest pixel: a hot one must not
_LOW, _HIGH, _EDGE = 0.05, 0.35, 0.6  # of the peak: an object's pixels, its seed, and edges that bound it
_OUTLIER = 4.0  # standard deviations above the noise
_CORNERED = 0.25  # of the strongest corners: from here up a pixel is as cornered as it needs to be


@dataclass(frozen=True, slots=True, eq=False)
class Saliency:
    """Where things stand out, at the working size; all float32 (h, w).

    Attributes:
        objects: both cues multiplied, blurred to a few pixels: what to look for objects in.
        edges: strength of the edges, grey levels a pixel: where objects end.
        pixels: height of the barrier in grey levels, 0 for background, less where there are no corners: what belongs
            to an object.
    """

    objects: NDArray[np.float32]
    edges: NDArray[np.float32]
    pixels: NDArray[np.float32]


def saliency(image: NDArray[np.uint8]) -> Saliency:
    """What stands out in an image uint8 (H, W, 3), RGB; the longest side of the result is at most `WORKING_SIZE`."""
    height, width = image.shape[:2]
    scale = min(1.0, WORKING_SIZE / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    small = np.minimum(small, cv2.morphologyEx(small, cv2.MORPH_OPEN, _STAR))
    rises = barriers(np.asarray(cv2.cvtColor(cv2.GaussianBlur(small, (3, 3), 0), cv2.COLOR_RGB2LAB), np.uint8))
    cornered, edges = corners(np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.float32))
    relative = cv2.GaussianBlur(rises / _strongest(rises), (0, 0), _BLUR)
    gate = np.clip(cornered / (_CORNERED * _strongest(cornered)), 0.0, 1.0)
    return Saliency(cornered * np.sqrt(relative), edges, rises * gate)


def barriers(lab: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The barriers up and down of all channels of uint8 (h, w, 3), added: float32 (h, w)."""
    total = np.zeros(lab.shape[:2], np.float32)
    for index in range(3):
        channel = np.ascontiguousarray(lab[..., index])
        total += barrier(channel)
        total += barrier(255 - channel)
    return total


def barrier(channel: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """By how much each pixel of uint8 (H, W) rises above the best way from it to the border.

    >>> barrier(np.array([[1, 1, 1, 1], [1, 9, 2, 5], [1, 1, 1, 5]], np.uint8)[..., :3]).tolist()
    [[0, 0, 0], [0, 7, 0], [0, 0, 0]]
    """
    marker = np.zeros_like(channel)
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        marker[edge] = channel[edge]
    while True:
        before = marker
        for _ in range(16):
            marker = np.minimum(cv2.dilate(marker, _NEIGHBOURS), channel)
        if np.array_equal(marker, before):
            rise: NDArray[np.uint8] = channel - marker
            return rise


def corners(lab: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How much edges of several directions meet around each pixel of float32 (h, w, 3), and how strong edges are.

    Returns:
        Both float32 (h, w), grey levels a pixel. The first is 0 along a straight edge.
    """
    dx, dy = (cv2.Sobel(lab, cv2.CV_32F, *order) / 4.0 for order in ((1, 0), (0, 1)))
    tensor = [(a * b).sum(-1, dtype=np.float32) for a, b in ((dx, dx), (dx, dy), (dy, dy))]
    cornered = np.zeros(lab.shape[:2], np.float32)
    for sigma, weight in _NEIGHBOURHOODS:
        xx, xy, yy = (cv2.GaussianBlur(entry, (0, 0), sigma) for entry in tensor)
        smaller = (xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
        cornered = np.maximum(cornered, weight * np.sqrt(np.maximum(smaller, 0.0)))
    return cornered, np.sqrt(tensor[0] + tensor[2])


def regions(salient: Saliency, *, join: float = 0.015) -> list[tuple[NDArray[np.float32], float]]:
    """Group what stands out into objects.

    Args:
        join: parts closer than this share of the longest side are one object: a craft's lit parts lie apart.

    Returns:
        For each object its box xyxy float32 (4,), working pixels, and its confidence 0..1: the share that its box has
        in all that stands out in the frame above the noise, less where it fills the frame. Most confident first.
    """
    found = salient.objects
    peak = float(np.percentile(found, _PEAK))
    middle = float(np.median(found))
    noise = middle + _OUTLIER * 1.4826 * float(np.median(np.abs(found - middle)))
    above = found > max(_LOW * peak, noise, 0.5)
    reach = max(1, round(join * max(found.shape)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    count, groups = cv2.connectedComponents(cv2.dilate(above.astype(np.uint8), disc))
    bounding = above & (salient.edges > max(_EDGE * peak, 2.0 * noise))
    surplus = np.maximum(found - noise, 0.0)
    whole = max(float(surplus.sum()), 1e-6)
    objects = []
    for group in range(1, count):
        inside = groups == group
        pixels = inside & bounding
        if found[inside].max() < _HIGH * peak or np.count_nonzero(pixels) < 6:
            continue
        x0, y0, x1, y1 = _box(pixels)
        share = float(surplus[y0:y1, x0:x1].sum()) / whole
        coverage = (x1 - x0) * (y1 - y0) / found.size
        objects.append((np.array([x0, y0, x1, y1], np.float32), share * min(1.0, 2.0 * (1.0 - coverage))))
    return sorted(objects, key=lambda pair: -pair[1])


def _box(pixels: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """The box around what edge pixels bound: a step is seen one pixel to either side of it."""
    rows, columns = np.flatnonzero(pixels.any(1)), np.flatnonzero(pixels.any(0))
    x0, y0, x1, y1 = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    across, down = int(x1 - x0 > 4), int(y1 - y0 > 4)
    return x0 + across, y0 + down, x1 - across, y1 - down


def _strongest(values: NDArray[np.float32]) -> float:
    return max(1.0, float(np.percentile(values, _PEAK)))
