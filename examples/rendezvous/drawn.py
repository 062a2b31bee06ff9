"""Flights without pictures: sights are drawn as wrong as `tracking.calibration` says that they are, in no time.

What is drawn: bearings and ranges about the truth, whose errors mostly stay from frame to frame, as those of a craft
that turns slowly do; a second craft's sights; no sight where the target is outside the picture, cut off by its border,
behind the other craft, or in the Sun's glare, mostly. What is not: a student that is wrong in its own ways, which
takes pictures to find out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afss_ros.camera import CameraInfo
from afss_ros.tracking import bearing, calibration, ranging
from afss_ros.tracking.rays import Rays
from examples.rendezvous.navigation import Sight
from examples.rendezvous.pointing import aimed, tangents, zoom
from examples.rendezvous.world import View

Array = NDArray[np.float64]
_OFF = 0.06
"""Standard deviation of where the middle that is seen lies off the craft's, in lengths."""
_SHARED = 0.85
"""Share of the variance that neighbouring frames have in common, and the seconds after which that is another error."""
_FADE_S = 45.0
_SEEN_IN_GLARE = 0.3


class Drawn:
    """Both a world to look at and somebody who perceives it; the same seed always makes the same one."""

    def __init__(self, seed: int, width: int = 256) -> None:
        self._rng = np.random.default_rng([seed, 21])
        self._size = width, width * 3 // 4
        self.length_m = float(np.exp(self._rng.uniform(np.log(4.0), np.log(16.0))))
        self._shape = float(self._rng.uniform(0.4, 1.0))
        self._common = self._rng.normal(size=3)
        self._before: float | None = None
        self._scene: tuple[Array, bool, float | None] | None = None

    def close(self) -> None:
        """There is nothing to close."""

    def look(
        self,
        time: float,
        chaser: Array,
        guess: Array,
        *,
        glare: bool = False,
        visitor: float | None = None,
        aside: tuple[float, float] = (0.0, 0.0),
    ) -> View:
        """As `World.look`, with an empty picture; what there is to see is kept for the call that follows."""
        self._scene = chaser, glare, visitor
        fov = zoom(float(np.linalg.norm(guess)), self.length_m)
        width, height = self._size
        camera = CameraInfo.pinhole(width, height, float(np.radians(fov)))
        to_optical = aimed(guess, aside, tangents(fov, width, height))
        return View(np.zeros((height, width, 3), np.uint8), camera, to_optical)

    def __call__(self, time: float, view: View) -> list[Sight]:
        """Draw the sights of what was looked at last."""
        assert self._scene is not None
        chaser, glare, visitor = self._scene
        fade = np.exp(-(time - self._before) / _FADE_S) if self._before is not None else 0.0
        self._before = time
        self._common = fade * self._common + np.sqrt(1 - fade**2) * self._rng.normal(size=3)
        place = view.to_optical @ -chaser
        other = self._visitor(view, visitor)
        sights = [] if other is None else [self._sight(time, "2", other, view, self._rng.normal(size=3))]
        hidden = other is not None and _apart(other, place) < self.length_m / np.linalg.norm(place)
        dazzled = glare and self._rng.random() > _SEEN_IN_GLARE
        if not (hidden or dazzled) and self._whole(place, view):
            sights.append(self._sight(time, "1", place, view, self._common))
        return sights

    def _whole(self, place: Array, view: View) -> bool:
        """Whether all of a craft at `place` (3,) is in the picture."""
        if place[2] <= 0:
            return False
        focal = view.camera.k[0, 0]
        at = focal * np.abs(place[:2]) / place[2] + focal * self.length_m / np.linalg.norm(place) / 2
        return bool((at < np.array(self._size) / 2).all())

    def _visitor(self, view: View, visitor: float | None) -> Array | None:
        if visitor is None:
            return None
        half = np.array(self._size) / 2 / view.camera.k[0, 0]
        return np.array([(1.6 * visitor - 0.8) * half[0], 0.3 * half[1] * (1 - visitor), 1.0])

    def _sight(self, time: float, identity: str, place: Array, view: View, common: Array) -> Sight:
        rays = Rays(view.camera)
        metres = float(np.linalg.norm(place)) if identity == "1" else 100.0
        diameter = rays.focal * self.length_m / metres
        sides = diameter * np.array([1.0, self._shape]) / np.hypot(1.0, self._shape)
        at = rays.focal * place[:2] / place[2] + np.array(self._size) / 2
        box = np.concatenate([at - sides / 2, at + sides / 2])
        off = np.sqrt(_SHARED) * common + np.sqrt(1 - _SHARED) * self._rng.normal(size=3)
        seen = box + np.tile(_OFF * diameter * off[:2], 2)
        told = bearing.bearing(rays, seen, None, at_border=False)
        bias, sigma = calibration.range_error(diameter)
        far = ranging.from_length(diameter * float(np.exp(-bias - sigma * off[2])), rays.focal, self.length_m)
        return Sight(
            time, identity, told.direction, told.covariance, far.metres if far else None, far.sigma if far else None
        )


def _apart(a: Array, b: Array) -> float:
    """The angle between two directions, rad."""
    return float(np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1)))
