"""How far a craft is: from its known length, or from a depth image. A first guess, with a covariance that says so.

A craft seen from its end looks short, and so farther than it is, by any factor; what is known of it is how often. The
logarithm of the range is what is spread evenly (`calibration`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afss_ros.student.regions import Seen
from afss_ros.tracking import calibration
from afss_ros.tracking.settings import TrackingError

Array = NDArray[np.float64]
_LEAST_DEPTHS = 5


@dataclass(frozen=True, slots=True)
class Range:
    """Metres from the camera to the craft's middle, and their standard deviation."""

    metres: float
    sigma: float


def from_length(diameter: float, focal: float, length_m: float, *, at_border: bool = False) -> Range | None:
    """The range of a craft whose largest dimension is known.

    Args:
        diameter: largest distance between two of its pixels, px.
        focal: px per radian.
        length_m: its largest dimension.

    Returns:
        None for a craft that the border cuts off: it may be any size.

    Raises:
        TrackingError: the length is not above 0.
    """
    if not length_m > 0:
        raise TrackingError(f"a craft's length must be above 0 m, got {length_m}")
    if at_border or diameter < 2:
        return None
    bias, sigma = calibration.range_error(diameter)
    metres = focal * length_m / diameter / float(np.exp(bias))
    return Range(metres, metres * sigma)


def from_depth(depth: NDArray[np.floating], owned: NDArray[np.bool_], half_depth_m: float = 0.0) -> Range | None:
    """The range of a craft from a depth image that lies over the picture pixel by pixel.

    Args:
        depth: float (H, W), metres along the optical axis (REP 118); what is not finite or not above 0 is unknown.
        owned: bool (H, W), the craft's pixels.
        half_depth_m: how far behind its near side a craft's middle is, at a guess: half its length, at most.

    Returns:
        None where fewer than five pixels have a depth.
    """
    values = np.asarray(depth[owned], np.float64)
    values = values[np.isfinite(values) & (values > 0)]
    if len(values) < _LEAST_DEPTHS:
        return None
    low, middle, high = np.percentile(values, [16, 50, 84])
    behind = half_depth_m / 2
    spread = max(float(high - low) / 2, 0.01 * float(middle))
    return Range(float(middle) + behind, float(np.hypot(spread, behind)))


def position(direction: Array, angular: Array, told: Range) -> tuple[Array, Array]:
    """Where a craft is: position (3,), metres, and its covariance (3, 3), of a direction with its own and a range."""
    place = told.metres * direction
    covariance = told.metres**2 * angular + told.sigma**2 * np.outer(direction, direction)
    return place, covariance


def diameter_of(seen: Seen | None, box: NDArray[np.floating]) -> float:
    """The largest distance between two pixels of a craft, px; its box's diagonal where it shows none."""
    if seen is not None and seen.diameter > 0:
        return seen.diameter
    return float(np.hypot(box[2] - box[0], box[3] - box[1]))
