"""What can be told from the pixels of a craft alone: how large, bright, clipped, blurred, and like which others."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets import Sample
from afss_ros.datasets.phash import perceptual_hash
from afss_ros.labels import PART_IDS

_CLIPPED = 250
_MARGIN = 3  # pixels around the craft: its outline is its sharpest edge


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Measures of one image.

    Attributes:
        light: 95th percentile of the craft's grey values, 0..255.
        clipped: share of the craft's pixels at 250 or more.
        blur_px: width in pixels of the craft's steepest edges; a perfect step has 2.
        area: share of the image that is craft.
        hashed: uint8 (28,), see `datasets.phash`.
    """

    light: float
    clipped: float
    blur_px: float
    area: float
    hashed: NDArray[np.uint8]

    def as_scores(self) -> dict[str, float]:
        """The measures by name, for filters."""
        return {"light": self.light, "clipped": self.clipped, "blur_px": self.blur_px, "area": self.area}


def look_at(sample: Sample) -> Look:
    """Measure a sample where its craft is; the whole image where it is not known.

    Raises:
        DatasetError: the image or its label map cannot be read.
    """
    return measure(sample.read_image(), craft_region(sample))


def craft_region(sample: Sample) -> NDArray[np.bool_]:
    """Pixels of any craft, bool (H, W): from the label map, else the boxes; everything when there is neither."""
    region = np.zeros((sample.height, sample.width), np.bool_)
    if sample.labels is not None:
        region |= np.isin(sample.read_labels(), PART_IDS)
    else:
        for instance in sample.instances or ():
            x0, y0 = np.floor(instance.box_xyxy[:2]).astype(int).clip(0)
            x1, y1 = np.ceil(instance.box_xyxy[2:]).astype(int).clip(0)
            region[y0:y1, x0:x1] = True
    return region if region.any() else np.ones_like(region)


def measure(image: NDArray[np.uint8], region: NDArray[np.bool_]) -> Look:
    """Measure an image uint8 (H, W, 3) within `region` bool (H, W)."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    inside = grey[region]
    return Look(
        light=round(float(np.percentile(inside, 95)), 2),
        clipped=round(float((inside >= _CLIPPED).mean()), 4),
        blur_px=round(edge_width(grey.astype(np.float32), region), 2),
        area=round(float(region.mean()), 4),
        hashed=perceptual_hash(image),
    )


def edge_width(grey: NDArray[np.float32], region: NDArray[np.bool_]) -> float:
    """Contrast over slope: how many pixels the steepest edges in and around `region` take.

    The slope is the median of the steepest sqrt(area) pixels: edges are lines, so their number grows with the side of
    a craft, not with its area. Noise makes slopes steeper, so a noisy picture never passes for a blurred one.
    """
    side = 2 * _MARGIN + 1
    near = cv2.dilate(region.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    slope_x = cv2.Sobel(grey, cv2.CV_32F, 1, 0) / 8
    slope_y = cv2.Sobel(grey, cv2.CV_32F, 0, 1) / 8
    slopes = np.hypot(slope_x, slope_y)[near]
    count = min(len(slopes), max(8, round(float(np.sqrt(len(slopes))))))
    steepest = float(np.median(np.partition(slopes, -count)[-count:]))
    low, high = np.percentile(grey[near], (1, 99))
    return float(high - low) / steepest if steepest > 0 else float(max(grey.shape))
