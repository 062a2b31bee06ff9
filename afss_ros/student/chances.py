"""Scores as chances: the line through logits that a student may declare (Platt, 1999), and its inverse.

A mean of pixels' confidences is no chance that a box is right. Two numbers, fit where the truth is known, make it one;
the order of detections stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from afss_ros.perception import Detection

Line = tuple[float, float]
"""Slope, above 0, and offset of the logit of a chance over the logit of a score."""
_SURE = 1e-4
"""Scores and chances are kept so far from 0 and 1, whose logits are infinite."""


def chance(score: float, line: Line) -> float:
    """The chance that a detection of this score is right.

    >>> chance(0.5, (2.0, 0.0)), round(chance(0.5, (1.0, -1.0)), 3)
    (0.5, 0.269)
    """
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, line[0] * logit(score) + line[1]))))


def score(chance_: float, line: Line) -> float:
    """The score that has this chance; 0 for a chance of 0, so that a threshold of 0 keeps everything.

    >>> round(score(chance(0.7, (1.5, -0.4)), (1.5, -0.4)), 6)
    0.7
    """
    if chance_ <= 0:
        return 0.0
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, (logit(chance_) - line[1]) / line[0]))))


def calibrated(found: Sequence[Detection], line: Line) -> tuple[Detection, ...]:
    """The same detections, each with its chance as its score."""
    return tuple(replace(d, score=chance(d.score, line)) for d in found)


def logit(value: float, sure: float = _SURE) -> float:
    """The logit of a chance in 0..1, kept `sure` away from both ends."""
    inside = min(max(value, sure), 1 - sure)
    return math.log(inside / (1 - inside))
