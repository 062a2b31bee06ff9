"""Stars, as points of light added behind craft and planets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.scene import Scene


def star_field(rng: np.random.Generator, scene: Scene, free: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Stars as radiance float32 (H, W, 3); none where `free` (H, W) is false or a planet stands before them."""
    h, w = scene.height, scene.width
    layer = np.zeros((h, w, 3), np.float32)
    count = int(rng.poisson(scene.sky.star_density * h * w / 1000))
    if count == 0:
        return layer
    x, y = rng.uniform(0, w, count), rng.uniform(0, h, count)
    if rng.random() < 0.3:
        x = (x + rng.normal(0, 0.15 * w, count) * (rng.random(count) < 0.5)) % w
    rays = np.stack(
        [(2 * x / w - 1) * scene.sky_tangent[0], (1 - 2 * y / h) * scene.sky_tangent[1], -np.ones(count)], 1
    )
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    visible = free[y.astype(int), x.astype(int)]
    for planet in scene.planets:
        along = rays @ planet.center
        miss = np.linalg.norm(planet.center - along[:, None] * rays, axis=1)
        visible &= (miss > 1.0) | (along < 0)
    flux = scene.sky.star_brightness * 0.12 * rng.pareto(1.3, count)
    flux = np.minimum(flux, 6.0) * visible
    warmth = rng.normal(0, 0.25, count)
    tint = np.stack([1 + warmth, np.ones(count), 1 - warmth], 1).clip(0.3, 1.8)
    radiance = (flux[:, None] * tint).astype(np.float32)
    spread = flux > 0.5
    fx, fy = x - 0.5, y - 0.5
    x0, y0 = np.floor(fx).astype(int), np.floor(fy).astype(int)
    ax, ay = fx - x0, fy - y0
    sharp = rng.random() < 0.5
    for dy in (0, 1):
        for dx in (0, 1):
            weight = np.abs(1 - dx - ax) * np.abs(1 - dy - ay)
            if sharp:
                weight = np.where(spread, weight, float(dx == 0 and dy == 0))
            np.add.at(layer, ((y0 + dy).clip(0, h - 1), (x0 + dx).clip(0, w - 1)), radiance * weight[:, None])
    return layer * free[..., None]
