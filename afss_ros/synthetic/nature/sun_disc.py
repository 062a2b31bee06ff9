"""The Sun as telescopes show it: its disc with granules, spots and bright regions, loops and a corona."""

from __future__ import annotations

import cv2
import numpy as np

from afss_ros.synthetic.nature.fields import Layer, grey, mixed, smoothstep

FILTERS = (
    ((0.35, 0.08, 0.0), (1.0, 0.75, 0.25)), ((0.3, 0.0, 0.0), (1.0, 0.25, 0.15)), ((0.0, 0.15, 0.1), (0.3, 1.0, 0.7)),
    ((0.2, 0.2, 0.2), (1.0, 1.0, 0.95)), ((0.0, 0.05, 0.2), (0.4, 0.65, 1.0)), ((0.8, 0.45, 0.05), (1.0, 0.9, 0.5)),
)  # fmt: skip
"""Colours of dim and bright as instruments are coloured by custom."""


def sun_disc(rng: np.random.Generator, x: Layer, y: Layer) -> tuple[Layer, Layer]:
    """Radiance (H, W, 3) and cover (H, W) of the Sun, whole or its limb, in the light of one filter."""
    radius = float(np.exp(rng.uniform(np.log(0.15), np.log(3.0))))
    reach = max(radius - 0.2, 0.0) if radius > 0.7 else 0.4
    angle = float(rng.uniform(0, 2 * np.pi))
    u, v = (x - reach * np.cos(angle)) / radius, (y - reach * np.sin(angle)) / radius
    rho = np.hypot(u, v)
    pixel = float(x[0, 1] - x[0, 0]) / radius
    dim, bright = (np.array(c) for c in FILTERS[int(rng.integers(len(FILTERS)))])
    stretch = np.arcsin(np.clip(rho, 0, 1)) / np.maximum(rho, 1e-6)
    p, q = np.asarray(u * stretch, np.float32), np.asarray(v * stretch, np.float32)
    granules = 0.6 * grey(rng, "rough", p, q, 0.6) + 0.4 * grey(rng, "ridged", p, q, 1.5)
    active = smoothstep(0.75, 1.0, grey(rng, "smooth", p, q, 0.3)) * (0.5 + grey(rng, "ridged", p, q, 2.0))
    edge = np.sqrt(np.clip(1 - rho * rho, 0, 1))
    limb = 0.5 + 0.5 * edge if rng.random() < 0.5 else 1.3 - 0.5 * edge
    tone = (0.25 + 0.6 * granules * float(rng.uniform(0.3, 1.3))) * limb + float(rng.uniform(0, 1.2)) * active
    if rng.random() < 0.4:  # spots
        tone = tone * (1 - 0.8 * smoothstep(0.93, 0.97, grey(rng, "smooth", p, q, 0.9)))
    cover = np.clip((1 - rho) / pixel + 0.5, 0, 1)
    disc = mixed(dim, bright, tone) * (1 + 0.8 * np.clip(tone - 0.8, 0, 2))[..., None]
    around = np.arctan2(v, u)
    streams = grey(
        rng,
        "rough",
        np.asarray(around * 0.16, np.float32),
        np.asarray(np.log(np.maximum(rho, 0.1)) * 0.05, np.float32),
        1.0,
    )
    corona = np.exp(-np.clip(rho - 1, 0, 9) / float(rng.uniform(0.02, 0.35))) * (0.3 + streams)
    picture = (
        disc * cover[..., None] + float(rng.uniform(0.1, 0.8)) * corona[..., None] * bright * (1 - cover)[..., None]
    )
    if rng.random() < 0.15:  # eclipsed
        picture = picture * (1 - cover[..., None])
    loops = _loops(rng, x.shape, reach * np.cos(angle), reach * np.sin(angle), radius)
    return np.asarray(picture + loops[..., None] * (bright + 0.2), np.float32), np.asarray(cover, np.float32)


def _loops(rng: np.random.Generator, shape: tuple[int, ...], cx: float, cy: float, radius: float) -> Layer:
    """Prominences: arches that stand on the limb, as brightness (H, W)."""
    h, w = shape
    ink = np.zeros((h, w), np.float32)
    for _ in range(int(rng.choice([0, 1, 2, 6]))):
        at, half = rng.uniform(0, 2 * np.pi), float(rng.uniform(0.02, 0.12))
        tall = half * float(rng.uniform(0.8, 2.5))
        for strand in range(int(rng.integers(1, 7))):
            t = np.linspace(0, np.pi, 24)
            a = at + half * (1 - 0.08 * strand) * np.cos(t)
            r = radius * (1 + tall * (1 - 0.1 * strand) * np.sin(t))
            points = np.stack([(cx + r * np.cos(a) + 1) / 2 * w, h / 2 - (cy + r * np.sin(a)) / 2 * w], 1)
            cv2.polylines(
                ink,
                [np.round(points * 8).astype(np.int32)],
                False,
                float(rng.uniform(0.3, 1.2)),
                1 + int(w * radius / 400),
                cv2.LINE_AA,
                3,
            )
    return np.asarray(cv2.GaussianBlur(ink, (0, 0), float(rng.uniform(0.6, 2))), np.float32)
