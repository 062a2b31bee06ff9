"""Draw a scene at random from a seed."""

from __future__ import annotations

import numpy as np

from afss_ros.synthetic.backgrounds import EARTH_KINDS, RAW_KINDS
from afss_ros.synthetic.craft.grammar import design
from afss_ros.synthetic.craft.rock import rock
from afss_ros.synthetic.planets import (
    draw_cyclones,
    draw_earth,
    draw_other,
    draw_sun,
    random_rotation,
    unit,
)
from afss_ros.synthetic.scene import Light, Placed, Planet, Scene, Sky

SPLITS = ("train", "val", "test")
DESIGNS = 1 << 40
"""Craft designs of each split."""


def sample_rng(seed: int, split: str, index: int) -> np.random.Generator:
    """The generator of one sample, which depends on nothing but its name."""
    return np.random.default_rng([seed, SPLITS.index(split), index])


def design_seed(rng: np.random.Generator, split: str) -> int:
    """A craft of this split: design seeds of different splits differ modulo the number of splits."""
    return int(rng.integers(DESIGNS)) * len(SPLITS) + SPLITS.index(split)


def _pixels_across(rng: np.random.Generator, kind: str, size: int) -> float:
    """Extent of a craft in pixels: from eight to beyond the frame, log-uniform with weight on the middle."""
    if kind == "deep" and rng.random() < 0.6:
        return float(np.exp(rng.uniform(np.log(7), np.log(0.2 * size))))
    if rng.random() < 0.76:
        return float(size * np.exp(rng.uniform(np.log(0.4), np.log(1.5))))
    return float(np.exp(rng.uniform(np.log(9), np.log(2.2 * size))))


def _place(
    rng: np.random.Generator, split: str, kind: str, tangent: tuple[float, float], size: int, instance: int
) -> Placed:
    seed = design_seed(rng, split)
    craft = design(seed) if instance > 0 else rock(seed)
    across = _pixels_across(rng, kind, size)
    distance = craft.radius * 2 * size / (across * 2 * min(tangent))
    distance = max(distance, 1.15 * craft.radius)
    spread = 0.75 if across < 0.7 * size else 0.55
    centre = rng.uniform(-spread, spread, 2) * np.array(tangent)
    if rng.random() < 0.5:
        centre = rng.normal(0, 0.2, 2) * np.array(tangent)
    return Placed(
        craft, random_rotation(rng), np.array([centre[0] * distance, centre[1] * distance, -distance]), instance, seed
    )


def _light(rng: np.random.Generator, kind: str, planet: Planet | None, tangent: tuple[float, float]) -> Light:
    sun = draw_sun(rng, kind, planet)
    if kind in ("limb", "disc", "stars", "night", "gradient") and rng.random() < 0.1:
        sun = unit(np.array([*(rng.uniform(-1, 1, 2) * np.array(tangent)), -1.0]))
    raw = kind in RAW_KINDS
    if raw and rng.random() < 0.75 and sun[2] < -0.2:
        sun = sun * np.array([1, 1, -1.0])
    sun_color = np.array([1.0, rng.uniform(0.92, 1.0), rng.uniform(0.82, 1.0)]) * rng.uniform(0.9, 1.6)
    level = 0.0 if rng.random() < 0.3 else float(np.exp(rng.uniform(np.log(0.005), np.log(0.03 if raw else 0.3))))
    ambient = level * np.array([rng.uniform(0.6, 1.0), rng.uniform(0.7, 1.0), 1.0])
    fill = np.zeros(3)
    if not raw and rng.random() < 0.55:
        fill = rng.uniform(0.1, 0.9) * rng.uniform(0.6, 1.0, 3)
    if kind == "night" and rng.random() < 0.7:
        sun_color = sun_color * rng.uniform(0.2, 0.8)
    return Light(sun, sun_color, ambient, fill, unit(rng.standard_normal(3) + np.array([0, 0.3, 1.0])))


def _sky(rng: np.random.Generator, kind: str) -> Sky:
    stars = {"deep": 3.0, "sensor": 2.0, "stars": 3.0}.get(kind, 1.0) * float(np.exp(rng.normal(0, 0.9)))
    if rng.random() < (0.08 if kind in ("deep", "sensor") else 0.4):
        stars = 0.0
    low, high, glow, nebula = (np.zeros(3) for _ in range(4))
    hue = np.array([rng.uniform(0, 0.4), rng.uniform(0, 0.6), rng.uniform(0.4, 1.0)])
    if rng.random() < 0.2:
        hue = rng.uniform(0, 1, 3)
    if kind == "gradient":
        low, high = rng.uniform(0, 0.5) * hue, rng.uniform(0, 0.2) * rng.permutation(hue)
        if rng.random() < 0.25:
            low = high = np.full(3, rng.uniform(0, 0.8))
    elif kind in ("limb", "stars", "disc", "night", "planet") and rng.random() < 0.35:
        low, high = rng.uniform(0, 0.12) * hue, rng.uniform(0, 0.04) * hue
    if kind not in RAW_KINDS and rng.random() < 0.15:
        glow = rng.uniform(0.05, 0.8) * np.array([1, rng.uniform(0.5, 1), rng.uniform(0.4, 1.2)])
    if kind in ("stars", "gradient", "limb", "disc", "planet") and rng.random() < (0.65 if kind == "stars" else 0.08):
        nebula = float(np.exp(rng.uniform(np.log(0.03), np.log(0.5)))) * rng.uniform(0.1, 1.0, 3)
    angle = rng.normal(-np.pi / 2, 0.4)
    return Sky(
        low, high, (float(np.cos(angle)), float(np.sin(angle))), glow,
        (float(rng.uniform(-1, 1)), float(rng.uniform(-1, 1)), float(rng.uniform(0.1, 0.9))), nebula,
        (float(rng.uniform(0.3, 1.2)), float(rng.uniform(0.3, 0.6)), float(rng.uniform()), float(rng.uniform())),
        stars, float(np.exp(rng.normal(-0.5, 0.8))),
    )  # fmt: skip


def draw_scene(rng: np.random.Generator, kind: str, split: str, width: int, height: int) -> Scene:
    """One random scene of `width` x `height` pixels before a background of `kind`, with craft of `split` only."""
    aspect = width / height

    def field(low: float, high: float) -> tuple[float, float]:
        tan = float(np.tan(np.radians(rng.uniform(low, high)) / 2))
        return (tan, tan / aspect) if aspect >= 1 else (tan * aspect, tan)

    tangent, sky_tangent = field(8, 60), field(30, 85)
    planets: list[Planet] = []
    if kind in EARTH_KINDS:
        planets.append(draw_earth(rng, kind, sky_tangent))
    elif kind == "planet":
        planets.append(draw_other(rng, sky_tangent))
    if kind in ("limb", "disc", "stars", "planet") and rng.random() < 0.12:
        planets.append(draw_other(rng, sky_tangent, small=True))
    light = _light(rng, kind, planets[0] if planets else None, sky_tangent)
    count = int(rng.choice([0, 1, 2, 3], p=[0.06, 0.80, 0.10, 0.04]))
    craft = tuple(_place(rng, split, kind, tangent, min(width, height), i + 1) for i in range(count))
    return Scene(
        width, height, tangent, sky_tangent, craft, tuple(planets), light, _sky(rng, kind), draw_cyclones(rng), kind
    )
