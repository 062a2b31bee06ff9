"""Planets and moons as globes: cratered, cracked, iced, banded, hazy, clouded, lit by cities, with rings or without."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.nature.fields import Layer, grey, look_up, mixed, slope_towards, smoothstep
from afss_ros.synthetic.planets import random_rotation

Vector = NDArray[np.float64]
STONES = (
    (0.5, 0.5, 0.5),
    (0.45, 0.4, 0.36),
    (0.62, 0.36, 0.2),
    (0.7, 0.62, 0.5),
    (0.3, 0.29, 0.28),
    (0.75, 0.66, 0.25),
)
ICES = ((0.9, 0.92, 0.95), (0.85, 0.82, 0.78), (0.75, 0.72, 0.7), (0.95, 0.95, 0.95))
GASES = (
    ((0.85, 0.75, 0.6), (0.55, 0.36, 0.22)), ((0.85, 0.78, 0.55), (0.7, 0.6, 0.4)),
    ((0.6, 0.85, 0.9), (0.5, 0.8, 0.88)), ((0.2, 0.4, 0.85), (0.35, 0.55, 0.95)),
    ((0.9, 0.85, 0.75), (0.8, 0.62, 0.42)), ((0.8, 0.6, 0.22), (0.7, 0.5, 0.15)),
    ((0.45, 0.5, 0.6), (0.75, 0.72, 0.68)),
)  # fmt: skip
KINDS = ("rock", "rock", "ice", "banded", "banded", "haze", "cloud", "night")


@dataclass(frozen=True, slots=True)
class Globe:
    """A sphere before the camera: `middle` and `radius` in half widths, Sun (3,) towards it, `kind` of `KINDS`."""

    kind: str
    middle: tuple[float, float]
    radius: float
    sun: Vector
    rings: bool = False


@dataclass(frozen=True, slots=True)
class _Face:
    """The visible half: normals (H, W, 3), places (u, v) on it in radians, light by its angle, pixel in radians."""

    normal: Layer
    u: Layer
    v: Layer
    lit: Layer
    pixel: float


def globe(rng: np.random.Generator, x: Layer, y: Layer, g: Globe) -> tuple[Layer, Layer]:
    """Radiance (H, W, 3) and cover (H, W) of a globe at places (x, y) of `fields.grid`."""
    pixel = float(x[0, 1] - x[0, 0]) / g.radius
    nx, ny = (x - g.middle[0]) / g.radius, (y - g.middle[1]) / g.radius
    rho = np.hypot(nx, ny)
    nz = np.sqrt(np.clip(1 - rho * rho, 0, 1))
    stretch = np.arctan2(rho, nz) / np.maximum(rho, 1e-6)
    normal = np.stack([nx, ny, nz], -1) / np.maximum(rho, 1)[..., None]
    lit = normal @ g.sun.astype(np.float32)
    face = _Face(normal.astype(np.float32), nx * stretch, ny * stretch, lit.astype(np.float32), pixel)
    turn = random_rotation(rng)
    radiance = _SURFACES[g.kind](rng, face, g, turn)
    cover = np.clip((1 - rho) / pixel + 0.5, 0, 1)
    radiance *= cover[..., None]
    if g.kind in ("haze", "banded", "cloud", "night") or rng.random() < 0.15:
        radiance = radiance + _air(rng, rho, normal, g, cover)
    if g.rings:
        radiance, cover = _ringed(rng, nx, ny, nz, radiance, cover, turn[2], g.sun)
    return np.asarray(radiance, np.float32), np.asarray(cover, np.float32)


def _phase(rng: np.random.Generator, lit: Layer) -> Layer:
    """Light by the Sun's height: as chalk, or as dust that is nearly as bright to its edge."""
    return np.asarray(np.clip(lit, 0, 1) ** float(rng.choice([1.0, 0.7, 0.4])), np.float32)


def _scale(rng: np.random.Generator, face: _Face) -> float:
    """Textures a radian: the closer the globe, the smaller what is seen of it."""
    near = max(0.004 / face.pixel, 0.5)
    return float(np.exp(rng.uniform(np.log(0.12), np.log(0.4))) * min(near, 8.0))


def _relief(rng: np.random.Generator, face: _Face, g: Globe, scale: float) -> tuple[Layer, Layer]:
    """Light of craters, ridges and dust (H, W), around 0, and rays of young craters (H, W)."""
    large = look_up(rng, "craters", face.u, face.v, scale)
    height = large[..., 0] / (512 * scale)
    small = look_up(rng, "craters", face.u, face.v, scale * 3.7)
    height = height + small[..., 0] / (512 * scale * 3.7)
    if rng.random() < 0.5:
        height = height + 0.02 / scale * grey(rng, "ridged", face.u, face.v, scale * float(rng.uniform(0.5, 2)))
    lean = slope_towards(height, g.sun, face.pixel) * float(np.exp(rng.uniform(-0.7, 0.8)))
    return np.clip(lean, -0.8, 0.8), large[..., 1] + 0.6 * small[..., 1]


def _rock(rng: np.random.Generator, face: _Face, g: Globe, _: Vector) -> Layer:
    scale = _scale(rng, face)
    base = np.array(STONES[int(rng.integers(len(STONES)))]) * rng.uniform(0.7, 1.3)
    other = base * rng.uniform(0.35, 1.2) * rng.uniform(0.8, 1.2, 3)
    share = grey(rng, "smooth", face.u, face.v, scale * 0.8)
    edge = float(rng.uniform(0.05, 0.4))
    albedo = mixed(base, other, smoothstep(0.5 - edge, 0.5 + edge, share))
    albedo *= (0.75 + 0.5 * grey(rng, "rough", face.u, face.v, scale * 3))[..., None]
    lean, rays = _relief(rng, face, g, scale)
    albedo *= 1 + float(rng.uniform(0, 1.3)) * rays[..., None]
    light = np.clip(_phase(rng, face.lit) + lean * smoothstep(-0.05, 0.2, face.lit), 0, 1.6)
    return np.asarray(albedo * light[..., None], np.float32)


def _ice(rng: np.random.Generator, face: _Face, g: Globe, _: Vector) -> Layer:
    scale = _scale(rng, face)
    base = np.array(ICES[int(rng.integers(len(ICES)))])
    stain = np.array([(0.55, 0.38, 0.22), (0.5, 0.55, 0.6), (0.35, 0.25, 0.2), (0.6, 0.7, 0.75)][int(rng.integers(4))])
    amount = float(rng.uniform(0.0, 1.0))
    blotch = smoothstep(0.35, 0.9, grey(rng, "smooth", face.u, face.v, scale)) * amount
    lines = np.maximum(
        grey(rng, "cracks", face.u, face.v, scale * 0.8), 0.7 * grey(rng, "cracks", face.u, face.v, scale * 2.5)
    )
    albedo = mixed(base, stain, blotch + lines * float(rng.uniform(0.1, 0.8)))
    lean, rays = _relief(rng, face, g, scale)
    lean = lean * float(rng.uniform(0.1, 0.7)) + slope_towards(-lines * 0.02, g.sun, face.pixel).clip(-0.3, 0.3)
    albedo = albedo * (0.85 + 0.3 * rays[..., None])
    light = np.clip(_phase(rng, face.lit) + lean * smoothstep(-0.05, 0.2, face.lit), 0, 1.5)
    return np.asarray(albedo * light[..., None], np.float32)


def _banded(rng: np.random.Generator, face: _Face, g: Globe, turn: Vector) -> Layer:
    low, high = (np.array(c) for c in GASES[int(rng.integers(len(GASES)))])
    scale = _scale(rng, face)
    height = (face.normal @ turn[2].astype(np.float32)).astype(np.float32)
    warp = grey(rng, "smooth", face.u, face.v, scale * 1.5) - 0.5
    curl = grey(rng, "ridged", face.u, face.v, scale * 3) - 0.5
    waves = float(rng.uniform(0.0, 0.25))
    at = height + waves * (0.6 * warp + 0.25 * curl) / max(scale * 6, 1)
    bands = grey(rng, "rough", at * float(rng.uniform(0.15, 0.6)), np.zeros_like(at), 1.0)
    contrast = float(rng.uniform(0.05, 1.0))
    colour = mixed(low, high, 0.5 + contrast * (bands - 0.5) * 2 + float(rng.uniform(0, 0.3)) * curl)
    for _ in range(int(rng.choice([0, 0, 1, 3, 10]))):  # storms
        cu, cv, size = *rng.uniform(-1, 1, 2), float(np.exp(rng.uniform(np.log(0.03), np.log(0.25))))
        across = face.normal @ np.cross(turn[2], [0.0, 0.0, 1.0]).astype(np.float32)
        d = np.hypot((across - cu) / (1.8 * size), (height - cv) / size)
        tint = high * rng.uniform(0.5, 1.4) * np.array([rng.uniform(0.9, 1.4), 1, rng.uniform(0.6, 1)])
        whirl = 0.8 + 0.2 * np.cos(9 * d + 3 * curl)
        colour = colour + (tint * whirl[..., None] - colour) * np.exp(-(d**4))[..., None] * 0.8
    return np.asarray(colour * _phase(rng, face.lit)[..., None], np.float32)


def _haze(rng: np.random.Generator, face: _Face, g: Globe, turn: Vector) -> Layer:
    low, high = (np.array(c) for c in GASES[int(rng.integers(len(GASES)))])
    share = grey(rng, "smooth", face.u, face.v, float(rng.uniform(0.05, 0.25)))
    height = (face.normal @ turn[2].astype(np.float32)).astype(np.float32)
    colour = mixed(low, high, 0.5 + float(rng.uniform(0, 0.6)) * (share - 0.5) + float(rng.uniform(0, 0.4)) * height)
    streak = grey(rng, "rough", face.u * 0.3 + 0.5 * height, height, float(rng.uniform(0.2, 0.8))) - 0.5
    colour = colour * (1 + float(rng.choice([0.0, 0.1, 0.5])) * streak[..., None])
    return np.asarray(colour * _phase(rng, face.lit)[..., None], np.float32)


def clouded(rng: np.random.Generator, u: Layer, v: Layer, scale: float, sun: Vector, pixel: float) -> Layer:
    """Radiance (H, W, 3) of cloud over sea and land under a high Sun; cyclones, sheets, cells, towers and wisps."""
    if rng.random() < 0.4:
        cu, cv = rng.uniform(-0.5, 0.5, 2)
        r = np.hypot(u - cu, v - cv) * scale
        a = float(rng.choice([-1, 1]) * rng.uniform(1, 6)) * np.exp(-r * float(rng.uniform(2, 6)))
        du, dv = u - cu, v - cv
        u, v = np.cos(a) * du - np.sin(a) * dv, np.sin(a) * du + np.cos(a) * dv
    sheet = grey(rng, "smooth", u, v, scale)
    puffs = grey(rng, str(rng.choice(["rough", "ridged"])), u, v, scale * 4)
    small = grey(rng, "rough", u, v, scale * 13)
    thick = 0.55 * sheet + 0.3 * puffs + 0.15 * small
    start = float(rng.uniform(0.2, 0.65))
    cover = smoothstep(start, start + float(rng.uniform(0.08, 0.4)), thick)
    lean = slope_towards(np.asarray(cover * (0.5 + thick), np.float32), sun, 1.0) * float(rng.uniform(1, 8))
    ground = mixed(
        np.array([0.01, 0.04, 0.12]) * rng.uniform(0.5, 3),
        np.array([0.2, 0.17, 0.1]) * rng.uniform(0.4, 1.6),
        smoothstep(0.48, 0.55, grey(rng, "smooth", u, v, scale * 0.6)) * float(rng.choice([0, 1])),
    )
    top = np.array([0.9, 0.93, 1.0])
    white = top * np.clip(0.75 + 0.3 * (thick - 0.5) + np.clip(lean, -0.4, 0.3), 0.2, 1.2)[..., None]
    return np.asarray(ground + (white - ground) * cover[..., None], np.float32)


def _cloud(rng: np.random.Generator, face: _Face, g: Globe, _: Vector) -> Layer:
    picture = clouded(rng, face.u, face.v, _scale(rng, face), g.sun, face.pixel)
    return np.asarray(picture * np.clip(face.lit, 0, 1)[..., None], np.float32)


def city_lights(rng: np.random.Generator, u: Layer, v: Layer, scale: float) -> Layer:
    """Radiance (H, W, 3) of towns, roads and coasts by night, on black or faintly moonlit ground."""
    people = smoothstep(float(rng.uniform(0.3, 0.6)), 1.0, grey(rng, "smooth", u, v, scale))
    towns = smoothstep(0.8, 1.0, grey(rng, "fine", u, v, scale * 1.5)) ** 2
    centres = smoothstep(0.88, 1.0, grey(rng, "rough", u, v, scale * 5)) ** 2
    roads = grey(rng, "cracks", u, v, scale * 3) ** 2 * grey(rng, "fine", u, v, scale * 6)
    glow = people * (float(rng.uniform(0.3, 1)) * towns + 2.0 * centres + float(rng.uniform(0, 0.4)) * roads)
    warm = np.array([1.0, rng.uniform(0.55, 0.85), rng.uniform(0.2, 0.7)])
    moon = rng.uniform(0, 0.04) * (0.4 + grey(rng, "rough", u, v, scale * 2))[..., None] * np.array([0.5, 0.7, 1.0])
    return np.asarray(glow[..., None] * warm * float(rng.uniform(0.6, 3)) + moon, np.float32)


def _night(rng: np.random.Generator, face: _Face, g: Globe, _: Vector) -> Layer:
    lights = city_lights(rng, face.u, face.v, _scale(rng, face) * 1.5)
    dark = smoothstep(0.1, -0.1, face.lit) if rng.random() < 0.4 else np.ones_like(face.lit)
    day = clouded(rng, face.u, face.v, _scale(rng, face), g.sun, face.pixel) * np.clip(face.lit, 0, 1)[..., None]
    return np.asarray(lights * dark[..., None] + day * (1 - dark)[..., None], np.float32)


def _air(rng: np.random.Generator, rho: Layer, normal: Layer, g: Globe, cover: Layer) -> Layer:
    """Air above the limb and haze before it."""
    tall = float(np.exp(rng.uniform(np.log(0.004), np.log(0.06))))
    hue = np.array(
        [(0.35, 0.6, 1.0), (0.9, 0.7, 0.45), (0.6, 0.75, 0.9), (0.3, 0.9, 0.6)][
            int(rng.choice(4, p=[0.6, 0.2, 0.15, 0.05]))
        ]
    )
    day = smoothstep(-0.25, 0.3, normal @ g.sun.astype(np.float32))
    if g.kind == "night" or rng.random() < 0.12:  # airglow, or a limb lit from behind
        day = day + float(rng.uniform(0.05, 0.6))
    above = np.exp(-np.clip(rho - 1, 0, 30) / tall) * (1 - cover)
    before = smoothstep(1 - 6 * tall, 1.0, rho) * cover * 0.5
    return np.asarray(float(rng.uniform(0.2, 1)) * (above + before)[..., None] * hue * day[..., None], np.float32)


def ring_profile(rng: np.random.Generator, radius: Layer, inner: float, outer: float) -> Layer:
    """How dense rings are, 0..1, at a distance from the planet's middle in its radii: ringlets and gaps."""
    t = (radius - inner) / (outer - inner)
    steps = grey(rng, "rough", t * float(rng.uniform(0.3, 1.0)), np.zeros_like(t), 1.0)
    density = float(rng.uniform(0.3, 1)) * np.clip(0.35 + steps, 0, 1)
    for _ in range(int(rng.integers(0, 4))):
        density = density * (1 - np.exp(-(((t - rng.uniform(0, 1)) / rng.uniform(0.005, 0.06)) ** 2)))
    inside = smoothstep(0, 0.02, t) * smoothstep(1, 0.98, t)
    if rng.random() < 0.2:  # a few thin rings alone
        density = density * smoothstep(0.75, 0.95, steps)
    return np.asarray(density * inside, np.float32)


def _ringed(
    rng: np.random.Generator, x: Layer, y: Layer, nz: Layer, radiance: Layer, cover: Layer, axis: Vector, sun: Vector
) -> tuple[Layer, Layer]:
    lean = axis if abs(axis[2]) > 0.06 else np.array([axis[0], axis[1], 0.06])
    z = -(lean[0] * x + lean[1] * y) / lean[2]
    inner = float(rng.uniform(1.1, 1.6))
    density = ring_profile(
        rng, np.sqrt(x * x + y * y + z * z).astype(np.float32), inner, inner * float(rng.uniform(1.2, 2))
    )
    along = x * sun[0] + y * sun[1] + z * sun[2]
    aside = np.sqrt(np.maximum(x * x + y * y + z * z - along**2, 0))
    light = np.where((along < 0) & (aside < 1), 0.03, 1.0)
    before = np.where((cover > 0.5) & (z < nz), 0.0, 1.0)
    hue = np.array([1.0, rng.uniform(0.85, 1.0), rng.uniform(0.65, 1.0)]) * rng.uniform(0.2, 1.0)
    share = (density * before)[..., None]
    ring = hue * light[..., None]
    return np.asarray(radiance * (1 - share) + ring * share, np.float32), np.maximum(cover, share[..., 0])


_SURFACES = {"rock": _rock, "ice": _ice, "banded": _banded, "haze": _haze, "cloud": _cloud, "night": _night}
