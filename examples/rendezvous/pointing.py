"""Where the chaser's camera looks, and through which lens: at the target, or for it while nobody knows where it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from examples.rendezvous.navigation import Belief

Array = NDArray[np.float64]
ZOOMS = (5.0, 10.0, 20.0, 40.0)
"""Horizontal fields of view, degrees, of the lens."""
_ACROSS = 0.3
"""Share of the picture that the target is to fill at most."""
_PATIENCE = 5
"""Frames without the target before it is looked for, and for how many each place is looked at."""
_STEP = 0.7
"""Between the places that are looked at, in pictures."""
_AROUND = ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))
_FARTHER = (
    (2, 0), (2, 1), (2, 2), (1, 2), (0, 2), (-1, 2), (-2, 2), (-2, 1),
    (-2, 0), (-2, -1), (-2, -2), (-1, -2), (0, -2), (1, -2), (2, -2), (2, -1),
)  # fmt: skip
_PLACES = np.array([*_AROUND, (0, 0), *_FARTHER, (0, 0)])
"""In turn; ahead again after each round, for a target may have been there and not been told from what is behind it."""


def zoom(metres: float, length_m: float) -> float:
    """The narrowest field of view, degrees, in which a target at that distance has room."""
    wanted = np.degrees(length_m / metres) / _ACROSS
    return next((fov for fov in ZOOMS if fov >= wanted), ZOOMS[-1])


def tangents(fov: float, width: int, height: int) -> tuple[float, float]:
    """Tangents of half the field of view, across and down, of a picture."""
    across = float(np.tan(np.radians(fov) / 2))
    return across, across * height / width


def turned_to(ray: Array) -> Array:
    """Axes (3, 3) of an optical frame, as rows, that looks along `ray` (3,), the Earth below."""
    z = ray / np.linalg.norm(ray)
    down = np.array([-1.0, 0.0, 0.0])
    x = np.cross(down, z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z])


def aimed(guess: Array, aside: tuple[float, float], half: tuple[float, float]) -> Array:
    """Axes (3, 3) as of `turned_to`, of a camera at `guess` (3,) that looks `aside` pictures past the target."""
    axes = turned_to(-guess)
    if aside == (0.0, 0.0):
        return axes
    return turned_to(axes[2] + 2 * aside[0] * half[0] * axes[0] + 2 * aside[1] * half[1] * axes[1])


class Search:
    """Looks around for a target that is not seen, while it may be beside the picture."""

    def __init__(self, length_m: float) -> None:
        self._length_m = length_m
        self._missed = 0

    def aside(self, belief: Belief) -> tuple[float, float]:
        """How many pictures past the believed place to look, right and down."""
        if self._missed < _PATIENCE:
            return 0.0, 0.0
        places = _PLACES[(np.abs(_PLACES) <= self._steps(belief)).all(1)]
        x, y = places[(self._missed // _PATIENCE - 1) % len(places)]
        return _STEP * float(x), _STEP * float(y)

    def looked(self, found: bool, watching: bool = False) -> None:
        """A frame came, with or without the target; somebody who may be the target is worth to look on."""
        self._missed = 0 if found else self._missed + (not watching)

    def _steps(self, belief: Belief) -> NDArray[np.intp]:
        """How many places (2,) to go right and down, or left and up, for all of a target within two deviations."""
        metres = float(np.linalg.norm(belief.mean[:3]))
        pictures = 2 * metres * np.array(tangents(zoom(metres, self._length_m), 4, 3))
        across = turned_to(-belief.mean[:3])[:2]
        deviation = np.sqrt(np.diag(across @ belief.covariance[:3, :3] @ across.T))
        half = np.minimum(self._length_m / 2 / pictures, 0.2)  # no place has room for one that fills the picture
        beside = 2 * deviation / pictures + half - 0.5
        return np.ceil(beside / _STEP).clip(0, 2).astype(np.intp)
