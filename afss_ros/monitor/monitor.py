"""Every measure of a frame as one number with its reason, and what only several frames tell: a frozen camera."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afss_ros.monitor import faults, novelty
from afss_ros.monitor.limits import MEASURES, Limits
from afss_ros.monitor.small import Small, small
from afss_ros.perception import Reasons

REASONS = (*MEASURES, "frozen")
UNUSABLE = ("black", "white", "smeared", "torn", "filled", "frozen")
"""Reasons for which a picture shows nothing that a student could learn from it."""

_NS_PER_S = 1e9


@dataclass(frozen=True, slots=True)
class Verdict(Reasons):
    """How unfit a picture is: `reasons` has a value in 0..1 for each of `REASONS`, 0 up to its limit."""

    @property
    def findings(self) -> tuple[str, ...]:
        """The reasons past their limits, strongest first."""
        past = [name for name, value in self.reasons.items() if value > 0]
        return tuple(sorted(past, key=lambda name: -self.reasons[name]))

    @property
    def usable(self) -> bool:
        """Whether nothing says that the picture shows nothing."""
        return not any(self.reasons[name] > 0 for name in UNUSABLE)


class Monitor:
    """Judges the frames of one camera, in the order in which they come.

    Args:
        limits: see `Limits`.
        frozen_after_s: seconds, by the stamps, of equal pictures after which the camera counts as frozen; 0 for never.
    """

    def __init__(self, limits: Limits, *, frozen_after_s: float = 10.0) -> None:
        self.frozen_after_s = frozen_after_s
        self._limits = limits
        self._before: Small | None = None
        self._since_ns = 0

    def __call__(self, image: NDArray[np.uint8], stamp_ns: int) -> Verdict:
        """Judge a picture uint8 (H, W, 3) RGB that was taken at `stamp_ns`."""
        view = small(image)
        values = measures(view, self._limits, above=self._limits.at)
        reasons = {name: grade(values[name], self._limits.at[name]) for name in MEASURES}
        reasons["frozen"] = self._frozen(view, stamp_ns)
        return Verdict(reasons)

    def _frozen(self, view: Small, stamp_ns: int) -> float:
        if self._before is None or not _same(self._before, view) or stamp_ns < self._since_ns:
            self._before, self._since_ns = view, stamp_ns
            return 0.0
        if not self.frozen_after_s:
            return 0.0
        return grade((stamp_ns - self._since_ns) / _NS_PER_S, self.frozen_after_s)


def _same(one: Small, other: Small) -> bool:
    if one.colour.shape == other.colour.shape and one.colour.tobytes() == other.colour.tobytes():
        return True
    # What comes with the colours may differ alone.
    return one.grey.tobytes() == other.grey.tobytes() and np.array_equal(one.rgb, other.rgb)


def measures(view: Small, limits: Limits, *, above: Mapping[str, float] | None = None) -> dict[str, float]:
    """Each of `MEASURES` of one picture, larger is worse, in units of its own.

    Args:
        above: of each, the value up to which nobody needs to know it: any up to it may come then. None for all exactly.
    """
    above = above or {}
    return {
        "black": faults.blackness(view),
        "dark": faults.darkness(view),
        "white": faults.whiteness(view),
        "sun": faults.sunniness(view),
        "smeared": faults.smear(view, above.get("smeared", 0.0)),
        "torn": faults.tear(view, above.get("torn", 0.0)),
        "filled": faults.filled(view, above.get("filled", 0.0)),
        "novel": novelty.distance(novelty.features(view), limits.mean, limits.whiten),
    }


def grade(value: float, limit: float) -> float:
    """A measure as 0..1: 0 up to its limit, a half at twice as much, towards 1 without end.

    >>> [round(grade(v, 2.0), 2) for v in (0, 2, 4, 1e9)]
    [0.0, 0.0, 0.5, 1.0]
    """
    return 1 - limit / value if value > limit else 0.0
