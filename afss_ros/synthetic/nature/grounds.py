"""Ground and cloud that fill the frame: cratered plains, rubble, dunes, river land, cloud decks, towns by night."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.nature.fields import Layer, grey, look_up, mixed, slope_towards, smoothstep
from afss_ros.synthetic.nature.globes import STONES, city_lights, clouded

Vector = NDArray[np.float64]


def ground(rng: np.random.Generator, x: Layer, y: Layer, sun: Vector) -> tuple[Layer, Layer]:
    """Radiance (H, W, 3) and cover (H, W) of ground from above, or to a horizon one time in three."""
    if rng.random() < 0.65:
        tilt = float(rng.uniform(0.0, 0.5))
        depth = 1 / np.maximum(1 - tilt * y, 0.2)
        return _drawn(rng, x * depth, y * depth, sun), np.ones_like(x)
    level = float(rng.uniform(-0.4, 0.6))
    turn = float(rng.normal(0, 0.35))
    across, up = np.cos(turn) * x + np.sin(turn) * y, -np.sin(turn) * x + np.cos(turn) * y
    bend = float(rng.uniform(0, 0.25))
    rugged = float(rng.choice([0.0, 0.02, 0.1])) * (grey(rng, "rough", across, np.zeros_like(across), 0.3) - 0.5)
    below = level - bend * across**2 + rugged - up
    cover = np.clip(below / float(x[0, 1] - x[0, 0]) + 0.5, 0, 1)
    depth = 1 / np.maximum(below + 0.12, 0.02)
    picture = _drawn(rng, np.asarray(across * depth * 0.3, np.float32), np.asarray(-depth * 0.4, np.float32), sun)
    far = np.exp(-np.clip(below, 0, 9) * 6)[..., None] * float(rng.uniform(0, 0.6))
    air = np.array([rng.uniform(0.3, 0.8), rng.uniform(0.4, 0.7), rng.uniform(0.4, 1.0)]) * rng.uniform(0, 1)
    return np.asarray((picture * (1 - far) + air * far) * cover[..., None], np.float32), np.asarray(cover, np.float32)


def _drawn(rng: np.random.Generator, u: Layer, v: Layer, sun: Vector) -> Layer:
    u, v = np.asarray(u, np.float32), np.asarray(v, np.float32)
    return _KINDS[int(rng.choice(len(_KINDS), p=_SHARES))](rng, u, v, sun)


def _shaded(rng: np.random.Generator, height: Layer, sun: Vector, low: float = 0.0) -> Layer:
    """Light of relief (a height in texels of the ground): grazing, with black shadows, or high and soft."""
    lean = slope_towards(height, sun, 1.0)
    lean = lean / (np.std(lean) + 1e-6)
    high = float(rng.uniform(0.25, 1.0))
    return np.asarray(np.clip(high + float(rng.uniform(0.15, 0.5)) * lean, low, 1.8), np.float32)


def _moonscape(rng: np.random.Generator, u: Layer, v: Layer, sun: Vector) -> Layer:
    scale = float(np.exp(rng.uniform(np.log(0.12), np.log(0.6))))
    height = np.zeros_like(u)
    rays = np.zeros_like(u)
    for k, times in enumerate((1.0, 2.7, 7.0)):
        found = look_up(rng, "craters", u, v, scale * times)
        height += found[..., 0] / np.float32(times)
        rays += found[..., 1] / np.float32(k + 1)
    height += float(rng.uniform(0, 25)) * grey(rng, "rough", u, v, scale * 2)
    base = np.array(STONES[int(rng.integers(len(STONES)))]) * rng.uniform(0.6, 1.5)
    patches = mixed(base, base * rng.uniform(0.5, 1.2), smoothstep(0.4, 0.6, grey(rng, "smooth", u, v, scale)))
    return np.asarray(patches * (_shaded(rng, height, sun) + 0.5 * rays)[..., None], np.float32)


def _rubble(rng: np.random.Generator, u: Layer, v: Layer, sun: Vector) -> Layer:
    """Boulders of every size: tilted facets, each with a brightness of its own, and black between them."""
    scale = float(np.exp(rng.uniform(np.log(0.08), np.log(0.5))))
    lean, gaps, tone = np.zeros_like(u), np.zeros_like(u), np.ones_like(u)
    for times, weight in ((1.0, 1.0), (2.7, 0.5), (5.5, 0.3)):
        tilt = look_up(rng, "rubble", u, v, scale * times)
        lean += weight * (tilt[..., 0] * sun[0] + tilt[..., 1] * sun[1])
        lean += 0.35 * weight * (tilt[..., 2] * sun[0] + tilt[..., 3] * sun[1])
        gaps += weight * np.hypot(*np.gradient(tilt[..., 0]))
        tone *= 1 + 0.35 * weight * tilt[..., 1]
    rough = slope_towards(grey(rng, "rough", u, v, scale * 4), sun, 1.0)
    light = float(rng.uniform(0.15, 0.8)) + float(rng.uniform(0.4, 1.0)) * lean
    light = light + float(rng.uniform(0.03, 0.2)) * rough / (np.std(rough) + 1e-6)
    light = np.clip(light * (1 - np.clip(float(rng.uniform(0.5, 2.5)) * gaps, 0, 0.9)), 0.0, 1.6)
    base = np.array(STONES[int(rng.integers(len(STONES)))]) * rng.uniform(0.4, 1.4)
    return np.asarray(base * (light * tone)[..., None], np.float32)


def _dunes(rng: np.random.Generator, u: Layer, v: Layer, sun: Vector) -> Layer:
    scale = float(rng.uniform(0.1, 0.4))
    warp = grey(rng, "smooth", u, v, scale)
    height = np.sin(float(rng.uniform(8, 60)) * (u + 0.8 * warp)) * 3 + 12 * grey(rng, "ridged", u, v, scale)
    base = np.array([0.7, rng.uniform(0.4, 0.62), rng.uniform(0.2, 0.5)]) * rng.uniform(0.5, 1.2)
    return np.asarray(base * _shaded(rng, np.asarray(height, np.float32), sun, 0.1)[..., None], np.float32)


def _river_land(rng: np.random.Generator, u: Layer, v: Layer, sun: Vector) -> Layer:
    """Fields, woods, bare mountains and branching water."""
    scale = float(rng.uniform(0.1, 0.5))
    low, high = rng.uniform(0.05, 0.35, 3) * [1, 1, 0.7], rng.uniform(0.2, 0.6, 3) * [1, 0.9, 0.7]
    ranges = grey(rng, "ridged", u, v, scale * 2)
    picture = mixed(low, high, 0.6 * grey(rng, "rough", u, v, scale * 3) + 0.4 * ranges)
    picture = picture * _shaded(rng, 20 * ranges, sun, 0.2)[..., None]
    if rng.random() < 0.4:  # fields
        angle = rng.uniform(0, np.pi)
        side = float(rng.uniform(0.02, 0.1))
        a, b = (np.floor((np.cos(angle + k) * u + np.sin(angle + k) * v) / side) for k in (0.0, np.pi / 2))
        tone = np.sin(a * 12.99 + b * 78.23) * 43758.5
        picture = picture * (0.6 + 0.8 * (tone - np.floor(tone)))[..., None]
    field = grey(rng, "smooth", u, v, scale * 1.5) - 0.5
    wet = np.exp(-((field / float(rng.uniform(0.005, 0.04))) ** 2)) * float(rng.choice([0, 1]))
    if rng.random() < 0.4:  # a coast
        wet = np.maximum(wet, smoothstep(0.1, 0.12, field))
    water = np.array([0.02, rng.uniform(0.05, 0.3), rng.uniform(0.08, 0.35)])
    return np.asarray(picture + (water - picture) * wet[..., None], np.float32)


def _ice_plain(rng: np.random.Generator, u: Layer, v: Layer, sun: Vector) -> Layer:
    scale = float(rng.uniform(0.1, 0.5))
    lines = grey(rng, "cracks", u, v, scale) + np.float32(0.6) * grey(rng, "cracks", u, v, scale * 3)
    height = -8 * lines + 20 * grey(rng, "smooth", u, v, scale)
    stain = rng.uniform(0.2, 0.8, 3)
    picture = mixed(np.array([0.85, 0.88, 0.95]), stain, lines * np.float32(rng.uniform(0, 0.8)))
    return np.asarray(picture * _shaded(rng, np.asarray(height, np.float32), sun, 0.1)[..., None], np.float32)


def _cloud_deck(rng: np.random.Generator, u: Layer, v: Layer, sun: Vector) -> Layer:
    return clouded(rng, u, v, float(np.exp(rng.uniform(np.log(0.06), np.log(0.5)))), sun, 0.005) * float(
        rng.uniform(0.4, 1.2)
    )


def _gas(rng: np.random.Generator, u: Layer, v: Layer, sun: Vector) -> Layer:
    """Swirls of a gas giant from close by."""
    scale = float(rng.uniform(0.1, 0.4))
    warp = look_up(rng, "smooth", u, v, scale)[..., 0]
    other = grey(rng, "smooth", u, v, scale * 1.3)
    p, q = u + 0.35 / scale * 0.3 * (warp - 0.5), v + 0.35 / scale * 0.3 * (other - 0.5)
    share = grey(rng, "ridged", np.asarray(p, np.float32), np.asarray(q, np.float32), scale)
    fine = grey(rng, "rough", np.asarray(p, np.float32), np.asarray(q * 3, np.float32), scale * 2)
    low, high = rng.uniform(0.15, 0.6, 3), rng.uniform(0.5, 0.95, 3)
    return np.asarray(mixed(low, high, 0.6 * share + 0.4 * fine) * float(rng.uniform(0.4, 1.1)), np.float32)


def _towns(rng: np.random.Generator, u: Layer, v: Layer, _: Vector) -> Layer:
    return city_lights(rng, u, v, float(np.exp(rng.uniform(np.log(0.1), np.log(0.8)))))


_KINDS = (_moonscape, _rubble, _dunes, _river_land, _ice_plain, _cloud_deck, _gas, _towns)
_SHARES = (0.22, 0.18, 0.06, 0.1, 0.08, 0.18, 0.08, 0.1)
