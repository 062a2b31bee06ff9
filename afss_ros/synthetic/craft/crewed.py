"""Bodies of flown hardware with modules: capsules, stations, landers, rocket stages."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from afss_ros.labels import BODY
from afss_ros.synthetic import materials as m
from afss_ros.synthetic.craft import finishes
from afss_ros.synthetic.craft.bus import Bus, Vector
from afss_ros.synthetic.craft.model import Model
from afss_ros.synthetic.materials import Material
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

AXES = np.concatenate([np.eye(3), -np.eye(3)]).astype(np.float32)


def _half(x: float, y: float, z: float) -> Vector:
    return np.array([x, y, z], np.float32)


def _bell(rng: np.random.Generator, size: float) -> Callable[[Model, Vector, Vector], None]:
    """An engine bell of `size` metres, all alike on one craft."""
    t = np.linspace(0, 1.3, 7)
    wall = double_sided(revolved(np.stack([size * (0.2 + 0.35 * np.sqrt(t)), size * t], 1), 18))
    finish = finishes.metal(rng)

    def add(model: Model, at: Vector, towards: Vector) -> None:
        with model.component("thruster"):
            model.add(wall, finish, BODY, frame_along(towards), at)

    return add


def capsule_bus(model: Model, rng: np.random.Generator) -> Bus:
    """A crewed ship: a bell with an orbital sphere, or a cone with a heat shield before its service module."""
    return _bell_capsule(model, rng) if rng.random() < 0.5 else _cone_capsule(model, rng)


def _bell_capsule(model: Model, rng: np.random.Generator) -> Bus:
    """Service module, bell-shaped capsule, orbital sphere or docking port."""
    r = 0.55
    z = -0.9
    profile = [(0.0, z), (r * float(rng.uniform(0.6, 1.0)), z), (r, z + 0.15), (r, z + float(rng.uniform(0.5, 1.1)))]
    top = profile[-1][1]
    if rng.random() < 0.5:
        profile += [(r * float(rng.uniform(0.75, 1.0)), top + 0.1), (r * 0.5, top + 0.6), (r * 0.42, top + 0.68)]
        top += 0.68
    else:
        profile += [(r * 0.85, top + 0.1), (r * 0.35, top + 0.5), (r * 0.35, top + 0.6)]
        top += 0.6
    bands = [int(rng.integers(1, len(profile) - 2)), len(profile) - 1]
    start = 0
    for end in bands:
        if end > start:
            model.add(revolved(profile[start : end + 1], 28), finishes.body(rng), BODY)
            start = end
    model.add(disc(profile[-1][0], 28, top), finishes.metal(rng), BODY)
    if rng.random() < 0.6:
        ball = float(rng.uniform(0.3, 0.5))
        model.add(sphere(ball, 24), finishes.body(rng), BODY, translation=(0, 0, top + ball * 0.8))
        top += ball * 1.7
    ring = double_sided(revolved([(0.22, top - 0.05), (0.2, top + 0.15)], 20))
    with model.component("docking_ring"):
        model.add(ring, finishes.metal(rng), BODY)
    return Bus(_half(r * 0.9, r * 0.9, 0.8), True)


def _cone_capsule(model: Model, rng: np.random.Generator) -> Bus:
    """A blunt cone, its shallow shield, and perhaps a service module or trunk with an engine."""
    r, top, h = 0.7, 0.7 * float(rng.uniform(0.25, 0.6)), float(rng.uniform(0.6, 1.1))
    skin = finishes.body(rng) if rng.random() < 0.5 else finishes.paint(rng)
    model.add(revolved([(r * 0.97, -0.06), (r, 0.0), (top, h), (top * 0.9, h + 0.04)], 32), skin, BODY)
    model.add(disc(top * 0.9, 32, h + 0.04), finishes.paint(rng), BODY)
    shield = Material(
        m.HEXAGONS if rng.random() < 0.4 else m.PLAIN, finishes.jittered(rng, (0.22, 0.13, 0.07), 0.4),
        second=(0.1, 0.08, 0.06), roughness=0.85, pitch=(0.14, 0.14), line=0.08,
    )  # fmt: skip
    lat = np.linspace(-np.pi / 2, -np.pi / 2 + 0.65, 6)
    ball = r / np.cos(lat[-1])
    bowl = np.stack([ball * np.cos(lat), ball * (np.sin(lat) - np.sin(lat[-1])) - 0.06], 1)
    model.add(revolved(bowl, 32), shield, BODY)
    ring = double_sided(revolved([(top * 0.55, h), (top * 0.5, h + 0.18)], 20))
    with model.component("docking_ring"):
        model.add(ring, finishes.metal(rng), BODY)
    for a in rng.uniform(0, 2 * np.pi, int(rng.integers(0, 6))):
        z = float(rng.uniform(0.2, 0.7))
        at = (r + (top - r) * z) * np.array([np.cos(a), np.sin(a), 0.0]) + np.array([0, 0, z * h])
        window = disc(0.09, 14, 0.02)
        lean = np.array([np.cos(a), np.sin(a), (r - top) / h])
        model.add(window, Material(m.PLAIN, (0.02, 0.02, 0.03), roughness=0.1), BODY, frame_along(lean), at)
    if rng.random() < 0.3:
        return Bus(_half(r * 0.75, r * 0.75, h * 0.5), True)
    low = -float(rng.uniform(0.8, 1.6))
    model.add(prism(30, r * float(rng.uniform(0.8, 1.0)), r * 0.97, -low - 0.2), finishes.body(rng), BODY,
              translation=(0, 0, (low - 0.2) / 2))  # fmt: skip
    _bell(rng, 0.45)(model, np.array([0, 0, low], np.float32), -AXES[2])
    return Bus(_half(r * 0.9, r * 0.9, -low * 0.9), True)


def station_bus(model: Model, rng: np.random.Generator) -> Bus:
    """A spine of modules with others across it, ports, a truss and radiators."""
    skins = [finishes.paint(rng, finishes.PAINTS[:3]), finishes.body(rng), finishes.paint(rng), finishes.foil(rng)]
    sizes = [(float(rng.uniform(0.24, 0.42)), float(rng.uniform(0.6, 1.7))) for _ in range(int(rng.integers(2, 6)))]
    length = sum(h for _, h in sizes)
    z, sites = -length / 2, []
    for r, h in sizes:
        at = np.array([0, 0, z + h / 2], np.float32)
        sites += _add_module(model, rng, at, AXES[2], r, h, skins[int(rng.integers(4))])
        z += h
    for _ in range(int(rng.integers(0, 6))):
        at, out = sites[int(rng.integers(len(sites)))]
        r, h = float(rng.uniform(0.22, 0.38)), float(rng.uniform(0.5, 1.4))
        sites += _add_module(model, rng, at + out * (h / 2), out, r, h, skins[int(rng.integers(4))])
    if rng.random() < 0.4:
        length *= float(rng.uniform(1.4, 2.4))
        beam = lattice(length, 0.6, int(length * 2.5), 0.02, sides=4)
        model.add(beam, finishes.metal(rng), BODY, translation=(0, 0, -length / 2))
    for _ in range(int(rng.integers(0, 4))):
        _add_radiator(model, rng, *sites[int(rng.integers(len(sites)))])
    return Bus(_half(0.3, 0.3, length / 2), True, tuple(sites))


def _add_module(
    model: Model, rng: np.random.Generator, middle: Vector, out: Vector, r: float, h: float, skin: Material
) -> list[tuple[Vector, Vector]]:
    """A module along `out`; its side ports: points and outward directions."""
    frame = frame_along(out)
    if rng.random() < 0.2:
        model.add(sphere(r * 1.1, 22), skin, BODY, frame, middle)
    else:
        model.add(prism(26, r, r, h * 0.86), skin, BODY, frame, middle)
        for s in (-1, 1):
            cone = prism(26, r if s > 0 else r * 0.55, r * 0.55 if s > 0 else r, 0.07 * h)
            model.add(cone, skin, BODY, frame, middle + out * (s * 0.465 * h))
    model.add(torus(r * 1.01, 0.02, 26, 5), finishes.metal(rng), BODY, frame, middle + out * (0.3 * h))
    sides = [side for side in AXES if abs(float(side @ out)) < 0.5]
    return [((middle + side * r + out * (f * h)).astype(np.float32), side) for side in sides for f in (-0.25, 0.2)]


def _add_radiator(model: Model, rng: np.random.Generator, at: Vector, side: Vector) -> None:
    w, h = float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.8, 2.0))
    white = Material(
        m.SEAMS, finishes.jittered(rng, (0.8, 0.8, 0.8)), second=(0.5, 0.5, 0.5), pitch=(0.2, 0.2), line=0.05
    )
    turn = frame_along(side) @ rotation_about((0, 0, 1), float(rng.uniform(0, 6.3)))
    with model.component("radiator"):
        model.add(box((0.03, w, h)), white, BODY, turn, at + side * (h / 2))


def lander_bus(model: Model, rng: np.random.Generator) -> Bus:
    """A descent stage on three or four legs with foot pads, tanks and an engine, perhaps a cabin on top."""
    r, h = float(rng.uniform(0.45, 0.8)), float(rng.uniform(0.35, 0.8))
    deck = prism(int(rng.choice([4, 6, 8, 24])), r, r, h)
    model.add(deck, finishes.body(rng), BODY)
    count = int(rng.choice([3, 4, 4, 6]))
    reach, drop, tilt = r * float(rng.uniform(1.3, 2.1)), h / 2 + float(rng.uniform(0.4, 0.9)), float(rng.uniform(0, 3))
    legs = []
    for a in tilt + np.arange(count) * 2 * np.pi / count:
        out = np.array([np.cos(a), np.sin(a), 0.0])
        side = np.array([-np.sin(a), np.cos(a), 0.0])
        foot = out * reach - AXES[2] * drop
        legs += [tube(out * r * 0.9 + AXES[2] * h * 0.4, foot, 0.03, 8)]
        legs += [tube(out * r * 0.8 - AXES[2] * h * 0.4 + s * 0.3 * r * side, foot * 0.98, 0.018, 6) for s in (-1, 1)]
        legs += [prism(16, 0.13, 0.09, 0.05).moved(translation=foot)]
    model.add(joined(legs), finishes.foil(rng) if rng.random() < 0.5 else finishes.metal(rng), BODY)
    _bell(rng, float(rng.uniform(0.25, 0.5)))(model, np.array([0, 0, -h / 2], np.float32), -AXES[2])
    tanks = finishes.body(rng)
    for a in np.arange(int(rng.choice([0, 2, 4]))) * np.pi / 2:
        model.add(sphere(0.28, 18), tanks, BODY, translation=(r * 0.9 * np.cos(a), r * 0.9 * np.sin(a), 0.0))
    if rng.random() < 0.5:
        cabin = prism(int(rng.choice([6, 8, 24])), r * 0.7, r * float(rng.uniform(0.3, 0.7)), h * 1.1)
        model.add(cabin, finishes.body(rng), BODY, translation=(0, 0, h))
    return Bus(_half(r * 0.85, r * 0.85, h * 0.5), True)


def stage_bus(model: Model, rng: np.random.Generator) -> Bus:
    """A rocket's upper stage: a long tank with bands, an adapter and one or more engines."""
    r, h = float(rng.uniform(0.4, 0.6)), float(rng.uniform(1.0, 3.0))
    paint = finishes.paint(rng) if rng.random() < 0.7 else finishes.body(rng)
    model.add(prism(30, r, r, h), paint, BODY)
    for z in rng.uniform(-0.45, 0.45, int(rng.integers(0, 4))):
        band = revolved([(r * 1.004, float(z) * h - 0.05), (r * 1.004, float(z) * h + 0.05)], 30)
        model.add(band, finishes.paint(rng), BODY)
    model.add(sphere(r * 0.9, 24), finishes.metal(rng), BODY, translation=(0, 0, -h / 2 - 0.1 * r))
    cone = prism(30, r, r * float(rng.uniform(0.3, 1.1)), 0.4)
    model.add(cone, finishes.body(rng), BODY, translation=(0, 0, h / 2 + 0.2))
    bell, count = _bell(rng, 0.5), int(rng.choice([1, 1, 1, 2, 4]))
    for a in np.arange(count) * 2 * np.pi / count:
        off = 0.0 if count == 1 else 0.5 * r
        at = np.array([off * np.cos(a), off * np.sin(a), -h / 2 - 0.6 * r], np.float32)
        bell(model, at, -AXES[2])
    return Bus(_half(r, r, h / 2), True)


CREWED: dict[str, Callable[[Model, np.random.Generator], Bus]] = {
    "capsule": capsule_bus,
    "station": station_bus,
    "lander": lander_bus,
    "stage": stage_bus,
}
