"""Antennas: dishes, horns, patches, helices and whips are `antenna`; the booms that hold them are `body`."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from afss_ros.labels import ANTENNA, BODY
from afss_ros.synthetic import materials as m
from afss_ros.synthetic.craft import finishes
from afss_ros.synthetic.craft.model import Model
from afss_ros.synthetic.materials import Material
from afss_ros.synthetic.meshes import box, disc, double_sided, frame_along, joined, prism, revolved, torus, tube

Vector = NDArray[np.float32]
Antenna = Callable[[Model, np.random.Generator, float, Vector, Vector], None]


def _reflector(rng: np.random.Generator) -> Material:
    if rng.random() < 0.25:
        return Material(
            m.RIBS, finishes.jittered(rng, (0.6, 0.5, 0.3)), second=(0.2, 0.18, 0.15), roughness=0.5, metallic=0.5,
            pitch=(0.2, 0.2), line=0.1,
        )  # fmt: skip
    colors = ((0.85, 0.85, 0.84), (0.9, 0.9, 0.9), (0.55, 0.55, 0.56), (0.12, 0.12, 0.12), (0.75, 0.6, 0.4))
    base = colors[int(rng.choice(5, p=(0.4, 0.25, 0.15, 0.1, 0.1)))]
    return Material(
        m.SEAMS if rng.random() < 0.3 else m.PLAIN, finishes.jittered(rng, base), second=(0.4, 0.4, 0.4),
        roughness=float(rng.uniform(0.3, 0.8)), metallic=float(rng.choice([0.0, 0.0, 0.5])), pitch=(0.3, 0.3),
        line=0.03,
    )  # fmt: skip


def add_dish(model: Model, rng: np.random.Generator, radius: float, at: Vector, towards: Vector, arm: float) -> None:
    """A parabolic reflector with feed and struts on an arm, opening along `towards`."""
    frame = frame_along(towards)
    focal = float(rng.uniform(0.35, 0.9))
    r = np.linspace(0.0, radius, 8)
    bowl = r**2 / (4 * focal * radius) + 0.02 * radius
    shell = double_sided(revolved(np.stack([r[::-1], bowl[::-1]], 1), 28))
    start = at + frame[:, 2] * arm
    reflector = _reflector(rng)
    model.add(shell, reflector, ANTENNA, frame, start)
    model.add(torus(radius, 0.012 * radius, 28, 5), finishes.metal(rng), ANTENNA, frame, start + frame[:, 2] * bowl[-1])
    tip = (0.0, 0.0, focal * radius)
    metal = finishes.metal(rng)
    if rng.random() < 0.75:
        count = int(rng.choice([1, 3, 4]))
        struts = [
            tube((0.8 * radius * np.cos(a), 0.8 * radius * np.sin(a), bowl[-2]), tip, 0.012 * radius, 4)
            for a in np.arange(count) * 2 * np.pi / count
        ]
        feed = prism(10, 0.08 * radius, 0.05 * radius, 0.16 * radius).moved(translation=tip)
        model.add(joined([*struts, feed]), metal, ANTENNA, frame, start)
    if arm > 0:
        model.add(tube(at, start, 0.05 * radius + 0.01), metal, BODY)
    hub = prism(12, 0.2 * radius, 0.12 * radius, 0.15 * radius).moved(translation=(0, 0, -0.06 * radius))
    model.add(hub, metal, ANTENNA, frame, start)


def add_horn(model: Model, rng: np.random.Generator, size: float, at: Vector, towards: Vector) -> None:
    """A conical feed horn."""
    wall = revolved([(0.25 * size, 0.0), (0.55 * size, 1.2 * size)], 18)
    model.add(double_sided(wall), finishes.metal(rng), ANTENNA, frame_along(towards), at)


def add_patch(model: Model, rng: np.random.Generator, size: float, at: Vector, towards: Vector) -> None:
    """A flat phased array."""
    pitch = size / int(rng.integers(2, 9))
    finish = Material(
        m.SEAMS, finishes.jittered(rng, (0.7, 0.68, 0.6), 0.3), second=(0.3, 0.3, 0.3), roughness=0.7,
        pitch=(pitch, pitch), line=0.12,
    )  # fmt: skip
    model.add(box((size, size * float(rng.uniform(0.4, 1.6)), 0.06 * size)), finish, ANTENNA, frame_along(towards), at)


def add_helix(model: Model, rng: np.random.Generator, size: float, at: Vector, towards: Vector) -> None:
    """A helix round a mast above a small ground plate."""
    turns = np.linspace(0, 2 * np.pi * 5, 46)
    path = np.stack([0.18 * size * np.cos(turns), 0.18 * size * np.sin(turns), size * turns / turns[-1] * 1.5], 1)
    wire = joined([tube(a, b, 0.025 * size, 3) for a, b in itertools.pairwise(path)])
    frame = frame_along(towards)
    model.add(joined([wire, disc(0.3 * size, 14), prism(6, 0.03 * size, 0.03 * size, 1.5 * size).moved(
        translation=(0, 0, 0.75 * size))]), finishes.metal(rng), ANTENNA, frame, at)  # fmt: skip


def add_whip(model: Model, rng: np.random.Generator, size: float, at: Vector, towards: Vector) -> None:
    """A rod or tape antenna."""
    length = size * float(rng.uniform(1.5, 6.0))
    radius = size * float(rng.uniform(0.012, 0.03))
    finish = finishes.metal(rng) if rng.random() < 0.6 else finishes.paint(rng)
    model.add(tube(at, at + towards * length, radius, 5, taper=0.5), finish, ANTENNA)


def add_capped_cylinder(model: Model, rng: np.random.Generator, size: float, at: Vector, towards: Vector) -> None:
    """A low-gain antenna: a small cone on a stub."""
    frame = frame_along(towards)
    solid = joined([
        prism(10, 0.12 * size, 0.12 * size, 0.6 * size).moved(translation=(0, 0, 0.3 * size)),
        prism(12, 0.3 * size, 0.1 * size, 0.35 * size).moved(translation=(0, 0, 0.75 * size)),
    ])  # fmt: skip
    model.add(solid, finishes.paint(rng), ANTENNA, frame, at)


SMALL: tuple[Antenna, ...] = (
    add_horn, add_patch, add_helix, add_whip, add_whip, add_capped_cylinder,
)  # fmt: skip
