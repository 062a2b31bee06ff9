"""An extended Kalman filter on bearings, with ranges as weak measurements.

The state is that of `dynamics`, then what makes errors of neighbouring frames alike: where the middle that is seen lies
off the craft's, (3,) metres, and by how much the logarithm of the range is off. Both fade slowly (Gauss and Markov).
What is late is taken in its place in time: the filter goes back and comes again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from examples.rendezvous.dynamics import ACCELERATION, thrust_sigma, transition

Array = NDArray[np.float64]
STATES = 10
_GATE = 13.8
"""Bearings less likely than one in a thousand are somebody else's."""
_RANGE_GATE = 7.9
"""Ranges less likely than one in two hundred are of a craft half seen."""
_NEWCOMER_GATE = 3.8
"""A newcomer's range must be more likely than one in twenty: whom the filter takes for the target it keeps."""
_ITERATIONS = 4
_SHARED = 0.85
"""Share of a bearing's and of a range's variance that neighbouring frames have in common."""
_FADE_S = 45.0
_LAG_S = 12.0
"""What is later than this is dropped."""
_KNOWN_AFTER = 5
"""Sights of an identity that all fit, one after the other, before it is the target's."""


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """One craft in one frame: unit vector (3,) and covariance (3, 3) in the orbital frame; metres and deviation."""

    time: float
    identity: str
    direction: Array
    covariance: Array
    metres: float | None = None
    sigma: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Belief:
    """Mean (10,) and covariance (10, 10) at a time."""

    time: float
    mean: Array
    covariance: Array


@dataclass(slots=True)
class _Event:
    time: float
    impulse: Array | None
    sights: list[Sight] = field(default_factory=list)


class Filter:
    """Knows where the chaser is about the target.

    Args:
        mean, deviation: float64 (6,), what is known at the start.
        length_m: of the target, from which follows how far off its seen middle may be.
    """

    def __init__(self, mean: Array, deviation: Array, length_m: float) -> None:
        self._off = 0.055 * length_m
        self._range_off = 0.25
        covariance = np.diag([*np.square(deviation), *[self._off**2] * 3, self._range_off**2])
        self._beliefs = [Belief(0.0, np.array([*mean, 0, 0, 0, 0], np.float64), covariance)]
        self._events = [_Event(0.0, None)]
        self.identity = ""
        """Of the track that the target has."""
        self.accepted = self.refused = 0
        self._newcomers: dict[str, list[Sight]] = {}

    @property
    def belief(self) -> Belief:
        """The newest."""
        return self._beliefs[-1]

    def burn(self, impulse: Array) -> None:
        """Fire, at the time of the newest belief."""
        self._events[-1].impulse = impulse
        self._beliefs[-1] = self._carried(self.belief, self.belief.time, impulse)

    def go(self, time: float) -> Belief:
        """Drift to a time."""
        self._events.append(_Event(time, None))
        self._beliefs.append(self._carried(self.belief, time, None))
        while self._events[0].time < time - _LAG_S:
            self._events.pop(0)
            self._beliefs.pop(0)
        return self.belief

    def see(self, sights: list[Sight]) -> bool:
        """Take what a frame shows, now or late; whether the target was among it.

        Who has another identity than the target had is first watched. While nobody knows well where the target is, a
        craft that passes lies in its direction, and perhaps as far; but it does not move as the target must. Once
        it is known, all that was seen of it is taken, each in its place in time.
        """
        place = self._place(sights[0].time) if sights else None
        if place is None:
            return False
        fitting = [s for s in sights if self._misfit(self._beliefs[place], s) < _GATE]
        taken = [s for s in fitting if s.identity == self.identity][:1] or self._recognised(fitting)
        if not taken:
            self.refused += 1
            return False
        self.accepted += len(taken)
        self.identity = taken[-1].identity
        self._newcomers.clear()
        for sight in taken:
            self._take(sight)
        return True

    @property
    def watching(self) -> bool:
        """Whether somebody is in sight who may turn out to be the target."""
        return any(s.time >= self.belief.time - 1.5 for seen in self._newcomers.values() for s in seen)

    def _place(self, time: float) -> int | None:
        return next((i for i, event in enumerate(self._events) if abs(event.time - time) < 1e-6), None)

    def _recognised(self, fitting: list[Sight]) -> list[Sight]:
        """All sights of whoever fits long enough without the target's identity; of the best, if several do."""
        found: list[tuple[float, list[Sight]]] = []
        for identity, seen in list(self._newcomers.items()):
            seen[:] = [s for s in seen if self._place(s.time) is not None]
            if not seen:
                del self._newcomers[identity]
        for sight in fitting:
            seen = self._newcomers.setdefault(sight.identity, [])
            seen.append(sight)
            misfits = self._misfits(seen)
            while misfits and max(misfits) >= 1.0:
                del seen[0]
                misfits = self._misfits(seen)
            if len(seen) >= _KNOWN_AFTER:
                found.append((float(np.mean(misfits)), seen))
        return list(min(found, key=lambda pair: pair[0])[1]) if found else []

    def _misfits(self, seen: list[Sight]) -> list[float]:
        """Of each sight, from what is believed with those before it: of bearing or range, the worse, 1 at its gate."""
        misfits: list[float] = []
        belief: Belief | None = None
        for sight in sorted(seen, key=lambda s: s.time):
            place = self._place(sight.time)
            assert place is not None
            belief = self._beliefs[place] if belief is None else self._carried_on(belief, place)
            far = _range_misfit(belief.mean, belief.covariance, sight)
            misfits.append(max(self._misfit(belief, sight) / _GATE, far / _NEWCOMER_GATE))
            belief = self._updated(belief, sight)
        return misfits

    def _carried_on(self, belief: Belief, place: int) -> Belief:
        """To the event at `place`, burns and all, without what was seen on the way."""
        for event in self._events[: place + 1]:
            if event.time > belief.time:
                belief = self._carried(belief, event.time, event.impulse)
        return belief

    def _take(self, sight: Sight) -> None:
        place = self._place(sight.time)
        assert place is not None
        self._events[place].sights.append(sight)
        self._beliefs[place] = self._updated(self._beliefs[place], sight)
        for i in range(place + 1, len(self._events)):
            event = self._events[i]
            belief = self._carried(self._beliefs[i - 1], event.time, event.impulse)
            for seen in event.sights:
                belief = self._updated(belief, seen)
            self._beliefs[i] = belief

    def _misfit(self, belief: Belief, sight: Sight) -> float:
        residual, h, noise = _bearing(belief.mean, sight)
        spread = h @ belief.covariance @ h.T + noise
        return float(residual @ np.linalg.solve(spread, residual))

    def _carried(self, belief: Belief, time: float, impulse: Array | None) -> Belief:
        dt = time - belief.time
        phi = np.eye(STATES)
        phi[:6, :6] = transition(dt)
        fade = np.exp(-dt / _FADE_S)
        phi[6:, 6:] *= fade
        noise = np.zeros((STATES, STATES))
        q = ACCELERATION**2
        noise[:3, :3], noise[3:6, 3:6] = q * dt**3 / 3 * np.eye(3), q * dt * np.eye(3)
        noise[:3, 3:6] = noise[3:6, :3] = q * dt**2 / 2 * np.eye(3)
        noise[6:9, 6:9] = (1 - fade**2) * self._off**2 * np.eye(3)
        noise[9, 9] = (1 - fade**2) * self._range_off**2
        mean, covariance = phi @ belief.mean, phi @ belief.covariance @ phi.T + noise
        if impulse is not None:
            mean[3:6] += impulse
            covariance[3:6, 3:6] += thrust_sigma(impulse) ** 2 * np.eye(3)
        return Belief(time, mean, covariance)

    def _updated(self, belief: Belief, sight: Sight) -> Belief:
        # Bearings are far more exact than the first guess of range, so the line of sight has to be found anew before
        # the covariance is laid along it (iterated filter; Jazwinski, 1970).
        mean = belief.mean
        for _ in range(_ITERATIONS):
            residual, h, noise = _bearing(mean, sight)
            mean, covariance = _corrected(belief.mean, belief.covariance, residual - h @ (belief.mean - mean), h, noise)
        if sight.metres is not None and _range_misfit(mean, covariance, sight) < _RANGE_GATE:
            mean, covariance = _corrected(mean, covariance, *_range(mean, sight))
        return replace(belief, mean=mean, covariance=covariance)


def _bearing(mean: Array, sight: Sight) -> tuple[Array, Array, Array]:
    """Residual (2,), its matrix (2, 10) and noise (2, 2), across the line from the chaser to the craft's middle.

    The residual is measured in the plane across that line, where the offset of what is seen adds up with it. Laid
    across the line to what is seen, the plane turns with each error: many of them seem to tell of range, and tell that
    the craft is nearer than it is (Aidala and Nardone, 1982). Most of that is gone so; coordinates of range and angle
    would rid the filter of the rest.
    """
    ray = -mean[:3]
    metres = float(np.linalg.norm(ray))
    line = ray / metres
    basis = np.linalg.svd(line[None])[2][1:]
    h = np.zeros((2, STATES))
    h[:, :3], h[:, 6:9] = -basis / metres, basis / metres
    noise = (1 - _SHARED) * basis @ sight.covariance @ basis.T + 1e-10 * np.eye(2)
    ahead = max(float(line @ sight.direction), 0.1)
    return basis @ sight.direction / ahead - basis @ mean[6:9] / metres, h, noise


def _range(mean: Array, sight: Sight) -> tuple[Array, Array, Array]:
    assert sight.metres is not None and sight.sigma is not None
    metres = float(np.linalg.norm(mean[:3]))
    h = np.zeros((1, STATES))
    h[0, :3], h[0, 9] = mean[:3] / metres**2, 1.0
    residual = np.array([np.log(sight.metres) - np.log(metres) - mean[9]])
    return residual, h, np.array([[(1 - _SHARED) * (sight.sigma / sight.metres) ** 2 + 0.01]])


def _range_misfit(mean: Array, covariance: Array, sight: Sight) -> float:
    """Chi-square of one degree of freedom if the range is the target's; 0 where none is told."""
    if sight.metres is None:
        return 0.0
    residual, h, noise = _range(mean, sight)
    return float(residual @ np.linalg.solve(h @ covariance @ h.T + noise, residual))


def _corrected(mean: Array, covariance: Array, residual: Array, h: Array, noise: Array) -> tuple[Array, Array]:
    """Joseph's form, which keeps a covariance one."""
    gain = np.linalg.solve(h @ covariance @ h.T + noise, h @ covariance).T
    keep = np.eye(STATES) - gain @ h
    return mean + gain @ residual, keep @ covariance @ keep.T + gain @ noise @ gain.T


def nees(belief: Belief, truth: Array) -> float:
    """Normalised error squared of position and velocity: chi-square of six degrees of freedom if all is well."""
    error = belief.mean[:6] - truth
    return float(error @ np.linalg.solve(belief.covariance[:6, :6], error))
