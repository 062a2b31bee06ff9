"""How unlike its training a picture is: the Mahalanobis distance of a dozen of its statistics.

Lee et al. (NeurIPS 2018) measure it on features of the network. A student flies as labels and boxes alone, so what is
measured here is the picture; the mean and covariance of frames that students are trained on are in `limits.yaml`.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.monitor.small import Small

FEATURES = (
    "mean", "deviation", "median", "p90", "p99", "gradient", "gradient_deviation", "edges", "fine", "colour", "warm",
    "saturated",
)  # fmt: skip


def features(view: Small) -> NDArray[np.float64]:
    """The statistics, float64 (12,), each about 0..1, of grey, of its gradients and of colour."""
    mean, deviation = _mean_and_deviation(view.grey)
    slope, spread = _mean_and_deviation(view.across)
    gradient = (slope + sum(view.steps) * (1 / view.down.size)) / 2 / 255
    coarse = np.ascontiguousarray(view.grey[::4, ::4])
    wide = _mean_and_deviation(cv2.absdiff(coarse[:, 1:], coarse[:, :-1]))[0] / 255 if coarse.shape[1] > 1 else 0.0
    reds, blues = cv2.extractChannel(view.colour, 0), cv2.extractChannel(view.colour, 2)
    red, blue, apart = (_mean_and_deviation(plane)[0] / 255 for plane in (reds, blues, cv2.absdiff(reds, blues)))
    return np.array(
        [
            mean / 255,
            deviation / 255,
            view.percentiles[0.5] / 255,
            view.percentiles[0.9] / 255,
            view.percentiles[0.99] / 255,
            math.sqrt(gradient),
            math.sqrt(spread / 255),
            np.count_nonzero(view.across > 25) / view.across.size,
            gradient / (wide + 0.01),
            math.sqrt(apart),
            red - blue,
            view.from_on(250) / view.grey.size,
        ]
    )


def _mean_and_deviation(plane: Any) -> tuple[float, float]:
    """Of uint8 (h, w). For want of a deviation `cv2.mean` would do, but that is one function more."""
    mean, deviation = cv2.meanStdDev(plane)
    return float(mean[0, 0]), float(deviation[0, 0])


def distance(found: NDArray[np.float64], mean: NDArray[np.float64], whiten: NDArray[np.float64]) -> float:
    """Mahalanobis distance of features (12,), in deviations; `whiten` (12, 12) turns differences into such."""
    deviations = whiten.dot(found - mean)
    return math.sqrt(deviations.dot(deviations))


def fit(found: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (12,) and whitening (12, 12) of features (N, 12).

    Raises:
        ValueError: fewer than ten pictures a feature tell no covariance.
    """
    if len(found) < 10 * len(FEATURES):
        raise ValueError(f"{len(found)} pictures; {10 * len(FEATURES)} or more tell a covariance of {len(FEATURES)}")
    mean = found.mean(0)
    values, vectors = np.linalg.eigh(np.cov(found, rowvar=False) + 1e-6 * np.eye(found.shape[1]))
    return mean, (vectors / np.sqrt(values)).T
