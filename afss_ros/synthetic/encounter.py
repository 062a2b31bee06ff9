"""Several craft seen over time: they cross, cover each other, leave the picture and come back.

As `trajectory`, with which it shares camera and world; here the craft's ways are drawn in the picture, because what is
tested with them, whether identities hold, is decided there. The camera pans slowly and stays where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.craft.grammar import design
from afss_ros.synthetic.craft.model import Craft
from afss_ros.synthetic.craft.rock import scaled
from afss_ros.synthetic.draw import design_seed, sample_rng
from afss_ros.synthetic.errors import SyntheticError
from afss_ros.synthetic.meshes import rotation_about
from afss_ros.synthetic.planets import draw_cyclones, draw_earth, random_rotation, unit
from afss_ros.synthetic.scene import Light, Placed, Planet, Scene, Sky
from afss_ros.synthetic.sky import Stars, stars_all_around
from afss_ros.synthetic.trajectory import FOV_DEGREES, SEVERAL

Vector = NDArray[np.float64]
Way = Callable[[float], tuple[float, float]]
"""Time in 0..1 to the place in the picture, x right and y up, -1..1 from edge to edge."""
ENCOUNTERS = SEVERAL


@dataclass(frozen=True, slots=True)
class Actor:
    """A craft with its way: where it is in the picture, how many metres away (at t = 0 and 1), how it turns."""

    craft: Craft
    design: int
    attitude: Vector
    spin_axis: Vector
    spin: float
    way: Way
    distance: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Encounter:
    """A motion of `frames` frames over a fixed world; the same arguments always make the same encounter."""

    motion: str
    frames: int
    width: int
    height: int
    actors: tuple[Actor, ...]
    earth: Planet
    sun: Vector
    cyclones: NDArray[np.float64]
    stars: Stars
    pan: float

    @property
    def tangent(self) -> tuple[float, float]:
        """Tan of half the field of view (x, y)."""
        t = float(np.tan(np.radians(FOV_DEGREES) / 2))
        return t, t * self.height / self.width

    def _time(self, frame: int) -> float:
        return frame / max(self.frames - 1, 1)

    def camera(self, frame: int) -> tuple[Vector, Vector]:
        """Where the camera is (3,) metres, and its axes in the inertial frame, (3, 3) columns x, y, z."""
        axes = rotation_about((0.2, 1.0, 0.0), self.pan * self._time(frame)).astype(np.float64)
        return np.zeros(3), axes

    def scene(self, frame: int) -> Scene:
        """What the camera sees in one frame."""
        t = self._time(frame)
        axes = self.camera(frame)[1]
        earth = replace(self.earth, center=axes.T @ self.earth.center, to_fixed=self.earth.to_fixed @ axes)
        light = Light(
            axes.T @ self.sun, np.array([1.25, 1.2, 1.12]), np.full(3, 0.02), np.full(3, 0.12),
            np.array([0.0, 0.3, 0.95]),
        )  # fmt: skip
        placed = tuple(self._placed(actor, number, t) for number, actor in enumerate(self.actors, 1))
        return Scene(
            self.width, self.height, self.tangent, self.tangent, placed, (earth,), light, Sky(), self.cyclones,
            self.motion,
        )  # fmt: skip

    def _placed(self, actor: Actor, number: int, t: float) -> Placed:
        x, y = actor.way(t)
        near, far = actor.distance
        depth = near ** (1 - t) * far**t
        place = depth * np.array([x * self.tangent[0], y * self.tangent[1], -1.0])
        turned = rotation_about(actor.spin_axis, actor.spin * t) @ actor.attitude
        return Placed(actor.craft, turned, place, number, actor.design)

    def stars_before(self, frame: int) -> Stars:
        """The stars in the camera frame."""
        return replace(self.stars, directions=self.stars.directions @ self.camera(frame)[1])

    def __iter__(self) -> Iterator[Scene]:
        return (self.scene(frame) for frame in range(self.frames))


def _straight(start: tuple[float, float], end: tuple[float, float]) -> Way:
    (x0, y0), (x1, y1) = start, end
    return lambda t: (x0 + (x1 - x0) * t, y0 + (y1 - y0) * t)


def _out_and_back(x: float, y: float, out: float) -> Way:
    """From (x, y) beyond the edge at `out`, and home again; outside between 0.4 and 0.6 of the time or so."""
    return lambda t: (x + (out - x) * float(np.sin(np.pi * t)) ** 2, y)


def _ways(rng: np.random.Generator, motion: str) -> list[tuple[Way, float, float]]:
    """For each craft its way, its size in heights of the picture, and a spread of how it comes nearer."""
    side = float(rng.choice([-1.0, 1.0]))
    y = float(rng.uniform(-0.25, 0.25))
    near, far = float(rng.uniform(0.28, 0.45)), float(rng.uniform(0.15, 0.3))
    if motion == "crossing":
        slope = float(rng.uniform(-0.35, 0.35))
        return [
            (_straight((-0.8 * side, y - slope), (0.8 * side, y + slope)), near, 1.0),
            (_straight((0.75 * side, y + slope), (-0.75 * side, y - slope)), far, 1.15),
        ]
    if motion == "covering":
        return [
            (_straight((-0.95 * side, y), (0.95 * side, y + 0.1)), 1.3 * near, 1.0),
            (_straight((0.08 * side, y), (-0.08 * side, y + 0.05)), 0.7 * far, 1.0),
        ]
    if motion == "return":
        return [
            (_straight((-0.3 * side, -0.35), (-0.2 * side, -0.3)), far, 0.85),
            (_out_and_back(0.35 * side, 0.3, 1.7 * side), near, 1.0),
        ]
    return [
        (_straight((-1.5 * side, -0.1), (1.4 * side, 0.25)), far, 1.0),
        (_straight((0.5 * side, 1.5), (-0.4 * side, -1.5)), far, 1.0),
        (_straight((0.2 * side, -0.15), (-0.1 * side, 0.05)), near, 0.9),
    ]


def draw_encounter(motion: str, frames: int, width: int, height: int, seed: int, split: str = "test") -> Encounter:
    """Random craft of `split` on ways of a kind, before a sunlit Earth.

    Raises:
        SyntheticError: an unknown motion, or no frames.
    """
    if motion not in ENCOUNTERS:
        raise SyntheticError(f"motion must be one of {', '.join(ENCOUNTERS)}, got {motion!r}")
    if frames < 1:
        raise SyntheticError(f"an encounter has at least one frame, got {frames}")
    rng = sample_rng(seed, split, 1 + ENCOUNTERS.index(motion))
    tangent = float(np.tan(np.radians(FOV_DEGREES) / 2))
    across = tangent * height / width
    earth = replace(draw_earth(rng, "limb", (tangent, across)), lights=0.6, brightness=1.0)
    earth = replace(earth, cloud_axis=earth.to_fixed @ unit(-earth.center))
    sun = unit(np.array([rng.uniform(-1, 1), 0.2, 0.8]) - 0.9 * unit(earth.center))
    actors: list[Actor] = []
    clear = 0.0
    for way, size, nearer in _ways(rng, motion):
        number = design_seed(rng, split)
        craft = design(number)
        # The first is nearest, whatever its design: it is the one that covers the others.
        distance = max(craft.radius / (size * across), 1.3 * clear)
        craft = scaled(craft, distance * size * across / craft.radius)
        clear = distance * max(nearer, 1.0) + 2 * craft.radius
        spin = float(rng.uniform(-1.5, 1.5))
        axis, attitude = unit(rng.standard_normal(3)), random_rotation(rng)
        actors.append(Actor(craft, number, attitude, axis, spin, way, (distance, distance * nearer)))
    return Encounter(
        motion, frames, width, height, tuple(actors), earth, sun, draw_cyclones(rng),
        stars_all_around(rng, 9000, 0.5), float(rng.uniform(-0.15, 0.15)),
    )  # fmt: skip
