"""How a box moves: centre and size with a constant velocity each (Kalman, 1960).

Four channels that know nothing of each other: x and y of the centre in pixels, and the logarithms of width and height,
so that a craft that comes nearer grows by a factor. Each has a value and its rate, in plain floats: for two numbers
NumPy would take ten times as long.
"""

from __future__ import annotations

from math import exp, hypot, log, sqrt

import numpy as np
from numpy.typing import NDArray

_ACCELERATION = (0.8, 0.8, 0.35, 0.35)
"""Standard deviation of a channel's acceleration: diagonals of the box per s², and 1/s²."""
_MEASURED = (0.03, 0.03, 0.06, 0.06)
"""Standard deviation of a measurement: diagonals of the box, and logarithms."""
_PIXEL = 0.7
_RATE_AT_START = (1.5, 1.5, 0.4, 0.4)
_SIZE_FADE = 0.9
"""What is left of the rates of size after each prediction: a craft that is unseen keeps its size."""
_DECAY_S = 2.0
"""Seconds after which a rate that nobody measures has faded to 1/e: nothing goes on for ever."""


class Motion:
    """The motion of one box, from the moment it is first seen."""

    __slots__ = ("_p00", "_p01", "_p11", "_rate", "_value")

    def __init__(self, box: NDArray[np.float64]) -> None:
        self._value = _channels(box)
        self._rate = [0.0] * 4
        noise = self._noise()
        self._p00 = noise[:]
        self._p01 = [0.0] * 4
        diagonal = self.diagonal
        self._p11 = [(s * (diagonal if i < 2 else 1.0)) ** 2 for i, s in enumerate(_RATE_AT_START)]

    @property
    def diagonal(self) -> float:
        """Of the box, pixels."""
        return max(hypot(exp(self._value[2]), exp(self._value[3])), 1.0)

    @property
    def velocity(self) -> tuple[float, float]:
        """Of the centre, px/s."""
        return self._rate[0], self._rate[1]

    @property
    def spread(self) -> float:
        """Standard deviation of the centre, pixels, the larger of x and y."""
        return sqrt(max(self._p00[0], self._p00[1]))

    @property
    def box(self) -> NDArray[np.float64]:
        """float64 (4,), xyxy."""
        x, y, w, h = self._value[0], self._value[1], exp(self._value[2]) / 2, exp(self._value[3]) / 2
        return np.array([x - w, y - h, x + w, y + h])

    def predict(self, dt: float) -> None:
        """Go on by `dt` seconds."""
        fade = exp(-dt / _DECAY_S) if dt > 0.5 else 1.0
        diagonal = self.diagonal
        for i in range(4):
            q = (_ACCELERATION[i] * (diagonal if i < 2 else 1.0)) ** 2
            self._value[i] += dt * self._rate[i]
            self._rate[i] *= fade if i < 2 else fade * fade * _SIZE_FADE
            self._p00[i] += dt * (2 * self._p01[i] + dt * self._p11[i]) + q * dt**4 / 4
            self._p01[i] += dt * self._p11[i] + q * dt**3 / 2
            self._p11[i] += q * dt * dt
        self._value[2] = min(self._value[2], 12.0)
        self._value[3] = min(self._value[3], 12.0)

    def update(self, box: NDArray[np.float64], loosely: float = 1.0, sides: bool = True) -> None:
        """Take a measured box; `loosely` multiplies its noise, and without `sides` only its centre counts."""
        measured, noise = _channels(box), self._noise()
        for i in range(4 if sides else 2):
            s = self._p00[i] + noise[i] * loosely * loosely
            k0, k1 = self._p00[i] / s, self._p01[i] / s
            innovation = measured[i] - self._value[i]
            self._value[i] += k0 * innovation
            self._rate[i] += k1 * innovation
            self._p11[i] -= k1 * self._p01[i]
            self._p01[i] -= k0 * self._p01[i]
            self._p00[i] -= k0 * self._p00[i]

    def update_cut(
        self,
        box: NDArray[np.float64],
        before: NDArray[np.float64],
        cut: tuple[bool, bool, bool, bool],
        dt: float,
    ) -> None:
        """Take a box that the border cuts: it is where the box is, and its free sides say how the craft moves.

        Args:
            box, before: float64 (4,), now and `dt` seconds ago.
            cut: which sides, left, top, right, bottom, are the border's.
        """
        self._value = _channels(box)
        noise = self._noise()
        for axis in (0, 1):
            free = [side for side in (axis, axis + 2) if not cut[side]]
            if free:
                rate = sum(float(box[side] - before[side]) for side in free) / len(free) / dt
                self._rate[axis] += 0.5 * (rate - self._rate[axis])
            self._rate[axis + 2] *= 0.5
        for i in range(4):
            self._p00[i] = max(self._p00[i], 2 * noise[i])
            self._p01[i] = 0.0

    def _noise(self) -> list[float]:
        diagonal = self.diagonal
        return [
            (s * diagonal) ** 2 + _PIXEL**2 if i < 2 else s * s + (_PIXEL / diagonal) ** 2
            for i, s in enumerate(_MEASURED)
        ]


def _channels(box: NDArray[np.float64]) -> list[float]:
    x0, y0, x1, y1 = (float(v) for v in box)
    return [(x0 + x1) / 2, (y0 + y1) / 2, log(max(x1 - x0, 1.0)), log(max(y1 - y0, 1.0))]
