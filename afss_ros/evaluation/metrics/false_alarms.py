"""How often craft are seen that are not there, how many are missed instead, and the threshold between.

A detection is right when it overlaps a craft that no better one has taken by an IoU of 0.5 (`matching`); any other is a
false alarm. What navigation fears most has figures of its own: pictures without any craft in which one is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from afss_ros.evaluation.metrics.detection import ImageObjects
from afss_ros.evaluation.metrics.matching import Matched, match

FLIGHT_THRESHOLD = 0.5
"""The score from which a detection is published unless a parameter says otherwise."""
THRESHOLDS = tuple(round(0.05 * i, 2) for i in range(1, 20))
"""Scores at which the curve is drawn."""
FRAMES_AN_HOUR = 3600
"""At one frame a second."""


class Rates(TypedDict):
    """What one threshold gives; None where there is nothing to count.

    Keys:
        threshold: detections of at least this score count.
        false_alarms: how many there are, and `per_image` of them.
        quiet_images: images without a craft, `alarmed_images` those of them in which one was seen all the same, and
            `alarmed` their share.
        per_hour: images an hour with a false alarm when nothing is in sight, at one frame a second.
        missed: share of the true craft that were not found.
    """

    threshold: float
    false_alarms: int
    per_image: float
    quiet_images: int
    alarmed_images: int
    alarmed: float | None
    per_hour: float | None
    missed: float | None


class Alarms:
    """The detections of a set of images, matched once, counted at any threshold."""

    def __init__(self, images: Sequence[ImageObjects]) -> None:
        matched = [match(image, "bbox") for image in images]
        self._images = len(matched)
        self._truths = sum(m.truths for m in matched)
        self._quiet = sum(not m.truths for m in matched)
        self._right = _sorted([s for m in matched for s, hit in zip(m.scores, m.hits[0], strict=True) if hit])
        self._wrong = _sorted([s for m in matched for s, hit in zip(m.scores, m.hits[0], strict=True) if not hit])
        self._loudest = _sorted([_loudest(m) for m in matched if not m.truths])

    def at(self, threshold: float) -> Rates:
        """The rates of one threshold."""
        wrong, alarmed = _at_least(self._wrong, threshold), _at_least(self._loudest, threshold)
        share = alarmed / self._quiet if self._quiet else None
        return Rates(
            threshold=threshold,
            false_alarms=wrong,
            per_image=wrong / self._images if self._images else 0.0,
            quiet_images=self._quiet,
            alarmed_images=alarmed,
            alarmed=share,
            per_hour=None if share is None else FRAMES_AN_HOUR * share,
            missed=1 - _at_least(self._right, threshold) / self._truths if self._truths else None,
        )

    def threshold_for(self, rate: float, floor: float = 0.0) -> float | None:
        """The lowest score, from `floor` on, at which no more than `rate` of the images without craft are alarmed.

        A millionth above the loudest of those that must be silent. None without such images, and where no score of up
        to 1 is enough.
        """
        if not self._quiet:
            return None
        allowed = int(np.floor(rate * self._quiet + 1e-9))
        if allowed >= self._quiet:
            return floor
        chosen = max(float(self._loudest[self._quiet - allowed - 1]) + 1e-6, floor)
        return chosen if chosen <= 1 else None


def interval(events: int, trials: int) -> list[float] | None:
    """The 95 % interval of a share by Clopper and Pearson (1934), which holds for no event at all too.

    >>> [round(v, 3) for v in interval(0, 82)]
    [0.0, 0.044]
    """
    if not trials:
        return None
    low = float(beta.ppf(0.025, events, trials - events + 1)) if events else 0.0
    high = float(beta.ppf(0.975, events + 1, trials - events)) if events < trials else 1.0
    return [low, high]


def _loudest(image: Matched) -> float:
    return float(image.scores[0]) if len(image.scores) else -1.0


def _sorted(scores: Sequence[float]) -> NDArray[np.float64]:
    return np.sort(np.array(scores, np.float64))


def _at_least(ascending: NDArray[np.float64], threshold: float) -> int:
    return len(ascending) - int(np.searchsorted(ascending, threshold, side="left"))
