"""Asteroids and comets from close by and far off, by their outline: lumps of one lobe or more, comas and tails."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.nature.fields import Layer, grey, look_up
from afss_ros.synthetic.nature.globes import STONES

Vector = NDArray[np.float64]


def asteroid(
    rng: np.random.Generator, x: Layer, y: Layer, middle: tuple[float, float], radius: float, sun: Vector
) -> tuple[Layer, Layer]:
    """Radiance (H, W, 3) and cover (H, W) of a rock of `radius` at `middle`, half widths of the picture."""
    pixel = float(x[0, 1] - x[0, 0])
    u, v = (x - middle[0]) / radius, (y - middle[1]) / radius
    turn = rng.uniform(0, 2 * np.pi)
    u, v = np.cos(turn) * u + np.sin(turn) * v, -np.sin(turn) * u + np.cos(turn) * v
    height = np.full_like(u, -9.0)
    lumps = int(rng.choice([1, 2, 3, 5]))
    for k in range(lumps):
        cu, cv = (0.0, 0.0) if lumps == 1 else rng.uniform(-0.6, 0.6, 2) * (1.0, 0.45)
        a, b = rng.uniform(0.35, 0.75) if k else 0.7, rng.uniform(0.35, 0.7)
        if lumps == 1:
            a, b = 0.9, float(rng.uniform(0.5, 0.9))
        bump = 1 - ((u - cu) / a) ** 2 - ((v - cv) / b) ** 2
        height = np.log(np.exp(np.clip(6 * height, -40, 40)) + np.exp(np.clip(6 * bump, -40, 40))) / 6
    shape = float(rng.uniform(0.1, 0.6)) * (grey(rng, "smooth", u, v, 0.12) - 0.5) * 2
    inside = (height + shape).astype(np.float32)
    steep = np.hypot(*np.gradient(inside)) + 1e-4
    cover = np.clip(inside / np.maximum(steep, 1e-3) + 0.5, 0, 1)
    dome = np.sqrt(np.clip(inside, 1e-3, 1.2)) * 0.8
    relief = dome.copy()
    rough = float(rng.uniform(0.3, 1.0))
    relief += rough * 0.3 / 512 / 0.25 * look_up(rng, "craters", u, v, 0.25)[..., 0]
    relief += rough * 0.12 * grey(rng, "rough", u, v, 0.4)
    if rng.random() < 0.4:
        relief += 0.05 * grey(rng, "ridged", u, v, 0.8)
    down, right = np.gradient(relief.astype(np.float32))
    normal = np.stack([-right * radius / pixel, down * radius / pixel, np.ones_like(relief)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    light = np.clip(normal @ sun, 0, 1)
    if rng.random() < 0.4:
        tilt = look_up(rng, "rubble", u, v, 0.3)
        light = np.clip(light * (1 + 0.6 * tilt[..., 0] + 0.4 * tilt[..., 2]), 0, 1)
    shade = cv2.GaussianBlur(light.astype(np.float32), (0, 0), max(0.03 * radius / pixel, 0.4))
    light = light * np.clip(3 * shade, 0, 1)  # what lies in a shaded slope sees the Sun less
    base = np.array(STONES[int(rng.integers(len(STONES)))]) * rng.uniform(0.4, 1.6)
    patch = 0.7 + 0.6 * grey(rng, "smooth", u, v, 0.3)
    return np.asarray(base * (light * patch * cover)[..., None], np.float32), np.asarray(cover, np.float32)


def comet(rng: np.random.Generator, x: Layer, y: Layer, sun: Vector) -> Layer:
    """Radiance (H, W, 3) of a comet: coma, a tail of dust that bends, one of ions that is straight and blue."""
    middle = rng.uniform(-0.8, 0.8, 2) * (1.0, 0.6)
    size = float(np.exp(rng.uniform(np.log(0.005), np.log(0.12))))
    away = np.arctan2(-sun[1], -sun[0])
    u = np.cos(away) * (x - middle[0]) + np.sin(away) * (y - middle[1])
    v = -np.sin(away) * (x - middle[0]) + np.cos(away) * (y - middle[1])
    r = np.hypot(u, v)
    light = np.array([rng.uniform(0.7, 1), rng.uniform(0.8, 1), rng.uniform(0.7, 1.0)])
    coma = 0.6 * size / (r + 0.25 * size) * np.exp(-r / (4 * size)) + 1.5 * np.exp(-((r / (0.3 * size)) ** 2))
    picture = coma[..., None] * light
    long, wide = float(rng.uniform(0.3, 2.5)), float(rng.uniform(0.05, 0.5))
    bend = float(rng.normal(0, 0.3))
    along = np.maximum(u + 0.5 * size, 1e-3)
    side = (v - bend * along**2) / (size + wide * along)
    dust = np.exp(-(side**2) * 2.5) * np.exp(-along / long) * (u > -0.5 * size)
    lanes = 0.6 + 0.8 * grey(
        rng, "rough", np.asarray(side * 0.15, np.float32), np.asarray(along * 0.03, np.float32), 1.0
    )
    dust_light = np.array([1.0, rng.uniform(0.75, 1), rng.uniform(0.5, 1)]) * rng.uniform(0.1, 0.7)
    picture = picture + (dust * lanes)[..., None] * dust_light
    if rng.random() < 0.6:
        ray = v / (0.4 * size + 0.06 * along) + 1.5 * (
            grey(rng, "smooth", np.asarray(along * 0.2, np.float32), np.asarray(v, np.float32), 1.0) - 0.5
        )
        ions = np.exp(-(ray**2)) * np.exp(-along / long) * (u > 0)
        picture = picture + ions[..., None] * np.array([0.2, 0.45, 1.0]) * rng.uniform(0.1, 0.6)
    return np.asarray(picture, np.float32)


def swarm(rng: np.random.Generator, x: Layer, y: Layer, sun: Vector) -> tuple[Layer, Layer]:
    """Radiance and cover of several small rocks: an asteroid with its moons, or rubble that drifts."""
    picture, cover = np.zeros((*x.shape, 3), np.float32), np.zeros_like(x)
    for _ in range(int(rng.integers(2, 6))):
        radius = float(np.exp(rng.uniform(np.log(0.01), np.log(0.3))))
        middle = tuple(rng.uniform(-0.9, 0.9, 2) * (1.0, 0.6))
        w = x.shape[1]
        cx, cy = (middle[0] + 1) / 2 * w, x.shape[0] / 2 - middle[1] / 2 * w
        reach = 0.8 * radius * w + 4
        left, right = int(max(cx - reach, 0)), int(min(cx + reach, w))
        top, low = int(max(cy - reach, 0)), int(min(cy + reach, x.shape[0]))
        if right - left < 4 or low - top < 4:
            continue
        at = slice(top, low), slice(left, right)
        stone, share = asteroid(rng, x[at], y[at], (float(middle[0]), float(middle[1])), radius, sun)
        picture[at] = picture[at] * (1 - share[..., None]) + stone
        cover[at] = np.maximum(cover[at], share)
    return picture, cover
