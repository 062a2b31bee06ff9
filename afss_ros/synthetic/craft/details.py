"""What sits on a bus: boxes, hatches, thrusters, star trackers, docking rings, booms, logos. All of it is `body`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from afss_ros.labels import BODY
from afss_ros.synthetic.craft import finishes
from afss_ros.synthetic.craft.model import Model
from afss_ros.synthetic.meshes import (
    box,
    disc,
    double_sided,
    frame_along,
    joined,
    lattice,
    prism,
    revolved,
    rotation_about,
    sphere,
    torus,
    tube,
)

Vector = NDArray[np.float32]
Detail = Callable[[Model, np.random.Generator, float, Vector, Vector], None]


def _frame(rng: np.random.Generator, towards: Vector) -> Vector:
    frame = frame_along(towards) @ rotation_about((0, 0, 1), float(rng.choice([0, np.pi / 2, rng.uniform(0, 6.3)])))
    return np.asarray(frame, np.float32)


def add_equipment(model: Model, rng: np.random.Generator, size: float, at: Vector, towards: Vector) -> None:
    """An equipment box."""
    dims = size * rng.uniform(0.25, 1.0, 3)
    finish = finishes.body(rng) if rng.random() < 0.8 else finishes.accent(rng)
    model.add(box(dims), finish, BODY, _frame(rng, towards), at + towards * float(dims[2]) / 2)


def add_canister(model: Model, rng: np.random.Generator, size: float, at: Vector, towards: Vector) -> None:
    """A tank, telescope or lens barrel."""
    r, h = size * float(rng.uniform(0.15, 0.5)), size * float(rng.uniform(0.2, 1.4))
    frame = frame_along(towards)
    model.add(prism(16, r, r * float(rng.uniform(0.7, 1.1)), h), finishes.body(rng), BODY, frame, at + towards * h / 2)
    if rng.random() < 0.6:
        model.add(disc(r * 0.7, 16, h / 2 + 0.01 * size), finishes.accent(rng), BODY, frame, at + towards * h / 2)


def add_thruster(model: Model, rng: np.random.Generator, size: float, at: Vector, towards: Vector) -> None:
    """An engine bell."""
    s = size * float(rng.uniform(0.2, 0.6))
    z = np.linspace(0, 1.3, 7)
    profile = np.stack([s * (0.2 + 0.35 * np.sqrt(z)), s * z], 1)
    model.add(double_sided(revolved(profile, 16)), finishes.metal(rng), BODY, frame_along(towards), at)


def add_star_tracker(model: Model, rng: np.random.Generator, size: float, at: Vector, towards: Vector) -> None:
    """A baffled camera looking askew."""
    axis = towards + 0.6 * rng.standard_normal(3)
    frame = frame_along(axis / np.linalg.norm(axis))
    s = size * float(rng.uniform(0.2, 0.45))
    baffle = double_sided(revolved([(0.25 * s, 0.4 * s), (0.55 * s, 1.4 * s)], 14))
    model.add(joined([baffle, box((0.6 * s, 0.6 * s, 0.8 * s))]), finishes.paint(rng), BODY, frame, at)


def add_docking_ring(model: Model, rng: np.random.Generator, size: float, at: Vector, towards: Vector) -> None:
    """A launch adapter or docking ring."""
    s = size * float(rng.uniform(0.4, 1.0))
    ring = double_sided(revolved([(s * 0.62, 0.0), (s * 0.55, 0.25 * s)], 28))
    lip = torus(s * 0.56, 0.03 * s).moved(translation=(0, 0, 0.25 * s))
    model.add(joined([ring, lip]), finishes.metal(rng), BODY, frame_along(towards), at)


def add_plate(model: Model, rng: np.random.Generator, size: float, at: Vector, towards: Vector) -> None:
    """A hatch, radiator, window of body-mounted cells or logo, almost flush."""
    w, h = size * rng.uniform(0.3, 1.3, 2)
    kind = rng.random()
    if kind < 0.3:
        finish = finishes.logo(rng)
    elif kind < 0.5:
        finish = finishes.cells(rng, float(w), float(h))
    else:
        finish = finishes.paint(rng) if rng.random() < 0.6 else finishes.foil(rng)
    model.add(box((w, h, 0.02 * size)), finish, BODY, _frame(rng, towards), at + towards * 0.005 * size)


def add_boom(model: Model, rng: np.random.Generator, size: float, at: Vector, towards: Vector) -> None:
    """A tube or truss with an instrument at its end."""
    length = size * float(rng.uniform(1.0, 6.0))
    if rng.random() < 0.4:
        arm = lattice(length, 0.18 * size, int(rng.integers(5, 14)), 0.012 * size)
        model.add(arm, finishes.metal(rng), BODY, frame_along(towards), at)
    else:
        model.add(tube(at, at + towards * length, 0.03 * size), finishes.paint(rng), BODY)
    if rng.random() < 0.6:
        add_equipment(model, rng, 0.4 * size, at + towards * length, towards)


def add_dome(model: Model, rng: np.random.Generator, size: float, at: Vector, towards: Vector) -> None:
    """A half sphere."""
    dome = sphere(size * float(rng.uniform(0.2, 0.6)), 18, start=0)
    model.add(dome, finishes.body(rng), BODY, frame_along(towards), at)


def add_rails(model: Model, rng: np.random.Generator, size: float, at: Vector, towards: Vector) -> None:
    """Handrails and pipes along the skin."""
    frame = _frame(rng, towards)
    length = size * float(rng.uniform(0.5, 1.4))
    pipes = [
        tube((-length / 2, 0.08 * size * k, 0.04 * size), (length / 2, 0.08 * size * k, 0.04 * size), 0.014 * size, 5)
        for k in range(int(rng.integers(1, 4)))
    ]
    model.add(joined(pipes), finishes.metal(rng), BODY, frame, at)


DETAILS: tuple[Detail, ...] = (
    add_equipment, add_equipment, add_canister, add_thruster, add_star_tracker, add_docking_ring, add_plate, add_plate,
    add_boom, add_dome, add_rails,
)  # fmt: skip
