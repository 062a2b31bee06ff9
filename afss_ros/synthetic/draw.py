"""Draw a scene at random from a seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.backgrounds import EARTH_KINDS, RAW_KINDS
from afss_ros.synthetic.craft.adrift import ADRIFT
from afss_ros.synthetic.craft.grammar import design
from afss_ros.synthetic.craft.model import Craft
from afss_ros.synthetic.craft.rock import rock, scaled
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
ROCKS = 0.07
"""Share of the frames with craft that show an asteroid or a comet too."""
Vector = NDArray[np.float64]


def sample_rng(seed: int, split: str, index: int) -> np.random.Generator:
    """The generator of one sample, which depends on nothing but its name."""
    return np.random.default_rng([seed, SPLITS.index(split), index])


def design_seed(rng: np.random.Generator, split: str) -> int:
    """A craft of this split: design seeds of different splits differ modulo the number of splits."""
    return int(rng.integers(DESIGNS)) * len(SPLITS) + SPLITS.index(split)


def _pixels_across(rng: np.random.Generator, kind: str, size: int, *, tiny: bool = False) -> float:
    """Extent of a craft in pixels: from eight to beyond the frame, log-uniform with weight on the middle."""
    if tiny:
        return float(np.exp(rng.uniform(np.log(8), np.log(max(0.125 * size, 9)))))
    if kind == "deep" and rng.random() < 0.4:
        return float(np.exp(rng.uniform(np.log(7), np.log(0.2 * size))))
    if rng.random() < 0.82:
        return float(size * np.exp(rng.uniform(np.log(0.4), np.log(1.5))))
    return float(np.exp(rng.uniform(np.log(9), np.log(2.2 * size))))


def _anywhere(rng: np.random.Generator, craft: Craft, across: float, tangent: tuple[float, float], size: int) -> Vector:
    """Where a craft stands that measures `across` of `size` pixels: in the middle as often as not."""
    distance = max(craft.radius * 2 * size / (across * 2 * min(tangent)), 1.15 * craft.radius)
    spread = 0.75 if across < 0.7 * size else 0.55
    centre = rng.uniform(-spread, spread, 2) * np.array(tangent)
    if rng.random() < 0.5:
        centre = rng.normal(0, 0.2, 2) * np.array(tangent)
    return np.array([centre[0] * distance, centre[1] * distance, -distance])


def _companion(rng: np.random.Generator, first: Placed, craft: Craft) -> Vector:
    """Beside another craft, at nearly its distance: a servicer and its client, close enough for shadows."""
    aside = random_rotation(rng)[0] * np.array([1.0, 1.0, 0.7])
    gap = float(rng.uniform(0.6, 1.4)) * (first.craft.radius + craft.radius)
    place = first.translation + gap * aside
    place[2] = min(place[2], -1.15 * craft.radius)
    return np.asarray(place, np.float64)


def _craft(
    rng: np.random.Generator,
    split: str,
    kind: str,
    tangent: tuple[float, float],
    size: int,
    *,
    fitted: bool,
    tiny: bool,
) -> tuple[Placed, ...]:
    """None to three craft, and now and then a rock, which is no craft and has instance 0."""
    placed: list[Placed] = []
    for i in range(int(rng.choice([0, 1, 2, 3], p=[0.08, 0.76, 0.12, 0.04]))):
        seed = design_seed(rng, split)
        craft = design(seed, fitted=fitted)
        across = _pixels_across(rng, kind, size, tiny=tiny)
        if placed and rng.random() < 0.5:
            place = _companion(rng, placed[0], craft)
        else:
            place = _anywhere(rng, craft, across, tangent, size)
        placed.append(Placed(craft, random_rotation(rng), place, i + 1, seed))
    if kind != "studio" and rng.random() < (ROCKS if placed else 0.4):
        seed = design_seed(rng, split)
        stone = rock(seed)
        across = float(np.exp(rng.uniform(np.log(12), np.log(1.2 * size))))
        place = _anywhere(rng, stone, across, tangent, size) * (1.0 if rng.random() < 0.3 else 3.0)
        stone = scaled(stone, float(np.linalg.norm(place)) * across * min(tangent) / (size * stone.radius))
        placed.append(Placed(stone, random_rotation(rng), place, 0, seed))
    return tuple(placed)


def drifting(rng: np.random.Generator, split: str, scene: Scene) -> tuple[Placed, ...]:
    """One to three people, blankets or scraps about a scene, of any size to half the frame; all are background."""
    placed = []
    size = min(scene.width, scene.height)
    near = [p for p in scene.craft if p.instance]
    for _ in range(int(rng.choice([1, 1, 2, 3]))):
        seed = design_seed(rng, split)
        build = ADRIFT[int(rng.choice(len(ADRIFT), p=[share for share, _ in ADRIFT]))][1]
        thing = build(seed)
        across = float(np.exp(rng.uniform(np.log(8), np.log(0.6 * size))))
        place = _anywhere(rng, thing, across, scene.tangent, size)
        if near:  # at the craft's distance, so that neither is always before the other
            place *= float(rng.uniform(0.6, 1.3)) * np.linalg.norm(near[0].translation) / np.linalg.norm(place)
        grown = float(np.linalg.norm(place)) * across * min(scene.tangent) / (size * thing.radius)
        placed.append(Placed(scaled(thing, grown), random_rotation(rng), place, 0, seed))
    return tuple(placed)


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
    if kind == "studio" or (not raw and rng.random() < 0.15):  # lit from everywhere, as modelling programs do
        ambient = rng.uniform(0.15, 0.7) * rng.uniform(0.85, 1.0, 3)
    if kind == "night" and rng.random() < 0.7:
        sun_color = sun_color * rng.uniform(0.2, 0.8)
    return Light(sun, sun_color, ambient, fill, unit(rng.standard_normal(3) + np.array([0, 0.3, 1.0])))


def _sky(rng: np.random.Generator, kind: str) -> Sky:
    stars = {"deep": 3.0, "sensor": 2.0, "stars": 3.0}.get(kind, 1.0) * float(np.exp(rng.normal(0, 0.9)))
    if kind == "studio" or rng.random() < (0.08 if kind in ("deep", "sensor") else 0.4):
        stars = 0.0
    low, high, glow, nebula = (np.zeros(3) for _ in range(4))
    hue = np.array([rng.uniform(0, 0.4), rng.uniform(0, 0.6), rng.uniform(0.4, 1.0)])
    if rng.random() < 0.2:
        hue = rng.uniform(0, 1, 3)
    if kind == "gradient":
        low, high = rng.uniform(0, 0.5) * hue, rng.uniform(0, 0.2) * rng.permutation(hue)
        if rng.random() < 0.25:
            low = high = np.full(3, rng.uniform(0, 0.8))
    elif kind == "studio":
        high = np.full(3, float(rng.choice([1.0, 0.8, 0.35, 0.12]))) * rng.uniform(0.9, 1.0, 3)
        low = high * rng.uniform(0.4, 1.0)
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


def draw_scene(
    rng: np.random.Generator,
    kind: str,
    split: str,
    width: int,
    height: int,
    *,
    fitted: bool = False,
    tiny: bool = False,
) -> Scene:
    """One random scene of `width` x `height` pixels before a background of `kind`, with craft of `split` only.

    `fitted` craft are those of `grammar.design`, `tiny` ones an eighth of the frame or smaller.
    """
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
    craft = _craft(rng, split, kind, tangent, min(width, height), fitted=fitted, tiny=tiny)
    return Scene(
        width, height, tangent, sky_tangent, craft, tuple(planets), light, _sky(rng, kind), draw_cyclones(rng), kind
    )
