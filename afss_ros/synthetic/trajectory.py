"""One craft seen over time: approach, fly-around, tumble.

The inertial frame has the craft at its origin; the camera moves, the craft may turn, the Earth stands far away and
turns slowly below. Every frame becomes a `Scene` in the camera's own frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.craft.grammar import design
from afss_ros.synthetic.craft.model import Craft
from afss_ros.synthetic.draw import design_seed, sample_rng
from afss_ros.synthetic.errors import SyntheticError
from afss_ros.synthetic.meshes import rotation_about
from afss_ros.synthetic.planets import draw_cyclones, draw_earth, random_rotation, unit
from afss_ros.synthetic.scene import Light, Placed, Planet, Scene, Sky
from afss_ros.synthetic.sky import Stars, stars_all_around

Vector = NDArray[np.float64]
MOTIONS = ("approach", "flyaround", "tumble")
SEVERAL = ("crossing", "covering", "return", "traffic")
"""Motions of several craft, see `encounter`."""
FOV_DEGREES = 40.0
"""Horizontal field of view of the trajectory's camera, for craft and sky alike."""


@dataclass(frozen=True, slots=True)
class Trajectory:
    """A motion of `frames` frames over a fixed world; the same arguments always make the same trajectory.

    `to_world` turns the camera frame of the first frame into the inertial frame.
    """

    motion: str
    frames: int
    width: int
    height: int
    craft: Craft
    design: int
    attitude: Vector
    spin_axis: Vector
    earth: Planet
    sun: Vector
    cyclones: NDArray[np.float64]
    stars: Stars

    @property
    def tangent(self) -> tuple[float, float]:
        """Tan of half the field of view (x, y)."""
        t = float(np.tan(np.radians(FOV_DEGREES) / 2))
        return t, t * self.height / self.width

    def camera(self, frame: int) -> tuple[Vector, Vector]:
        """Where the camera is (3,) metres, and its axes in the inertial frame, (3, 3) columns x, y, z."""
        t = frame / max(self.frames - 1, 1)
        fitting = self.craft.radius / min(self.tangent)
        if self.motion == "approach":
            distance, swing = fitting * 6.0 ** (1 - t) * 0.9, 0.25 * np.sin(2.0 * t)
        elif self.motion == "tumble":
            distance, swing = 1.35 * fitting, 0.0
        else:
            distance, swing = fitting * (1.4 - 0.35 * np.sin(np.pi * t)), 1.5 * t - 0.75
        axes = rotation_about((0.15, 1.0, 0.1), float(swing)).astype(np.float64)
        drift = 0.12 * self.craft.radius * np.array([np.sin(4.0 * t), np.cos(3.0 * t), 0.0])
        return axes @ (np.array([0.0, 0.0, distance]) + drift), axes

    def scene(self, frame: int) -> Scene:
        """What the camera sees in one frame."""
        t = frame / max(self.frames - 1, 1)
        position, axes = self.camera(frame)
        turn = 0.5 * t if self.motion == "flyaround" else (1.2 * t if self.motion == "approach" else 6.0 * t)
        attitude = rotation_about(self.spin_axis, turn) @ self.attitude
        placed = Placed(self.craft, axes.T @ attitude, -axes.T @ position, 1, self.design)
        orbit = rotation_about((0.3, 0.0, 1.0), 0.03 * t)
        earth = replace(self.earth, center=axes.T @ self.earth.center, to_fixed=self.earth.to_fixed @ orbit @ axes)
        fill = np.full(3, 0.12)
        light = Light(
            axes.T @ self.sun, np.array([1.25, 1.2, 1.12]), np.full(3, 0.02), fill, np.array([0.0, 0.3, 0.95])
        )
        return Scene(
            self.width, self.height, self.tangent, self.tangent, (placed,), (earth,), light, Sky(),
            self.cyclones, self.motion,
        )  # fmt: skip

    def stars_before(self, frame: int) -> Stars:
        """The stars in the camera frame."""
        return replace(self.stars, directions=self.stars.directions @ self.camera(frame)[1])

    def __iter__(self) -> Iterator[Scene]:
        return (self.scene(frame) for frame in range(self.frames))


def draw_trajectory(motion: str, frames: int, width: int, height: int, seed: int, split: str = "test") -> Trajectory:
    """A random craft of `split`, a sunlit Earth with its limb in view, and a sun that lights both.

    Raises:
        SyntheticError: an unknown motion, or no frames.
    """
    if motion not in MOTIONS:
        raise SyntheticError(f"motion must be one of {', '.join(MOTIONS + SEVERAL)}, got {motion!r}")
    if frames < 1:
        raise SyntheticError(f"a trajectory has at least one frame, got {frames}")
    rng = sample_rng(seed, split, 0)
    number = design_seed(rng, split)
    tangent = float(np.tan(np.radians(FOV_DEGREES) / 2))
    earth = replace(draw_earth(rng, "limb", (tangent, tangent * height / width)), lights=0.6, brightness=1.0)
    earth = replace(earth, cloud_axis=earth.to_fixed @ unit(-earth.center))
    below = -unit(earth.center)
    sun = unit(np.array([rng.uniform(-1, 1), 0.2, 0.8]) + 0.9 * below)
    return Trajectory(
        motion, frames, width, height, design(number), number, random_rotation(rng),
        unit(rng.standard_normal(3)), earth, sun, draw_cyclones(rng), stars_all_around(rng, 9000, 0.5),
    )  # fmt: skip
