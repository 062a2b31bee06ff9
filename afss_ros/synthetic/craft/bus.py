"""Buses: the main bodies that everything else hangs on."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afss_ros.labels import BODY
from afss_ros.synthetic.craft import finishes
from afss_ros.synthetic.craft.model import Model
from afss_ros.synthetic.materials import Material
from afss_ros.synthetic.meshes import box, disc, joined, prism, revolved, sphere, torus

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Bus:
    """Half extents (3,) of a bus about the origin, and whether it is round about z.

    `sites`, where given, are the only places on the skin that carry things: a point (3,) and the way out (3,).
    """

    half: Vector
    round: bool
    sites: tuple[tuple[Vector, Vector], ...] = ()

    def surface_point(self, rng: np.random.Generator, face: Vector | None = None) -> tuple[Vector, Vector]:
        """A random point on the skin and the outward direction there."""
        if self.sites:
            return self.sites[int(rng.integers(len(self.sites)))]
        if self.round and (face is None or abs(face[2]) < 0.5):
            a = rng.uniform(0, 2 * np.pi) if face is None else np.arctan2(face[1], face[0]) + rng.normal(0, 0.3)
            out = np.array([np.cos(a), np.sin(a), 0.0], np.float32)
            z = rng.uniform(-0.8, 0.8) * self.half[2]
            return (out * self.half[0] + np.array([0, 0, z], np.float32)).astype(np.float32), out
        if face is None:
            face = np.zeros(3, np.float32)
            face[int(rng.integers(3))] = rng.choice([-1.0, 1.0])
        inside = 0.6 if self.round else 0.85
        point = rng.uniform(-inside, inside, 3) * self.half * (1 - np.abs(face)) + face * self.half
        return point.astype(np.float32), face


def _skin(rng: np.random.Generator, width: float, height: float) -> Material:
    return finishes.cells(rng, width, height) if rng.random() < 0.3 else finishes.body(rng)


def box_bus(model: Model, rng: np.random.Generator) -> Bus:
    """A box whose faces wear one to three finishes."""
    size = np.array([1.0, rng.uniform(0.6, 1.3), rng.uniform(0.5, 2.6)])
    skins = [finishes.body(rng) for _ in range(int(rng.choice([1, 2, 3, 4, 5])))]
    if rng.random() < 0.2:
        skins.append(finishes.cells(rng, float(size[0]), float(size[2])))
    for face in ("+x", "-x", "+y", "-y", "+z", "-z"):
        model.add(box(size, face), skins[int(rng.integers(len(skins)))], BODY)
    if rng.random() < 0.35:
        r = 0.025
        hx, hy, hz = size / 2
        rails = [box((2 * r, 2 * r, size[2])).moved(translation=(a * hx, b * hy, 0)) for a in (-1, 1) for b in (-1, 1)]
        rails += [box((size[0], 2 * r, 2 * r)).moved(translation=(0, a * hy, b * hz)) for a in (-1, 1) for b in (-1, 1)]
        model.add(joined(rails), finishes.metal(rng), BODY)
    return Bus((size / 2).astype(np.float32), False)


def prism_bus(model: Model, rng: np.random.Generator) -> Bus:
    """A hexagonal or octagonal prism."""
    sides, height = int(rng.choice([6, 8, 8, 12])), float(rng.uniform(0.4, 2.2))
    model.add(prism(sides, 0.6, 0.6 * float(rng.choice([1.0, 1.0, 0.7])), height, smooth=False),
              _skin(rng, 0.6, height), BODY)  # fmt: skip
    for s in (-1, 1):
        cap = disc(0.5, sides, s * (height / 2 + 0.004), up=s > 0, turn=np.pi / sides)
        model.add(cap, finishes.body(rng), BODY)
    return Bus(np.array([0.55, 0.55, height / 2], np.float32), True)


def drum_bus(model: Model, rng: np.random.Generator) -> Bus:
    """A spinner: a drum of bands, cells all around, with decks and rims."""
    height = float(rng.uniform(0.5, 1.8))
    levels = np.sort(np.concatenate([[-0.5, 0.5], rng.uniform(-0.4, 0.4, int(rng.integers(0, 4)))])) * height
    for low, high in itertools.pairwise(levels):
        r = 0.6 * float(rng.choice([1.0, 1.0, 0.97, 0.9]))
        skin = (
            finishes.cells(rng, 3.77 / int(rng.integers(4, 12)), float(high - low))
            if rng.random() < 0.55
            else finishes.body(rng)
        )
        model.add(revolved([(r, low), (r, high)], 32), skin, BODY)
        if rng.random() < 0.5:
            model.add(torus(r, 0.012, 32, 6), finishes.accent(rng) if rng.random() < 0.4 else finishes.metal(rng), BODY,
                      translation=(0, 0, high))  # fmt: skip
    for s in (-1, 1):
        model.add(disc(0.6, 32, s * height / 2, up=s > 0), finishes.body(rng), BODY)
        if rng.random() < 0.5:
            tier = prism(28, 0.6 * float(rng.uniform(0.3, 0.8)), 0.6 * float(rng.uniform(0.3, 0.8)), 0.2 * height)
            model.add(tier, finishes.body(rng), BODY, translation=(0, 0, s * 0.58 * height))
    return Bus(np.array([0.6, 0.6, height / 2], np.float32), True)


def stacked_bus(model: Model, rng: np.random.Generator) -> Bus:
    """Two to four modules along z: boxes, cylinders, cones, spheres, as capsules and telescopes are."""
    z = 0.0
    pieces = []
    radius = 0.5
    for _ in range(int(rng.integers(2, 5))):
        h, r = float(rng.uniform(0.25, 1.0)), float(rng.uniform(0.3, 0.65))
        kind = rng.choice(["box", "cylinder", "cone", "sphere", "prism"])
        solid = {
            "box": lambda h=h, r=r: box((1.8 * r, 1.8 * r, h)),
            "cylinder": lambda h=h, r=r: prism(28, r, r, h),
            "cone": lambda h=h, r=r: prism(28, r, r * 0.55, h),
            "sphere": lambda h=h, r=r: sphere(max(h / 2, 0.3), 24),
            "prism": lambda h=h, r=r: prism(8, r, r, h, smooth=False),
        }[str(kind)]()
        pieces.append((solid, finishes.body(rng) if rng.random() < 0.94 else finishes.hexagons(rng), z + h / 2))
        if rng.random() < 0.4:
            pieces.append((torus(min(r, radius) * 1.02, 0.03), finishes.metal(rng), z))
        z, radius = z + h, r
    for solid, finish, at in pieces:
        model.add(solid, finish, BODY, translation=(0, 0, at - z / 2))
    return Bus(np.array([0.45, 0.45, z / 2], np.float32), True)


def stepped_bus(model: Model, rng: np.random.Generator) -> Bus:
    """A long platform with boxes of several heights, as Earth observers are."""
    length = float(rng.uniform(1.2, 3.0))
    base = np.array([0.7, 0.6, length])
    model.add(box(base), finishes.body(rng), BODY)
    for _ in range(int(rng.integers(2, 8))):
        dims = np.array([rng.uniform(0.3, 0.8), rng.uniform(0.2, 0.7), rng.uniform(0.15, 0.9)])
        side = rng.choice([-1.0, 1.0])
        at = (rng.uniform(-0.1, 0.1), side * (0.3 + dims[1] / 2 - 0.05), rng.uniform(-0.4, 0.4) * length)
        model.add(box(dims), finishes.body(rng), BODY, translation=at)
    return Bus((base / 2).astype(np.float32), False)


BUSES: tuple[Callable[[Model, np.random.Generator], Bus], ...] = (
    box_bus, box_bus, box_bus, prism_bus, drum_bus, stacked_bus, stepped_bus,
)  # fmt: skip
