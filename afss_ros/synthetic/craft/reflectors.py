"""Dishes: solid, gored and mesh reflectors with what feeds them. Reflector and feed are `antenna`, arms are `body`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afss_ros.labels import ANTENNA, BODY
from afss_ros.synthetic import materials as m
from afss_ros.synthetic.craft import finishes
from afss_ros.synthetic.craft.model import Model
from afss_ros.synthetic.materials import Color, Material
from afss_ros.synthetic.meshes import (
    Surface,
    disc,
    double_sided,
    frame_along,
    joined,
    lattice,
    prism,
    revolved,
    torus,
    tube,
)

Vector = NDArray[np.float32]

FACES: tuple[Color, ...] = (
    (0.85, 0.85, 0.84), (0.92, 0.92, 0.92), (0.7, 0.7, 0.72), (0.45, 0.45, 0.47), (0.2, 0.2, 0.22), (0.06, 0.06, 0.065),
    (0.75, 0.6, 0.38), (0.65, 0.45, 0.2), (0.8, 0.78, 0.68),
)  # fmt: skip
"""White and grey paint, carbon, gold mesh, kapton."""


@dataclass(frozen=True, slots=True)
class Reflector:
    """The shape and the finishes of a dish; lengths in its radii. Craft that carry several carry them alike."""

    focal: float
    gores: int
    smooth: bool
    stretch: float
    front: Material
    back: Material
    frame: Material


def _face(rng: np.random.Generator, radius: float, gores: int) -> Material:
    """A finish for one side: plain, seamed, ribbed or netted along the gores."""
    color = finishes.jittered(rng, FACES[int(rng.choice(9, p=(0.24, 0.18, 0.12, 0.1, 0.08, 0.07, 0.09, 0.06, 0.06)))])
    pattern = int(rng.choice([m.PLAIN, m.RIBS, m.SEAMS], p=[0.5, 0.25, 0.25]))
    turn = 2 * np.pi * radius / (gores * int(rng.choice([1, 1, 2, 4])))
    return Material(
        pattern, color, second=finishes.jittered(rng, color, 0.6), roughness=float(rng.uniform(0.25, 0.85)),
        metallic=float(rng.choice([0.0, 0.0, 0.0, 0.5, 0.9])),
        pitch=(turn, radius / int(rng.integers(1, 9))), line=float(rng.uniform(0.03, 0.14)),
        bump=float(rng.choice([0.0, 0.3])), bump_pitch=float(rng.uniform(0.3, 1.0)), seed=float(rng.uniform(0, 50)),
    )  # fmt: skip


def draw_reflector(rng: np.random.Generator, radius: float) -> Reflector:
    """A reflector of `radius` metres; one in four hangs between ribs like an umbrella."""
    umbrella = rng.random() < 0.25
    gores = int(rng.choice([8, 10, 12, 16, 18, 24])) if umbrella else int(rng.choice([12, 16, 24, 32]))
    front = _face(rng, radius, gores)
    choice = rng.random()
    if choice < 0.45:
        back = front
    elif choice < 0.6:
        back = finishes.foil(rng)
    else:
        back = _face(rng, radius, gores)
    return Reflector(
        float(rng.uniform(0.3, 0.95)), gores, not umbrella, float(rng.choice([1.0, 1.0, 1.0, 0.8, 0.6])), front, back,
        finishes.metal(rng) if rng.random() < 0.6 else finishes.paint(rng),
    )  # fmt: skip


def _stretched(surface: Surface, factor: float) -> Surface:
    return Surface(surface.positions * np.array([1.0, factor, 1.0], np.float32), surface.normals, surface.uvs)


def add_reflector(model: Model, dish: Reflector, radius: float, at: Vector, frame: Vector) -> float:
    """The bowl alone with its rim, opening along the frame's z; the height of its rim above `at`, metres."""
    sides = 30 if dish.smooth else dish.gores
    r = np.linspace(0.0, radius, 8 if dish.smooth else 5)
    bowl = r**2 / (4 * dish.focal * radius) + 0.02 * radius
    inner = revolved(np.stack([r[::-1], bowl[::-1]], 1), sides, smooth=dish.smooth)
    outer = revolved(np.stack([r, bowl - 0.02 * radius], 1), sides, smooth=dish.smooth)
    model.add(_stretched(inner, dish.stretch), dish.front, ANTENNA, frame, at)
    model.add(_stretched(outer, dish.stretch), dish.back, ANTENNA, frame, at)
    rim = torus(radius, (0.012 if dish.smooth else 0.006) * radius, sides, 5)
    model.add(_stretched(rim, dish.stretch), dish.frame, ANTENNA, frame, at + frame[:, 2] * bowl[-1])
    return float(bowl[-1])


def _feed(rng: np.random.Generator, radius: float, focal: float, rim: float, stretch: float) -> Surface | None:
    """What stands at the focus: a horn or subreflector on struts, a mast, or nothing."""
    kind = str(rng.choice(["struts", "mast", "horn", "none"], p=[0.5, 0.2, 0.15, 0.15]))
    if kind == "none":
        return None
    tip = (0.0, 0.0, focal * radius)
    if kind == "horn":
        return prism(14, 0.12 * radius, 0.2 * radius, 0.35 * radius).moved(translation=(0, 0, 0.2 * radius))
    size = float(rng.uniform(0.06, 0.2)) * radius
    head = (
        prism(12, size * 0.6, size, 1.2 * size)
        if rng.random() < 0.5
        else joined([disc(size, 16, 0.0, up=False), prism(16, size, 0.4 * size, 0.25 * size)])
    ).moved(translation=tip)
    if kind == "mast":
        return joined([head, prism(10, 0.1 * radius, 0.05 * radius, focal * radius).moved(
            translation=(0, 0, focal * radius / 2))])  # fmt: skip
    count, foot = int(rng.choice([3, 3, 4, 6])), float(rng.choice([0.5, 0.8, 1.0]))
    height = foot**2 * rim
    struts = [
        tube((foot * radius * np.cos(a), stretch * foot * radius * np.sin(a), height), tip, 0.012 * radius, 4)
        for a in np.arange(count) * 2 * np.pi / count
    ]
    return joined([*struts, head])


def add_dish(model: Model, rng: np.random.Generator, radius: float, at: Vector, towards: Vector, arm: float) -> None:
    """A parabolic reflector with its feed on an arm `arm` metres long, opening along `towards`."""
    frame = frame_along(towards)
    dish = draw_reflector(rng, radius)
    start = (at + frame[:, 2] * arm).astype(np.float32)
    rim = add_reflector(model, dish, radius, start, frame)
    feed = _feed(rng, radius, dish.focal, rim, dish.stretch)
    if feed is not None:
        model.add(feed, dish.frame, ANTENNA, frame, start)
    if arm > 0:
        model.add(tube(at, start, 0.05 * radius + 0.01), dish.frame, BODY)
    hub = prism(12, 0.2 * radius, 0.12 * radius, 0.15 * radius).moved(translation=(0, 0, -0.06 * radius))
    model.add(hub, dish.frame, ANTENNA, frame, start)


def add_deployed_reflectors(model: Model, rng: np.random.Generator, half: Vector, radius: float) -> None:
    """Two to six equal reflectors on arms beside a bus of half extents (3,), all looking one way, as comsats have."""
    dish = draw_reflector(rng, radius)
    sides = np.array([[0, 1, 0], [0, -1, 0], [1, 0, 0], [-1, 0, 0]], np.float32)
    count = int(rng.choice([1, 2, 2, 3, 4]))
    rows = int(rng.choice([1, 1, 1, 2]))
    truss = rng.random() < 0.3
    for side in sides[:count]:
        for row in range(rows):
            root = (side * half + np.array([0, 0, half[2] * (0.8 - 1.4 * row)])).astype(np.float32)
            reach = radius * float(rng.uniform(1.0, 1.5))
            centre = (root + side * reach + np.array([0, 0, 0.3 * radius * rng.uniform(-1, 1)])).astype(np.float32)
            lean = np.array([0, 0, 1.0]) - side * float(rng.uniform(0.0, 0.7))
            with model.component("dish"):
                add_reflector(model, dish, radius, centre, frame_along(lean))
                if truss:
                    length = float(np.linalg.norm(centre - root))
                    arm, turn = lattice(length, 0.1 * radius, 7, 0.008 * radius), frame_along(centre - root)
                    model.add(arm, dish.frame, BODY, turn, root)
                else:
                    model.add(tube(root, centre, 0.03 * radius + 0.01), dish.frame, BODY)
    for _ in range(int(rng.integers(1, 5))):
        at = np.array([*(rng.uniform(-0.6, 0.6, 2) * half[:2]), half[2]], np.float32)
        horn = double_sided(revolved([(0.04 * radius, 0.0), (0.12 * radius, 0.35 * radius)], 14))
        with model.component("horn"):
            model.add(horn, dish.frame, ANTENNA, frame_along((0, 0, 1)), at)
