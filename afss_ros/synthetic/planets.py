"""Earth, Moon and other planets, placed before a camera at random."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.meshes import frame_along, rotation_about
from afss_ros.synthetic.scene import Planet

Vector = NDArray[np.float64]
LAND = (
    (48, 10), (38, -82), (38, -115), (22, -100), (22, 78), (33, 113), (36, 138), (5, 103), (-15, -50), (-33, -63),
    (22, 5), (8, 10), (26, 45), (-25, 25), (-25, 135), (55, 80), (62, 100), (60, -110), (75, -40), (40, 35),
    (52, -2), (-5, 20),
)  # fmt: skip
"""Places on land, latitude and longitude in degrees: from a random point, two views of three show only water."""


def random_rotation(rng: np.random.Generator) -> Vector:
    """A rotation (3, 3), uniform over all orientations (a random unit quaternion)."""
    w, x, y, z = (q := rng.standard_normal(4)) / np.linalg.norm(q)
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip


def facing(rng: np.random.Generator, center: Vector, place: tuple[float, float]) -> Vector:
    """Camera frame to planet-fixed axes, such that the subpoint of a camera at the origin is near a place."""
    lat, lon = np.radians(np.array(place) + rng.normal(0, 12, 2))
    subpoint = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    turn = rotation_about((0, 0, 1), float(rng.uniform(0, 2 * np.pi)))
    return np.asarray(frame_along(subpoint) @ turn @ frame_along(-center).T, np.float64)


def unit(v: Vector) -> Vector:
    """The direction of a vector."""
    return np.asarray(v / np.linalg.norm(v), np.float64)


def _center(rng: np.random.Generator, kind: str, tangent: tuple[float, float]) -> Vector:
    """Where the planet's centre stands so that its limb crosses, or its disc fills, the frame."""
    half = float(np.arctan(min(tangent)))
    if kind == "disc":
        radius = half * float(rng.uniform(0.2, 0.95) if rng.random() < 0.75 else np.exp(rng.uniform(-3.5, -1.6)))
        off, distance = half * float(rng.uniform(0.0, 1.3)), 1 / np.sin(radius)
    else:
        distance = 1 + float(np.exp(rng.uniform(np.log(0.03), np.log(1.2))))
        radius = float(np.arcsin(1 / distance))
        if kind == "ground":
            off = max(radius - half * float(rng.uniform(1.3, 3.0)), 0.0)
        else:
            off = radius + half * float(rng.uniform(-1.1, 0.9))
    around = -np.pi / 2 + rng.normal(0, 0.5) if rng.random() < 0.65 else rng.uniform(0, 2 * np.pi)
    off = min(off, 0.97 * np.pi / 2 + 0.5)
    direction = np.array([np.sin(off) * np.cos(around), np.sin(off) * np.sin(around), -np.cos(off)])
    return np.asarray(distance * direction, np.float64)


def draw_earth(rng: np.random.Generator, kind: str, tangent: tuple[float, float]) -> Planet:
    """The Earth for one of `backgrounds.EARTH_KINDS`."""
    style = rng.random()
    tint, air = np.ones(3), np.array([0.3, 0.55, 1.0])
    if style < 0.3:
        tint = np.exp(rng.normal(0, 0.16, 3))
        air = np.array([rng.uniform(0.1, 0.5), rng.uniform(0.35, 0.8), 1.0])
    overcast = rng.random()
    center = _center(rng, kind, tangent)
    over_land = rng.random() < 0.6
    return Planet(
        kind=1,
        center=center,
        to_fixed=facing(rng, center, LAND[int(rng.integers(len(LAND)))]) if over_land else random_rotation(rng),
        tint=(float(tint[0]), float(tint[1]), float(tint[2])),
        air=(float(air[0]), float(air[1]), float(air[2])),
        air_height=float(np.exp(rng.uniform(np.log(0.004), np.log(0.035)))),
        brightness=float(rng.uniform(0.5, 1.4)),
        saturation=float(rng.uniform(0.6, 1.6)),
        lights=float(rng.uniform(0.3, 1.6)) if kind == "night" or rng.random() < 0.5 else 0.0,
        cloud=float(rng.uniform(0.15, 0.4) if overcast < 0.35 else rng.uniform(0.4, 0.72)),
        cloud_soft=float(rng.uniform(0.08, 0.6)),
        cloud_scale=float(np.exp(rng.uniform(np.log(0.6), np.log(2.2 if kind == "disc" else 5.0)))),
        detail=float(rng.uniform(0.3, 1.2)),
        puffs=float(rng.uniform(0, 1)),
        offset=tuple(float(v) for v in rng.uniform(0, 1, 4)),  # type: ignore[arg-type]
    )


def draw_other(rng: np.random.Generator, tangent: tuple[float, float], *, small: bool = False) -> Planet:
    """The Moon, a rocky, banded or plain planet."""
    kind = int(rng.choice([2, 2, 3, 4]))
    hue = rng.choice([0, 1, 2, 3])
    tint = np.array([(0.5, 0.5, 0.5), (0.7, 0.38, 0.2), (0.7, 0.6, 0.45), (0.35, 0.5, 0.75)][hue]) * rng.uniform(
        0.5, 1.2
    )
    planet = Planet(
        kind=kind, center=_center(rng, "disc" if small else str(rng.choice(["disc", "limb", "ground"])), tangent),
        to_fixed=random_rotation(rng), tint=tuple(tint.tolist()),
        second=tuple((tint * rng.uniform(0.3, 0.9, 3)).tolist()),
        air_height=float(rng.choice([0.0, 0.01])) if hue else 0.0, cloud_scale=float(rng.uniform(0.5, 2)),
        detail=float(rng.uniform(0.5, 1.5)), brightness=float(rng.uniform(0.5, 1.3)),
        offset=tuple(float(v) for v in rng.uniform(0, 1, 4)),  # type: ignore[arg-type]
    )  # fmt: skip
    if not small:
        return planet
    direction = np.array([*(rng.uniform(-1, 1, 2) * np.array(tangent)), -1.0])
    distance = 1 / np.sin(np.arctan(min(tangent)) * float(np.exp(rng.uniform(np.log(0.01), np.log(0.25)))))
    return replace(planet, center=unit(direction) * distance)


def draw_sun(rng: np.random.Generator, kind: str, planet: Planet | None) -> Vector:
    """Sun direction: anywhere, but lighting the visible planet for day kinds and leaving it dark for night."""
    for _ in range(40):
        sun = unit(rng.standard_normal(3))
        if planet is None or rng.random() < 0.12:
            return sun
        toward = unit(-planet.center)
        height = float(sun @ unit(toward - np.array([0, 0, 0.0]) + 0.4 * np.array([0, 0, 1.0])))
        if (kind == "night" and height < -0.05) or (kind != "night" and height > 0.1):
            return sun
    return sun


def draw_cyclones(rng: np.random.Generator) -> NDArray[np.float64]:
    """Up to six swirls of the cloud plane, (N, 4): x, y, turn in radians, size."""
    count = int(rng.integers(0, 7))
    size = np.exp(rng.uniform(np.log(0.04), np.log(0.35), count))
    turn = rng.choice([-1.0, 1.0], count) * rng.uniform(1.5, 5.0, count)
    return np.column_stack([rng.uniform(-0.8, 0.8, (count, 2)), turn, size])
