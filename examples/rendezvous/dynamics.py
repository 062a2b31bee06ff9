"""Relative motion near a circular orbit (Clohessy and Wiltshire, 1960).

States are float64 (6,): position and velocity of the chaser about the target, metres and m/s, x away from the Earth, y
along the orbit, z across it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
MEAN_MOTION = 0.0011
"""rad/s, in low Earth orbit."""

ACCELERATION = 2e-4
"""m/s²/sqrt(Hz) that nobody models."""


def thrust_sigma(impulse: Array) -> float:
    """Standard deviation, m/s, of each component of an impulse (3,), as the thrusters' maker would state it."""
    return float(0.01 * np.linalg.norm(impulse) + 0.001)


def thrust_error(impulse: Array, rng: np.random.Generator) -> Array:
    """By how much (3,) a burn misses its impulse (3,)."""
    return rng.normal(0, thrust_sigma(impulse), 3)


def transition(dt: float, n: float = MEAN_MOTION) -> Array:
    """The matrix (6, 6) that carries a state over `dt` seconds of drift."""
    s, c = np.sin(n * dt), np.cos(n * dt)
    return np.array(
        [
            [4 - 3 * c, 0, 0, s / n, 2 * (1 - c) / n, 0],
            [6 * (s - n * dt), 1, 0, -2 * (1 - c) / n, (4 * s - 3 * n * dt) / n, 0],
            [0, 0, c, 0, 0, s / n],
            [3 * n * s, 0, 0, c, 2 * s, 0],
            [-6 * n * (1 - c), 0, 0, -2 * s, 4 * c - 3, 0],
            [0, 0, -n * s, 0, 0, c],
        ]
    )


def impulse_to(state: Array, goal: Array, dt: float) -> Array:
    """The change of velocity (3,) after which drift passes `goal` (3,) in `dt` seconds."""
    phi = transition(dt)
    wanted = np.linalg.solve(phi[:3, 3:], goal - phi[:3, :3] @ state[:3])
    return np.asarray(wanted - state[3:], np.float64)


WAYPOINTS = (
    (0.0, (0.0, -500.0, 0.0)),
    (60.0, (60.0, -360.0, 35.0)),
    (120.0, (-45.0, -230.0, -30.0)),
    (180.0, (30.0, -120.0, 20.0)),
    (240.0, (-8.0, -55.0, -6.0)),
    (300.0, (0.0, -20.0, 0.0)),
)
"""Seconds and places: a way that swings aside, for bearings alone say nothing of range along a straight one."""
