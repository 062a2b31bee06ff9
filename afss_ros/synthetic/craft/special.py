"""Bodies that are no plain bus: telescopes, cubesats, balls, trusses, sails, debris."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from afss_ros.labels import BODY
from afss_ros.synthetic import materials as m
from afss_ros.synthetic.craft import finishes
from afss_ros.synthetic.craft.bus import Bus
from afss_ros.synthetic.craft.model import Model
from afss_ros.synthetic.materials import Material
from afss_ros.synthetic.meshes import (
    box,
    disc,
    double_sided,
    joined,
    lattice,
    prism,
    quad,
    revolved,
    rotation_about,
    sphere,
    torus,
    tube,
)


def _half(x: float, y: float, z: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array([x, y, z], np.float32)


def telescope_bus(model: Model, rng: np.random.Generator) -> Bus:
    """A barrel with an open, dark aperture, a baffle or door, and a wider service section."""
    length, r = float(rng.uniform(1.2, 2.8)), float(rng.uniform(0.35, 0.55))
    h = length / 2
    model.add(revolved([(r, -h), (r, h)], 30), finishes.body(rng), BODY)
    inside = Material(m.PLAIN, (0.02, 0.02, 0.022), roughness=0.9)
    model.add(revolved([(r * 0.95, h), (r * 0.95, h * 0.3)], 30), inside, BODY)
    glint = finishes.metal(rng) if rng.random() < 0.4 else finishes.accent(rng)
    model.add(disc(r * 0.95, 30, h * 0.3), inside if rng.random() < 0.6 else glint, BODY)
    model.add(torus(r * 0.98, 0.03 * r, 30, 6), finishes.metal(rng), BODY, translation=(0, 0, h))
    if rng.random() < 0.4:
        door = joined([disc(r, 30, 0.01), disc(r, 30, -0.01, up=False)])
        tilt = rotation_about((0, 1, 0), float(rng.uniform(0.3, 2.0)))
        model.add(door, finishes.body(rng), BODY, tilt, np.array([-r, 0, h]) + tilt @ np.array([r, 0, 0]))
    elif rng.random() < 0.5:
        hood = double_sided(revolved([(r, h), (r * float(rng.uniform(1.0, 1.7)), h * 1.5)], 30))
        model.add(hood, finishes.body(rng), BODY)
    for z in rng.uniform(-h, h, int(rng.choice([0, 2, 5]))):
        model.add(torus(r, 0.02 * r, 30, 5), finishes.metal(rng), BODY, translation=(0, 0, float(z)))
    sides = int(rng.choice([6, 8, 30]))
    skirt = prism(sides, r * 1.25, r * 1.25, length * float(rng.uniform(0.2, 0.45)))
    model.add(skirt, finishes.body(rng), BODY, translation=(0, 0, -h * 0.7))
    return Bus(_half(r * 1.05, r * 1.05, h * 0.9), True)


def cubesat_bus(model: Model, rng: np.random.Generator) -> Bus:
    """One to twelve units within rails, cells on most faces."""
    size = 0.5 * np.array([[1, 1, 1], [1, 1, 2], [1, 1, 3], [2, 1, 3], [2, 2, 3]][int(rng.integers(5))])
    hx, hy, hz = size / 2
    cells = finishes.cells(rng, float(size[0]), float(size[2]))
    plain = finishes.paint(rng)
    for face in ("+x", "-x", "+y", "-y", "+z", "-z"):
        model.add(box(size * 0.97, face), cells if rng.random() < 0.55 else plain, BODY)
    r = 0.03
    rails = [box((r, r, size[2] * 1.04)).moved(translation=(a * hx, b * hy, 0)) for a in (-1, 1) for b in (-1, 1)]
    rails += [box((size[0], r, r)).moved(translation=(0, a * hy, b * hz)) for a in (-1, 1) for b in (-1, 1)]
    rails += [box((r, size[1], r)).moved(translation=(a * hx, 0, b * hz)) for a in (-1, 1) for b in (-1, 1)]
    model.add(joined(rails), finishes.metal(rng) if rng.random() < 0.6 else finishes.paint(rng), BODY)
    return Bus((size / 2).astype(np.float32), False)


def ball_bus(model: Model, rng: np.random.Generator) -> Bus:
    """A sphere or geodesic dome with belts."""
    r = 0.6
    skin = finishes.hexagons(rng) if rng.random() < 0.4 else finishes.body(rng)
    model.add(sphere(r, int(rng.choice([10, 28]))), skin, BODY)
    for tilt in rng.uniform(0, np.pi, int(rng.integers(0, 4))):
        model.add(torus(r, 0.03), finishes.metal(rng), BODY, rotation_about((1, 0, 0), float(tilt)))
    return Bus(_half(r * 0.72, r * 0.72, r * 0.72), True)


def truss_bus(model: Model, rng: np.random.Generator) -> Bus:
    """An open frame that carries boxes, tanks and foil packs."""
    length, width = float(rng.uniform(1.5, 4.0)), float(rng.uniform(0.3, 0.7))
    frame = lattice(length, width * 1.4, int(length / width * 1.2) + 1, 0.025, sides=int(rng.choice([3, 4])))
    model.add(
        frame, finishes.metal(rng) if rng.random() < 0.6 else finishes.paint(rng), BODY, translation=(0, 0, -length / 2)
    )
    for _ in range(int(rng.integers(2, 8))):
        s = width * float(rng.uniform(0.4, 1.3))
        z = float(rng.uniform(-0.5, 0.5)) * length
        solid = box(s * rng.uniform(0.6, 1.5, 3)) if rng.random() < 0.6 else prism(18, s * 0.5, s * 0.5, s * 1.4)
        model.add(solid, finishes.body(rng), BODY, translation=(*(rng.normal(0, 0.25 * width, 2)), z))
    return Bus(_half(width / 2, width / 2, length / 2), False)


def sail_bus(model: Model, rng: np.random.Generator) -> Bus:
    """A solar sail or sunshield on crossed booms, with a small hub. The sail is `body`: it makes no power."""
    s = float(rng.uniform(1.5, 3.0))
    bright = Material(
        m.FOIL, finishes.jittered(rng, (0.75, 0.75, 0.77)), roughness=0.45,
        metallic=float(rng.uniform(0, 0.8)), bump=0.3, bump_pitch=1.2, seed=float(rng.uniform()),
    )  # fmt: skip
    for k in range(4):
        turn = rotation_about((0, 0, 1), k * np.pi / 2)
        corner = [(0.05, 0.05, 0.0), (s, 0.0, 0.0), (s * 0.55, s * 0.55, -0.04), (0.0, s, 0.0)]
        model.add(double_sided(quad(corner)), bright, BODY, turn)
    booms = [tube((0, 0, 0), (s * np.cos(a), s * np.sin(a), 0), 0.015 * s) for a in np.arange(4) * np.pi / 2]
    model.add(joined(booms), finishes.metal(rng), BODY)
    hub = np.array([0.4, 0.4, 0.5])
    model.add(box(hub), finishes.body(rng), BODY)
    return Bus((hub / 2).astype(np.float32), False)


def debris_bus(model: Model, rng: np.random.Generator) -> Bus:
    """A fragment: a ring, a bent plate, a rod, a shard, a tank."""
    kind = str(rng.choice(["ring", "plate", "rod", "shard", "tank"], p=[0.3, 0.2, 0.2, 0.1, 0.2]))
    skin = finishes.body(rng) if rng.random() < 0.5 else finishes.metal(rng)
    if kind == "ring":
        model.add(double_sided(revolved([(0.5, -0.08), (0.5 * float(rng.uniform(0.7, 1.0)), 0.12)], 28)), skin, BODY)
    elif kind == "plate":
        model.add(box((1.0, float(rng.uniform(0.3, 1.0)), 0.02)), skin, BODY)
        model.add(box((0.5, 0.6, 0.02)), skin, BODY, rotation_about((0, 1, 0), 0.8), (0.6, 0, 0.15))
    elif kind == "rod":
        model.add(tube((0, 0, -0.7), (0.05, 0, 0.7), 0.04), skin, BODY)
    elif kind == "tank":
        model.add(sphere(0.4, 20), skin, BODY)
        model.add(prism(20, 0.4, 0.4, float(rng.uniform(0.1, 1.2))), finishes.body(rng), BODY)
    else:
        points = rng.normal(0, 0.4, (6, 3))
        shards = [quad(points[[i, i + 1, i + 2, i]]) for i in range(4)]
        model.add(double_sided(joined(shards)), skin, BODY)
    return Bus(_half(0.3, 0.3, 0.3), False)


SPECIAL: dict[str, Callable[[Model, np.random.Generator], Bus]] = {
    "telescope": telescope_bus,
    "cubesat": cubesat_bus,
    "ball": ball_bus,
    "truss": truss_bus,
    "sail": sail_bus,
    "debris": debris_bus,
}
