"""Where a craft is, as a filter wants it: a direction with a covariance that holds.

The middle of what is seen of a craft is not the middle of the craft: panels turn away, shadows hide an end. That error
is a few hundredths of its size and far above that of any pixel; how large it is, by the craft's size in the picture and
by its light, was measured on rendered craft whose pose is known (`calibration`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afss_ros.student.regions import PATCH, Seen
from afss_ros.tracking import calibration
from afss_ros.tracking.rays import Rays

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Bearing:
    """The direction of a craft's middle, in the camera's optical frame.

    Attributes:
        direction: float64 (3,), unit length.
        covariance: float64 (3, 3), rad²: of the direction, across it; along it there is nothing.
        at_border: the craft touches the border of the picture, so its middle is not where it seems to be and the
            covariance, wider already, holds no promise.
        sigma_rad: the standard deviation across, root mean square of both directions.
    """

    direction: Array
    covariance: Array
    at_border: bool
    sigma_rad: float


def middle(box: NDArray[np.floating], seen: Seen | None) -> Array:
    """The pixel (2,) that is taken for a craft's middle: between that of its box and that of its pixels."""
    centre = np.array([box[0] + box[2], box[1] + box[3]], np.float64) / 2
    if seen is None or seen.whole is None:
        return centre
    return np.asarray((centre + np.array(seen.whole.centroid)) / 2, np.float64)


def light_of(image: NDArray[np.uint8], box: NDArray[np.floating], seen: Seen | None) -> float | None:
    """Mean brightness, 0..1, of a craft's pixels in a picture (H, W, 3); None where it shows none.

    Looked at on the grid of its patch, which is enough for a mean.
    """
    if seen is None or seen.whole is None or not seen.patch.any():
        return None
    height, width = image.shape[:2]
    steps = (np.arange(PATCH) + 0.5) / PATCH
    columns = (float(box[0]) + steps * float(box[2] - box[0])).astype(np.intp).clip(0, width - 1)
    rows = (float(box[1]) + steps * float(box[3] - box[1])).astype(np.intp).clip(0, height - 1)
    return float(image[rows[:, None], columns][seen.patch].mean()) / 255


def pixel_covariance(box: NDArray[np.floating], seen: Seen | None, light: float | None) -> Array:
    """The covariance (2, 2), px², of `middle`: as long and as wide as the craft's pixels are spread."""
    width, height = max(float(box[2] - box[0]), 1.0), max(float(box[3] - box[1]), 1.0)
    if seen is not None and seen.whole is not None:
        spread = seen.second_moment
    else:
        spread = np.diag([width * width, height * height]) / 16  # an ellipse that fills its box
    spread = 0.7 * spread + 0.15 * np.trace(spread) * np.eye(2)
    factor = calibration.bearing_factor(float(np.hypot(width, height)), light)
    return np.asarray(factor * factor * spread + calibration.PIXEL**2 * np.eye(2), np.float64)


def bearing(
    rays: Rays, box: NDArray[np.floating], seen: Seen | None, *, at_border: bool, light: float | None = None
) -> Bearing:
    """The bearing of a craft in a picture.

    Args:
        box: float (4,) in pixels of the picture as it was sent, corner convention.
        seen: its pixels, if the student has a label map.
        light: mean brightness of its pixels, 0..1, if anybody looked.

    Raises:
        TrackingError: the lens cannot have drawn it there.
    """
    pixel = middle(box, seen)
    step = max(1.0, 0.05 * float(np.hypot(box[2] - box[0], box[3] - box[1])))
    around = pixel + np.array([[0, 0], [step, 0], [-step, 0], [0, step], [0, -step]])
    directions = rays.directions(around)
    across = np.stack([directions[1] - directions[2], directions[3] - directions[4]], 1) / (2 * step)
    covariance = pixel_covariance(box, seen, light)
    if at_border:
        covariance = covariance * calibration.BORDER_FACTOR**2
    angular = across @ covariance @ across.T
    return Bearing(directions[0], angular, at_border, float(np.sqrt(np.trace(angular) / 2)))


def normalised_error_squared(told: Bearing, truth: Array) -> float:
    """The error of a bearing, in its covariance: chi-square of 2 degrees of freedom where that holds.

    Args:
        truth: (3,), the true direction, of any length.
    """
    truth = np.asarray(truth, np.float64) / np.linalg.norm(truth)
    basis = np.linalg.svd(told.direction[None])[2][1:]  # (2, 3), across
    error = basis @ (truth - told.direction)
    return float(error @ np.linalg.solve(basis @ told.covariance @ basis.T, error))
