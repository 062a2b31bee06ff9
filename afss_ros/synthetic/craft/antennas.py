"""Antennas that are no dish: horns, phased arrays, patches, helices, whips. All are `antenna`, their booms `body`."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from afss_ros.labels import ANTENNA
from afss_ros.synthetic import materials as m
from afss_ros.synthetic.craft import finishes
from afss_ros.synthetic.craft.model import Model
from afss_ros.synthetic.materials import Color, Material
from afss_ros.synthetic.meshes import box, disc, double_sided, frame_along, joined, prism, revolved, tube

Vector = NDArray[np.float32]
PLATES: tuple[Color, ...] = (
    (0.85, 0.85, 0.84), (0.6, 0.6, 0.6), (0.3, 0.3, 0.32), (0.7, 0.5, 0.22), (0.8, 0.75, 0.6), (0.1, 0.1, 0.11),
)  # fmt: skip
Antenna = Callable[[Model, np.random.Generator, float, Vector, Vector], None]


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


def add_array(model: Model, rng: np.random.Generator, size: float, at: Vector, towards: Vector) -> None:
    """A large phased array: a plate of tiles or of dots a little off the skin, white, grey or kapton."""
    wide, high = size * float(rng.uniform(1.2, 3.5)), size * float(rng.uniform(1.0, 2.5))
    columns, rows = int(rng.integers(2, 16)), int(rng.integers(2, 12))
    color = PLATES[int(rng.integers(len(PLATES)))]
    finish = Material(
        m.SEAMS if rng.random() < 0.7 else m.HEXAGONS, finishes.jittered(rng, color, 0.2),
        second=finishes.jittered(rng, PLATES[int(rng.integers(len(PLATES)))], 0.2),
        roughness=float(rng.uniform(0.4, 0.9)), metallic=float(rng.choice([0.0, 0.0, 0.4])),
        pitch=(wide / columns, high / rows),
        line=float(rng.uniform(0.04, 0.3)), seed=float(rng.uniform(0, 50)),
    )  # fmt: skip
    model.add(box((wide, high, 0.08 * size)), finish, ANTENNA, frame_along(towards), at + towards * 0.06 * size)


def add_horns(model: Model, rng: np.random.Generator, size: float, at: Vector, towards: Vector) -> None:
    """A cluster of equal horns."""
    frame, finish = frame_along(towards), finishes.metal(rng) if rng.random() < 0.6 else finishes.paint(rng)
    wall = double_sided(revolved([(0.1 * size, 0.0), (0.25 * size, 0.8 * size)], 14))
    for k in range(int(rng.integers(3, 8))):
        spot = np.array([(k % 3 - 1) * 0.55 * size, (k // 3 - 0.5) * 0.55 * size, 0.0], np.float32)
        with model.component("horn"):
            model.add(wall, finish, ANTENNA, frame, at + frame @ spot)


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
    add_horn, add_patch, add_helix, add_whip, add_whip, add_capped_cylinder, add_array, add_horns,
)  # fmt: skip
