"""How well outlines agree, which IoU hides on large craft: boundary F and the 95th percentile Hausdorff distance."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

TOLERANCE = 0.0075
"""Distance at which two outlines agree, as a fraction of the image diagonal (Csurka et al. 2013)."""


@dataclass(frozen=True, slots=True)
class BoundaryAgreement:
    """Agreement of two outlines.

    Attributes:
        f: harmonic mean of the shares of either outline that lie within the tolerance of the other, 0..1.
        hausdorff95_px: 95th percentile of the distances from either outline to the other, the larger of both ways, in
            pixels; None when one of the masks is empty.
    """

    f: float
    hausdorff95_px: float | None


def compare(truth: NDArray[np.bool_], seen: NDArray[np.bool_]) -> BoundaryAgreement | None:
    """Compare the outlines of two masks, bool (H, W); None when both are empty."""
    if not truth.any() and not seen.any():
        return None
    if not truth.any() or not seen.any():
        return BoundaryAgreement(0.0, None)
    true_line, seen_line = outline(truth), outline(seen)
    to_seen = _distance_to(seen_line)[true_line]
    to_truth = _distance_to(true_line)[seen_line]
    tolerance = TOLERANCE * float(np.hypot(*truth.shape))
    recall, precision = float((to_seen <= tolerance).mean()), float((to_truth <= tolerance).mean())
    f = 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0
    return BoundaryAgreement(f, float(max(np.percentile(to_seen, 95), np.percentile(to_truth, 95))))


def outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels of a mask (H, W) that have a neighbour (of 4) outside it; the image border is no outside.

    >>> outline(np.array([[0, 0, 0, 0], [0, 1, 1, 1], [0, 1, 1, 1], [0, 1, 1, 1]], bool)).astype(int).tolist()
    [[0, 0, 0, 0], [0, 1, 1, 1], [0, 1, 0, 0], [0, 1, 0, 0]]
    """
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inner = cv2.erode(mask.astype(np.uint8), cross, borderType=cv2.BORDER_REPLICATE)
    line = mask & (inner == 0)
    # A mask that fills the image has no outline of its own; its pixels stand for it.
    return np.asarray(line if line.any() else mask, bool)


def _distance_to(line: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance of every pixel to the nearest one of `line`, in pixels."""
    far = cv2.distanceTransform((~line).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE).astype(np.float64)
    # With one thread and with two, OpenCV's last bits differ; the squares are whole numbers.
    return np.asarray(np.sqrt(np.rint(far**2)), np.float64)
