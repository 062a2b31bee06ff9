"""Noise, craters and cracks as textures that wrap, made once a process, and how they are read at any scale."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.noise import facets, ranked, spectral

Layer = NDArray[np.float32]
SIZE = 512
"""Side of a texture, texels."""
SLOPES = {"smooth": 2.0, "rough": 1.35, "fine": 0.8}
"""Fractals and the exponents with which their amplitudes fall with frequency."""
VARIETY = 4
"""Different textures of each name."""


@lru_cache(maxsize=64)
def _texture(name: str, number: int) -> tuple[Layer, ...]:
    """The texture (SIZE, SIZE, C) float32 of a name and its halvings down to eight texels."""
    rng = np.random.default_rng([19, number, sorted(_MAKERS).index(name)])
    levels = [np.ascontiguousarray(_MAKERS[name](rng, name), np.float32)]
    while levels[-1].shape[0] > 8:
        half = levels[-1].shape[0] // 2
        smaller = cv2.resize(levels[-1], (half, half), interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(smaller.reshape(half, half, -1), np.float32))
    return tuple(levels)


def _fractal(rng: np.random.Generator, name: str) -> NDArray[np.float64]:
    return ranked(spectral(rng, SIZE, SLOPES[name]))[..., None]


def _ridged(rng: np.random.Generator, _: str) -> NDArray[np.float64]:
    """Creases of several scales: filaments of gas, mountain ranges; 0..1."""
    total = np.zeros((SIZE, SIZE))
    for octave in range(5):
        layer = spectral(rng, SIZE, 2.2, cutoff=3.0 * 2**octave)
        total += 0.55**octave / (1.0 + 2.0 * np.abs(layer / layer.std()))
    return ranked(total)[..., None]


def _cracks(rng: np.random.Generator, _name: str) -> NDArray[np.float64]:
    """Thin long lines where fields of noise pass through zero, 0..1."""
    lines = np.zeros((SIZE, SIZE))
    for _ in range(3):
        layer = spectral(rng, SIZE, 2.6, cutoff=2.0)
        layer /= layer.std()
        steep = np.hypot(*np.gradient(layer)) + 1e-3
        lines = np.maximum(lines, np.exp(-((layer / steep / rng.uniform(1.0, 2.5)) ** 2)) * rng.uniform(0.4, 1.0))
    return lines[..., None]


def _rubble(rng: np.random.Generator, _: str) -> NDArray[np.float64]:
    """Facets of stones: tilts to the right and up, -1..1, of large and of small ones."""
    return np.concatenate([facets(rng, SIZE, 260), facets(rng, SIZE, 2600)], axis=-1)


def _craters(rng: np.random.Generator, _: str) -> NDArray[np.float64]:
    """Height and brightness (rays of young craters) of a cratered plain, in texels and 0..1."""
    height, rays = np.zeros((SIZE, SIZE)), np.zeros((SIZE, SIZE))
    count = int(rng.integers(250, 900))
    radii = np.sort(np.clip(2.5 * (rng.pareto(1.7, count) + 1), 2.5, 90))[::-1]
    for radius in radii:
        young = rng.random() < 0.04
        reach = int(radius * (4.0 if young else 1.7)) + 1
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        d = np.hypot(x, y) / radius
        rows, columns = (int(rng.integers(SIZE)) + np.arange(-reach, reach + 1) for _ in range(2))
        at = np.ix_(rows % SIZE, columns % SIZE)
        if len(set((rows % SIZE).tolist())) < len(rows):
            continue
        bowl = np.where(d < 1, np.maximum(d * d - 1, -float(rng.uniform(0.35, 1.0))), 0.0)
        rim = 0.35 * np.exp(-(((d - 1) / 0.22) ** 2))
        worn = float(rng.uniform(0.15, 1.0))
        height[at] += 0.28 * radius * worn * (bowl + rim)
        if radius > 14 and rng.random() < 0.35:
            height[at] += 0.12 * radius * np.exp(-((d / 0.18) ** 2))
        if young:
            spokes = np.abs(np.cos(np.arctan2(y, x) * int(rng.integers(3, 9)) + rng.uniform(0, 6))) ** 8
            rays[at] = np.maximum(rays[at], np.exp(-d / 1.2) * (0.4 + 0.6 * spokes))
    return np.stack([height + 4 * (ranked(spectral(rng, SIZE, 1.7)) - 0.5), rays], -1)


_MAKERS = {
    "smooth": _fractal, "rough": _fractal, "fine": _fractal, "ridged": _ridged, "cracks": _cracks,
    "rubble": _rubble, "craters": _craters,
}  # fmt: skip


def look_up(rng: np.random.Generator, name: str, u: Layer, v: Layer, scale: float) -> Layer:
    """A texture read at `scale` times (u, v) (H, W) from a random place and under a random turn: float32 (H, W, C).

    1 is a whole texture. It is read at the halving whose texels are as large as pixels, so that what is far off
    does not sparkle.
    """
    levels = _texture(name, int(rng.integers(VARIETY)))
    angle, shift = rng.uniform(0, 2 * np.pi), rng.uniform(0, SIZE, 2)
    c, s = float(np.cos(angle)) * scale, float(np.sin(angle)) * scale
    x, y = c * u - s * v, s * u + c * v
    steps = np.abs(np.diff(x, axis=1))[::4, ::4] + np.abs(np.diff(y, axis=1))[::4, ::4]
    texels = float(np.median(steps)) * SIZE if steps.size else 1.0
    level = int(np.clip(np.floor(np.log2(max(texels, 1.0)) + 0.3), 0, len(levels) - 1))
    texture = levels[level]
    size = texture.shape[0]
    found = cv2.remap(
        texture,
        np.asarray((x * SIZE + shift[0]) * (size / SIZE) % size, np.float32),
        np.asarray((y * SIZE + shift[1]) * (size / SIZE) % size, np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )
    return np.asarray(found.reshape(*u.shape, -1), np.float32)


def grey(rng: np.random.Generator, name: str, u: Layer, v: Layer, scale: float) -> Layer:
    """The first channel of `look_up`, (H, W)."""
    return look_up(rng, name, u, v, scale)[..., 0]


def grid(height: int, width: int) -> tuple[Layer, Layer]:
    """Places (H, W) of pixels, right and up, in half widths of the picture from its middle."""
    x = (np.arange(width, dtype=np.float32) + 0.5) / width * 2 - 1
    y = (1 - (np.arange(height, dtype=np.float32) + 0.5) / height * 2) * (height / width)
    right, up = np.meshgrid(x, y)
    return np.asarray(right, np.float32), np.asarray(up, np.float32)


def slope_towards(height: Layer, sun: NDArray[np.float64], pixel: float) -> Layer:
    """How far a height map (H, W), in units of which a pixel has `pixel`, leans towards the Sun (3,)."""
    down, right = np.gradient(height)
    return np.asarray(-(right * sun[0] - down * sun[1]) / pixel, np.float32)


def mixed(low: NDArray[np.float64], high: NDArray[np.float64], share: Layer) -> Layer:
    """Colours (H, W, 3) from `low` (3,) where share is 0 to `high` where it is 1."""
    return np.asarray(low + (high - low) * np.clip(share, 0, 1)[..., None], np.float32)


def smoothstep(low: float, high: float, x: Layer) -> Layer:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
