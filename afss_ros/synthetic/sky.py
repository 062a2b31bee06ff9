"""Stars, as points of light added behind craft and planets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.scene import Scene


@dataclass(frozen=True, slots=True)
class Stars:
    """`directions` float64 (N, 3), unit vectors; `radiance` float32 (N, 3), what a pixel that holds one receives.

    `spread`: all stars share their light between the four nearest pixels, otherwise only the bright ones do.
    """

    directions: NDArray[np.float64]
    radiance: NDArray[np.float32]
    spread: bool


def _lights(rng: np.random.Generator, count: int, brightness: float) -> NDArray[np.float32]:
    """Radiances (count, 3) with the heavy tail of stellar magnitudes and a spread of warmth."""
    flux = np.minimum(brightness * 0.12 * rng.pareto(1.3, count), 6.0)
    warmth = rng.normal(0, 0.25, count)
    tint = np.stack([1 + warmth, np.ones(count), 1 - warmth], 1).clip(0.3, 1.8)
    return np.asarray(flux[:, None] * tint, np.float32)


def stars_in_view(rng: np.random.Generator, scene: Scene) -> Stars:
    """Random stars within the field of view of one scene, in the camera frame."""
    count = int(rng.poisson(scene.sky.star_density * scene.width * scene.height / 1000))
    x, y = rng.uniform(-1, 1, count), rng.uniform(-1, 1, count)
    if rng.random() < 0.3:
        x = (x + 1 + rng.normal(0, 0.3, count) * (rng.random(count) < 0.5)) % 2 - 1
    rays = np.stack([x * scene.sky_tangent[0], y * scene.sky_tangent[1], -np.ones(count)], 1)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    return Stars(rays, _lights(rng, count, scene.sky.star_brightness), bool(rng.random() < 0.5))


def stars_all_around(rng: np.random.Generator, count: int, brightness: float) -> Stars:
    """Random stars over the whole sphere, for cameras that turn."""
    rays = rng.standard_normal((count, 3))
    return Stars(rays / np.linalg.norm(rays, axis=1, keepdims=True), _lights(rng, count, brightness), True)


def star_field(stars: Stars, scene: Scene, free: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Stars (camera frame) as radiance float32 (H, W, 3).

    None where `free` (H, W) is false or a planet stands before them.
    """
    h, w = scene.height, scene.width
    layer = np.zeros((h, w, 3), np.float32)
    rays, radiance = stars.directions, stars.radiance
    ahead = rays[:, 2] < -1e-3
    depth = np.where(ahead, -rays[:, 2], 1.0)
    x = (rays[:, 0] / depth / scene.sky_tangent[0] + 1) / 2 * w
    y = (1 - rays[:, 1] / depth / scene.sky_tangent[1]) / 2 * h
    visible = ahead & (x >= 0) & (x < w) & (y >= 0) & (y < h)
    for planet in scene.planets:
        along = rays @ planet.center
        miss = np.linalg.norm(planet.center - along[:, None] * rays, axis=1)
        visible &= (miss > 1.0) | (along < 0)
    if not visible.any():
        return layer
    x, y, radiance = x[visible] - 0.5, y[visible] - 0.5, radiance[visible]
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    ax, ay = x - column, y - row
    spread = stars.spread | (radiance.max(axis=1, initial=0.0) > 0.5)
    for dy in (0, 1):
        for dx in (0, 1):
            weight = np.where(spread, np.abs(1 - dx - ax) * np.abs(1 - dy - ay), float(dx == 0 and dy == 0))
            at = (row + dy).clip(0, h - 1), (column + dx).clip(0, w - 1)
            np.add.at(layer, at, radiance * weight[:, None].astype(np.float32))
    return np.asarray(layer * free[..., None], np.float32)
