"""Limits of the input monitor from frames that are right, and how often each reason speaks on a set of pictures."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from afss_ros.evaluation.monitor.corruptions import ALL
from afss_ros.monitor import Limits, Monitor
from afss_ros.monitor.limits import MEASURES
from afss_ros.monitor.monitor import measures
from afss_ros.monitor.novelty import features, fit
from afss_ros.monitor.small import small

FIXED = {"sun": 0.5}
"""Limits that frames do not choose: the Sun is in view of right ones too."""
_LEAST = 0.02
"""No limit is below: a measure that is 0 on every right frame would speak at a speck."""


def calibrate(pictures: Iterable[NDArray[np.uint8]], *, false_alarms: float, about: str) -> Limits:
    """Limits that a share of right pictures exceeds, measure by measure.

    Args:
        pictures: uint8 (H, W, 3) RGB, of what students are trained on.
        false_alarms: that share of them, of each measure.
        about: what they are, for the file.

    Raises:
        ValueError: there are too few of them to tell that share.
    """
    views = [small(picture) for picture in pictures]
    if len(views) * false_alarms < 1:
        raise ValueError(
            f"{len(views)} pictures cannot tell a share of {false_alarms}; take more than {1 / false_alarms:.0f}"
        )
    mean, whiten = fit(np.array([features(view) for view in views]))
    raw = Limits(dict.fromkeys(MEASURES, 1.0), mean, whiten, about)
    found = [measures(view, raw) for view in views]
    at = {name: max(_LEAST, float(np.quantile([m[name] for m in found], 1 - false_alarms))) for name in MEASURES}
    return Limits(at | FIXED, mean, whiten, about)


@dataclass
class Rates:
    """How many of `pictures` gave a finding, and by which reason first."""

    pictures: int = 0
    found: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """The share of pictures with a finding, 0..1; 0 of none."""
        return self.found / self.pictures if self.pictures else 0.0


def rates(
    pictures: Sequence[Callable[[], NDArray[np.uint8]]], limits: Limits, *, advance: Callable[[], None] = lambda: None
) -> dict[str, Rates]:
    """Of pictures as they are, under "", and of each spoiled in every way of `corruptions.ALL`, under its name.

    Args:
        pictures: each reads one.
        advance: called after each.
    """
    out = {name: Rates() for name in ("", *ALL)}
    for number, read in enumerate(pictures):
        picture = read()
        for name in out:
            # The same damage every time, whatever else is measured.
            rng = np.random.default_rng((number, zlib.crc32(name.encode())))
            verdict = Monitor(limits)(ALL[name](picture, rng) if name else picture, 0)
            out[name].pictures += 1
            if findings := verdict.findings:
                out[name].found += 1
                out[name].reasons[findings[0]] += 1
        advance()
    return out
