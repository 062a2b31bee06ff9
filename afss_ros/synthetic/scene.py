"""A scene as plain values: everything the renderer and the camera need for one frame.

Camera frame: x right, y up, looking along -z, metres; the camera is at the origin.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.craft.model import Craft

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Placed:
    """A craft in the camera frame. `instance` 1.. marks its pixels; distractors carry label id 0 and instance 0."""

    craft: Craft
    rotation: Vector
    translation: Vector
    instance: int
    design: int


@dataclass(frozen=True, slots=True)
class Planet:
    """A body behind the craft; lengths in its radii. Kinds: 1 Earth, 2 rock, 3 banded, 4 plain."""

    kind: int
    center: Vector
    to_fixed: Vector
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    second: tuple[float, float, float] = (0.5, 0.5, 0.5)
    air: tuple[float, float, float] = (0.35, 0.6, 1.0)
    air_height: float = 0.0
    brightness: float = 1.0
    saturation: float = 1.0
    lights: float = 0.0
    cloud: float = 0.5
    cloud_soft: float = 0.2
    cloud_scale: float = 1.0
    detail: float = 1.0
    puffs: float = 0.5
    offset: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    cloud_axis: Vector | None = None
    """Planet-fixed direction (3,) above which clouds are drawn without distortion; the camera's subpoint if None."""


@dataclass(frozen=True, slots=True)
class Light:
    """Illumination of the craft. Directions point towards the light, unit length."""

    sun: Vector
    sun_color: Vector
    ambient: Vector
    fill: Vector
    fill_direction: Vector


@dataclass(frozen=True, slots=True)
class Sky:
    """What fills the frame behind planets: a gradient, a glow, a nebula, stars."""

    low: Vector = field(default_factory=lambda: np.zeros(3))
    high: Vector = field(default_factory=lambda: np.zeros(3))
    axis: tuple[float, float] = (0.0, 1.0)
    glow: Vector = field(default_factory=lambda: np.zeros(3))
    glow_place: tuple[float, float, float] = (0.0, 0.0, 1.0)
    nebula: Vector = field(default_factory=lambda: np.zeros(3))
    nebula_shape: tuple[float, float, float, float] = (1.0, 0.5, 0.0, 0.0)
    star_density: float = 0.0
    star_brightness: float = 0.5


@dataclass(frozen=True, slots=True)
class Scene:
    """One frame's world. `tangent` is tan of half the field of view (x, y), for the craft and for the sky."""

    width: int
    height: int
    tangent: tuple[float, float]
    sky_tangent: tuple[float, float]
    craft: tuple[Placed, ...]
    planets: tuple[Planet, ...]
    light: Light
    sky: Sky
    cyclones: NDArray[np.float64]
    kind: str
