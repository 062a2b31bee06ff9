"""Light that belongs to no surface: the Sun's glare and its ghosts in the lens, and what artists draw into space."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.scene import Scene

Layer = NDArray[np.float32]


def sun_place(scene: Scene) -> tuple[float, float] | None:
    """Pixel of the Sun in the sky's field of view; None when it is behind the camera or a planet, or far outside."""
    sun = scene.light.sun
    if sun[2] > -0.1:
        return None
    x = (sun[0] / -sun[2] / scene.sky_tangent[0] + 1) / 2 * scene.width
    y = (1 - sun[1] / -sun[2] / scene.sky_tangent[1]) / 2 * scene.height
    if not (-0.3 * scene.width < x < 1.3 * scene.width and -0.3 * scene.height < y < 1.3 * scene.height):
        return None
    for planet in scene.planets:
        along = float(sun @ planet.center)
        if along > 0 and float(np.linalg.norm(planet.center - along * sun)) < 0.995:
            return None
    return float(x), float(y)


def sun_glare(rng: np.random.Generator, width: int, height: int, place: tuple[float, float]) -> Layer:
    """Core, halo, spikes, streak and ghosts of the Sun at a pixel, as radiance (H, W, 3)."""
    half = 2
    h, w = height // half, width // half
    y, x = np.mgrid[0:h, 0:w].astype(np.float32) * half
    dx, dy = (x - place[0]) / width, (y - place[1]) / width
    r2 = dx * dx + dy * dy
    size = float(np.exp(rng.uniform(np.log(0.01), np.log(0.05))))
    light = 6.0 * np.exp(-r2 / size**2) + float(rng.uniform(0.1, 0.7)) * np.exp(-np.sqrt(r2) / (5 * size))
    light += float(rng.uniform(0.0, 0.03)) / (np.sqrt(r2) + 0.04)
    if rng.random() < 0.5:
        spikes = int(rng.choice([4, 6, 8, 12, 16]))
        angle = np.arctan2(dy, dx) * spikes / 2 + rng.uniform(0, 3)
        light += float(rng.uniform(0.2, 1.0)) * np.abs(np.cos(angle)) ** 60 * np.exp(-np.sqrt(r2) / (6 * size))
    if rng.random() < 0.3:
        light += float(rng.uniform(0.2, 0.8)) * np.exp(-(dy**2) / 2e-5) * np.exp(-np.abs(dx) / 0.3)
    tint = np.array([1.0, rng.uniform(0.75, 1.0), rng.uniform(0.5, 1.1)], np.float32)
    layer = light[..., None] * tint
    if rng.random() < 0.5:
        layer = layer + _ghosts(rng, x, y, place, width, height)
    full = cv2.resize(layer.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(full, np.float32)


def _ghosts(rng: np.random.Generator, x: Layer, y: Layer, place: tuple[float, float], width: int, height: int) -> Layer:
    layer = np.zeros((*x.shape, 3), np.float32)
    cx, cy = width / 2, height / 2
    for t in rng.uniform(-1.3, 0.9, int(rng.integers(2, 7))):
        gx, gy = cx + (place[0] - cx) * t, cy + (place[1] - cy) * t
        r = np.hypot(x - gx, y - gy) / (width * float(rng.uniform(0.01, 0.09)))
        disc = np.clip((1.0 - r) * 6, 0, 1) * (0.4 + 0.6 * r)
        layer += disc[..., None] * (rng.uniform(0.01, 0.12) * rng.uniform(0.2, 1.0, 3)).astype(np.float32)
    return layer


def artwork(rng: np.random.Generator, width: int, height: int) -> Layer:
    """What artists add behind craft: orbits, beams, light trails, nets of glowing lines, words; radiance (H, W, 3)."""
    canvas = np.zeros((height, width, 3), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        color = (rng.uniform(0.1, 1.0) * np.array([rng.uniform(0.1, 1), rng.uniform(0.3, 1), 1.0])).tolist()
        if rng.random() < 0.25:
            color = rng.uniform(0.1, 1, 3).tolist()
        _DRAWINGS[int(rng.integers(len(_DRAWINGS)))](rng, canvas, color)
    if rng.random() < 0.4:
        canvas = canvas + 0.8 * cv2.GaussianBlur(canvas, (0, 0), float(rng.uniform(1, 6)))
    return np.asarray(canvas, np.float32)


def _point(rng: np.random.Generator, canvas: Layer, margin: float = 0.2) -> tuple[int, int]:
    h, w = canvas.shape[:2]
    return int(rng.uniform(-margin, 1 + margin) * w), int(rng.uniform(-margin, 1 + margin) * h)


def _orbit(rng: np.random.Generator, canvas: Layer, color: list[float]) -> None:
    axes = tuple(int(v * canvas.shape[1]) for v in rng.uniform(0.1, 1.0, 2))
    start = float(rng.uniform(0, 360))
    tilt, stop = float(rng.uniform(0, 180)), start + float(rng.uniform(60, 360))
    cv2.ellipse(canvas, _point(rng, canvas), axes, tilt, start, stop, color, int(rng.integers(1, 3)), cv2.LINE_AA)


def _beam(rng: np.random.Generator, canvas: Layer, color: list[float]) -> None:
    cv2.line(canvas, _point(rng, canvas), _point(rng, canvas), color, int(rng.integers(1, 4)), cv2.LINE_AA)


def _trails(rng: np.random.Generator, canvas: Layer, color: list[float]) -> None:
    direction = rng.normal(0, 0.3, 2) * canvas.shape[1]
    for _ in range(int(rng.integers(3, 25))):
        x, y = _point(rng, canvas)
        t = rng.uniform(0.1, 1.0)
        faint = [c * float(rng.uniform(0.1, 0.7)) for c in color]
        cv2.line(canvas, (x, y), (int(x + t * direction[0]), int(y + t * direction[1])), faint, 1, cv2.LINE_AA)


def _net(rng: np.random.Generator, canvas: Layer, color: list[float]) -> None:
    points = [_point(rng, canvas, 0.05) for _ in range(int(rng.integers(6, 25)))]
    faint = [0.4 * c for c in color]
    for i, a in enumerate(points):
        cv2.circle(canvas, a, int(rng.integers(1, 4)), color, -1, cv2.LINE_AA)
        for b in points[i + 1 : i + 3]:
            cv2.line(canvas, a, b, faint, 1, cv2.LINE_AA)


def _words(rng: np.random.Generator, canvas: Layer, color: list[float]) -> None:
    letters = "".join(rng.choice(list("BCDGHJKLMNPRSTVXZ 0123456789"), int(rng.integers(3, 14))))
    scale = canvas.shape[1] / 512 * float(rng.uniform(0.3, 1.6))
    ink = np.zeros(canvas.shape[:2], np.uint8)  # OpenCV 5 writes text on 8-bit pictures only
    font = int(rng.integers(0, 4))
    cv2.putText(ink, letters, _point(rng, canvas, 0.0), font, scale, 255, max(1, int(2 * scale)), cv2.LINE_AA)
    canvas += ink[..., None] * (np.array(color, np.float32) / 255)
    if rng.random() < 0.4:
        (x, y), (u, v) = _point(rng, canvas, 0.0), rng.integers(10, 90, 2)
        cv2.rectangle(canvas, (x, y), (x + int(u), y + int(v)), color, 1, cv2.LINE_AA)


def _blobs(rng: np.random.Generator, canvas: Layer, color: list[float]) -> None:
    for _ in range(int(rng.integers(1, 12))):
        radius = int(rng.uniform(0.005, 0.06) * canvas.shape[1]) + 1
        cv2.circle(
            canvas, _point(rng, canvas, 0.1), radius, [c * float(rng.uniform(0.1, 0.6)) for c in color], -1, cv2.LINE_AA
        )


_DRAWINGS = (_orbit, _beam, _trails, _net, _words, _blobs)
