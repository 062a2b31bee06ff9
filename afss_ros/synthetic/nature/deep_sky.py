"""Nebulae, galaxies and crowded stars, as telescopes and artists show them."""

from __future__ import annotations

import cv2
import numpy as np

from afss_ros.synthetic.nature.fields import Layer, grey, mixed, smoothstep


def nebula(rng: np.random.Generator, x: Layer, y: Layer) -> Layer:
    """Radiance (H, W, 3) of glowing gas of two or three colours behind dust, over the frame, in a shell or in lobes."""
    scale = float(np.exp(rng.uniform(np.log(0.06), np.log(0.35))))
    du, dv = (grey(rng, "smooth", x, y, scale) - 0.5 for _ in range(2))
    u, v = np.asarray(x + 0.5 * du, np.float32), np.asarray(y + 0.5 * dv, np.float32)
    picture = np.zeros((*x.shape, 3), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        hue = rng.uniform(0, 1, 3) ** 1.5
        gas = grey(rng, "smooth", u, v, scale) * (0.4 + 0.6 * grey(rng, "ridged", u, v, scale * 2))
        gas = gas * (0.7 + 0.6 * grey(rng, "rough", u, v, scale * 4))
        picture += (np.clip(gas - float(rng.uniform(0, 0.3)), 0, 1) ** 1.5)[..., None] * (hue * rng.uniform(0.5, 2.5))
    dust = smoothstep(0.45, 0.9, grey(rng, "ridged", u, v, scale * 1.3) * 0.5 + grey(rng, "smooth", u, v, scale) * 0.5)
    picture *= (1 - float(rng.uniform(0, 1)) * dust)[..., None]
    form = rng.random()
    if form < 0.6:
        cx, cy = rng.uniform(-0.5, 0.5, 2) * (1, 0.6)
        tilt, flat = rng.uniform(0, np.pi), float(rng.uniform(0.4, 1.0))
        a = np.cos(tilt) * (u - cx) + np.sin(tilt) * (v - cy)
        b = (-np.sin(tilt) * (u - cx) + np.cos(tilt) * (v - cy)) / flat
        r, size = np.hypot(a, b), float(rng.uniform(0.1, 0.7))
        if form < 0.3:  # a shell
            wide = float(rng.uniform(0.08, 0.4)) * size
            share = np.exp(-(((r - size) / wide) ** 2)) + float(rng.uniform(0, 0.5)) * (r < size)
            rainbow = mixed(rng.uniform(0.2, 1, 3), rng.uniform(0.2, 1, 3), np.asarray((r / size - 0.5), np.float32))
            picture = (
                picture * share[..., None] * 1.5
                + 0.5 * rainbow * (share * grey(rng, "ridged", u, v, scale * 2))[..., None]
            )
        elif form < 0.42:  # two lobes
            lobe = np.exp(-((b / (0.05 * size + 0.6 * np.abs(a))) ** 2)) * np.exp(-((r / size) ** 2))
            picture = picture * lobe[..., None] * 2.5
        else:
            picture = picture * np.exp(-((r / size) ** 2))[..., None] * 1.5
    return np.asarray(picture, np.float32)


def galaxy(rng: np.random.Generator, x: Layer, y: Layer) -> Layer:
    """Radiance (H, W, 3) of a galaxy: spiral, ring, smooth, or from its edge with a lane of dust; some with a jet."""
    size = float(np.exp(rng.uniform(np.log(0.04), np.log(0.6))))
    cx, cy = rng.uniform(-0.6, 0.6, 2) * (1, 0.6)
    tilt, flat = rng.uniform(0, np.pi), float(rng.uniform(0.08, 1.0))
    a = (np.cos(tilt) * (x - cx) + np.sin(tilt) * (y - cy)) / size
    b = (-np.sin(tilt) * (x - cx) + np.cos(tilt) * (y - cy)) / size / flat
    r, phi = np.hypot(a, b), np.arctan2(b, a)
    p, q = np.asarray(a, np.float32), np.asarray(b, np.float32)
    clumps = grey(rng, "rough", p, q, 0.15)
    arms = int(rng.choice([0, 2, 2, 3, 4]))
    wound = float(rng.uniform(1.5, 5)) * float(rng.choice([-1, 1]))
    wave = 0.5 + 0.5 * np.cos(arms * (phi - wound * np.log(r + 0.15)) + 3 * (clumps - 0.5))
    disc = np.exp(-r / float(rng.uniform(0.3, 0.7)))
    arm_light = disc * (0.25 + wave**2 * (0.4 + 1.2 * clumps)) if arms else disc
    if rng.random() < 0.12:
        arm_light = np.exp(-(((r - 1) / 0.12) ** 2)) * (0.3 + 1.2 * clumps)
    core = np.hypot(a, b * max(flat, 0.3) / 0.8)
    bulge = np.exp(-core / float(rng.uniform(0.05, 0.2))) * float(rng.uniform(0.6, 3))
    blue = np.array([rng.uniform(0.4, 0.9), rng.uniform(0.5, 0.9), 1.0]) * rng.uniform(0.3, 1.3)
    old = np.array([1.0, rng.uniform(0.75, 0.95), rng.uniform(0.45, 0.85)])
    picture = arm_light[..., None] * blue + bulge[..., None] * old
    knots = smoothstep(0.85, 1.0, grey(rng, "fine", p, q, 0.4)) * arm_light
    picture = picture + knots[..., None] * np.array([1.0, 0.5, 0.7]) * float(rng.uniform(0, 1.5))
    if flat < 0.3 and rng.random() < 0.7:
        lane = np.exp(-(((b * flat) / 0.03) ** 2)) * np.exp(-r)
        picture = picture * (1 - 0.85 * lane[..., None])
    if rng.random() < 0.08:  # a jet
        up = b * flat
        jet = np.exp(-((a / (0.02 + 0.1 * np.abs(up))) ** 2)) * np.exp(-np.abs(up) / 0.7) * (up > 0)
        picture = picture + jet[..., None] * np.array([0.8, 0.9, 1.0])
    return np.asarray(picture * float(rng.uniform(0.4, 1.5)), np.float32)


def bright_stars(rng: np.random.Generator, height: int, width: int) -> Layer:
    """Radiance (H, W, 3) of stars that have a size on the picture: cores, halos, spikes of a telescope's struts."""
    layer = np.zeros((height, width, 3), np.float32)
    for _ in range(int(rng.choice([0, 2, 8, 40]))):
        flux = float(min(rng.pareto(1.2) * 0.3 + 0.1, 6.0))
        reach = int(np.clip(6 * np.sqrt(flux) * width / 256, 3, width // 3))
        offset = np.arange(-reach, reach + 1, dtype=np.float32)
        dx, dy = np.meshgrid(offset, offset)
        r = np.hypot(dx, dy)
        core = float(rng.uniform(0.5, 1.6)) * np.sqrt(min(flux, 2.0)) * width / 384
        star = flux * np.exp(-((r / core) ** 2)) + 0.15 * flux * np.exp(-r / (3 * core))
        if flux > 0.8 and rng.random() < 0.6:
            turn = float(rng.choice([0.0, 0.3, np.pi / 4]))
            for k in range(int(rng.choice([2, 2, 3, 4]))):
                s = np.pi * k / 2 + turn
                aside = np.abs(-np.sin(s) * dx + np.cos(s) * dy)
                star += 0.4 * flux * np.exp(-((aside / 0.7) ** 2)) * np.exp(-r / (0.35 * reach))
        star *= np.clip(1 - r / reach, 0, 1)
        warmth = float(rng.normal(0, 0.3))
        hue = np.clip([1 + warmth, 1.0, 1 - warmth], 0.3, 1.6)
        cx, cy = int(rng.integers(width)), int(rng.integers(height))
        left, top = max(cx - reach, 0), max(cy - reach, 0)
        right, low = min(cx + reach + 1, width), min(cy + reach + 1, height)
        part = star[top - cy + reach : low - cy + reach, left - cx + reach : right - cx + reach]
        layer[top:low, left:right] += part[..., None] * hue.astype(np.float32)
    return layer


def faint_stars(rng: np.random.Generator, height: int, width: int) -> Layer:
    """Radiance (H, W, 3) of many stars of a pixel or two, evenly spread or crowded in a band."""
    count = int(height * width / 1000 * np.exp(rng.normal(1.0, 1.2)))
    count = min(count, height * width // 20)
    layer = np.zeros((height, width, 3), np.float32)
    flux = np.minimum(0.05 * rng.pareto(1.3, count), 3.0)
    warmth = rng.normal(0, 0.25, count)
    hue = np.stack([1 + warmth, np.ones(count), 1 - warmth], 1).clip(0.3, 1.8)
    x = rng.uniform(0, 1, count)
    if rng.random() < 0.3:
        x = np.where(rng.random(count) < 0.7, rng.normal(rng.uniform(0, 1), 0.15, count) % 1, x)
    np.add.at(
        layer,
        (rng.integers(height, size=count), (x * width).astype(int) % width),
        (flux[:, None] * hue).astype(np.float32),
    )
    spread = float(rng.choice([0.0, 0.5, 0.8]))
    return np.asarray(cv2.GaussianBlur(layer, (0, 0), spread) * 2 if spread else layer, np.float32)
