"""Which piece of nature stands behind a frame, and how often."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.nature import deep_sky
from afss_ros.synthetic.nature.fields import Layer, grid
from afss_ros.synthetic.nature.globes import KINDS as GLOBES
from afss_ros.synthetic.nature.globes import Globe, globe
from afss_ros.synthetic.nature.grounds import ground
from afss_ros.synthetic.nature.small_bodies import asteroid, comet, swarm
from afss_ros.synthetic.nature.sun_disc import sun_disc

Vector = NDArray[np.float64]
KINDS: dict[str, float] = {
    "globe": 0.28,
    "ringed": 0.10,
    "ground": 0.20,
    "asteroid": 0.11,
    "comet": 0.07,
    "sun": 0.07,
    "nebula": 0.07,
    "galaxy": 0.06,
    "stars": 0.04,
}
"""`globe`: a planet or moon, far, near or filling the frame, some with a moon; `ringed`: one with rings; `ground`:
land, ice, rubble, cloud or towns to every side or to a horizon; `asteroid`: one or several; `comet`: coma and tails;
`sun`: its disc; `nebula`, `galaxy`, `stars`: far off."""


@dataclass(frozen=True, slots=True)
class Backdrop:
    """`radiance` float32 (H, W, 3) of a kind of `KINDS`; the Sun (3,) that lights it, in the renderer's axes."""

    radiance: Layer
    kind: str
    sun: Vector


def draw_backdrop(rng: np.random.Generator, height: int, width: int) -> Backdrop:
    """A random piece of nature as the camera sees it."""
    kind = str(rng.choice(list(KINDS), p=np.array(list(KINDS.values())) / sum(KINDS.values())))
    sun = rng.standard_normal(3) + np.array([0, 0, 0.6])
    if kind in ("ground", "ringed", "asteroid"):
        sun[2] = abs(sun[2])
    sun = sun / np.linalg.norm(sun)
    x, y = grid(height, width)
    sky = np.zeros((height, width, 3), np.float32)
    if kind in ("comet", "nebula", "galaxy", "stars") or rng.random() < 0.35:
        sky += deep_sky.faint_stars(rng, height, width)
        sky += deep_sky.bright_stars(rng, height, width) * (1.0 if kind in ("nebula", "galaxy", "stars") else 0.3)
    if kind == "nebula" or (kind != "ground" and rng.random() < 0.12):
        sky += deep_sky.nebula(rng, x, y) * (1.0 if kind == "nebula" else float(rng.uniform(0.02, 0.4)))
    if kind == "galaxy":
        for _ in range(int(rng.choice([1, 1, 1, 3]))):
            sky += deep_sky.galaxy(rng, x, y)
    elif kind == "comet":
        sky += comet(rng, x, y, sun)
    elif kind in _BODIES:
        body, cover = _BODIES[kind](rng, x, y, sun)
        sky = sky * (1 - cover[..., None]) + body
        if kind == "ground" and float(cover.min()) < 0.5 and rng.random() < 0.3:  # something in its sky
            other, share = globe(rng, x, y, _globe(rng, sun, far=True))
            share = share * (1 - cover)
            sky = sky * (1 - share[..., None]) + other * (1 - cover[..., None])
    tint = np.exp(rng.normal(0, 0.05, 3)).astype(np.float32)
    return Backdrop(np.asarray(np.maximum(sky, 0) * tint, np.float32), kind, sun)


def _globe(rng: np.random.Generator, sun: Vector, *, far: bool = False, rings: bool = False) -> Globe:
    kind = str(rng.choice(["banded", "haze", "ice", "rock"], p=[0.5, 0.3, 0.1, 0.1]) if rings else rng.choice(GLOBES))
    if far:
        size = float(np.exp(rng.uniform(np.log(0.01), np.log(0.2))))
    else:
        small = 0.04 if rng.random() < 0.2 else 0.25
        size = float(np.exp(rng.uniform(np.log(small), np.log(0.7 if rings else 3.0))))
    reach = size - float(rng.uniform(0.1, 0.9)) if size > 0.8 else float(rng.uniform(0, 0.5))
    angle = rng.uniform(0, 2 * np.pi)
    return Globe(kind, (float(reach * np.cos(angle)), float(reach * np.sin(angle))), size, sun, rings)


def _globes(rng: np.random.Generator, x: Layer, y: Layer, sun: Vector) -> tuple[Layer, Layer]:
    picture, cover = globe(rng, x, y, _globe(rng, sun))
    for _ in range(int(rng.choice([0, 0, 0, 1, 3]))):
        moon, share = globe(rng, x, y, _globe(rng, sun, far=True))
        picture = picture * (1 - share[..., None]) + moon
        cover = np.maximum(cover, share)
    return picture, cover


def _ringed(rng: np.random.Generator, x: Layer, y: Layer, sun: Vector) -> tuple[Layer, Layer]:
    g = _globe(rng, sun, rings=True)
    if rng.random() < 0.25:  # close above the rings
        g = Globe(g.kind, (g.middle[0] * 4, g.middle[1] * 4), g.radius * 4, sun, True)
    return globe(rng, x, y, g)


def _rocks(rng: np.random.Generator, x: Layer, y: Layer, sun: Vector) -> tuple[Layer, Layer]:
    if rng.random() < 0.25:
        return swarm(rng, x, y, sun)
    size = float(np.exp(rng.uniform(np.log(0.04 if rng.random() < 0.25 else 0.25), np.log(1.8))))
    middle = rng.normal(0, 0.25, 2)
    return asteroid(rng, x, y, (float(middle[0]), float(middle[1])), size, sun)


def _disc(rng: np.random.Generator, x: Layer, y: Layer, _: Vector) -> tuple[Layer, Layer]:
    return sun_disc(rng, x, y)


_BODIES = {"globe": _globes, "ringed": _ringed, "ground": ground, "asteroid": _rocks, "sun": _disc}
