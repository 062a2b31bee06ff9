"""What drifts beside craft and is none: people in suits, torn blankets, plates, tools. Their label is background."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afss_ros.labels import BACKGROUND
from afss_ros.synthetic import materials as m
from afss_ros.synthetic.craft import finishes
from afss_ros.synthetic.craft.model import Craft, Model
from afss_ros.synthetic.materials import Material
from afss_ros.synthetic.meshes import Surface, box, double_sided, prism, sphere, torus, tube

Vector = NDArray[np.float64]


def person(seed: int) -> Craft:
    """Somebody in a suit, two metres tall: helmet with a visor, pack, limbs bent anyhow, coloured bands."""
    rng = np.random.default_rng(seed)
    model = Model(rng)
    cloth = Material(m.SEAMS, finishes.jittered(rng, (0.85, 0.85, 0.83), 0.08), second=(0.6, 0.6, 0.6), roughness=0.9,
                     pitch=(0.3, 0.3), line=0.05, bump=0.4, bump_pitch=0.2)  # fmt: skip
    visor = (
        Material(m.PLAIN, (0.9, 0.6, 0.15), roughness=0.1, metallic=1.0) if rng.random() < 0.7 else finishes.accent(rng)
    )
    band = finishes.accent(rng) if rng.random() < 0.5 else cloth
    model.add(sphere(0.17, 16), cloth, BACKGROUND, translation=(0, 0, 0.62))
    model.add(sphere(0.15, 14), visor, BACKGROUND, translation=(0, -0.06, 0.62))
    model.add(prism(14, 0.22, 0.26, 0.6), cloth, BACKGROUND, translation=(0, 0, 0.18))
    model.add(box((0.48, 0.3, 0.75)), cloth, BACKGROUND, translation=(0, 0.27, 0.25))
    model.add(box((0.3, 0.14, 0.25)), finishes.paint(rng), BACKGROUND, translation=(0, -0.25, 0.25))
    for side in (-1, 1):
        for root, first, second, radius in (((0.24, 0.4), 0.32, 0.34, 0.085), ((0.12, -0.12), 0.42, 0.45, 0.11)):
            start = np.array([side * root[0], 0, root[1]])
            bend = rng.normal(0, 0.5, 3) + np.array([side * 0.3, -0.5, -1.0])
            knee = start + first * bend / np.linalg.norm(bend)
            bend = bend + rng.normal(0, 0.6, 3)
            end = knee + second * bend / np.linalg.norm(bend)
            model.add(tube(start, knee, radius, 10), band if radius > 0.1 else cloth, BACKGROUND)
            model.add(tube(knee, end, 0.85 * radius, 10), cloth, BACKGROUND)
            for joint in (start, knee, end):
                model.add(sphere(radius, 10), cloth, BACKGROUND, translation=joint)
    if rng.random() < 0.3:
        model.add(tube((0, 0.3, 0), rng.normal(0, 2.0, 3), 0.012), cloth, BACKGROUND)
    model.elements.append("person")
    return model.finished()


def blanket(seed: int) -> Craft:
    """A torn sheet of insulation, crumpled."""
    rng = np.random.default_rng(seed)
    model = Model(rng)
    n = 7
    x, y = np.meshgrid(np.linspace(-1, 1, n), np.linspace(-1, 1, n) * float(rng.uniform(0.4, 1.2)), indexing="ij")
    grid = np.stack([x, y, np.zeros_like(x)], -1) + rng.normal(0, 0.12, (n, n, 3)) * np.array([1, 1, 2.0])
    grid[..., 2] += float(rng.uniform(-0.8, 0.8)) * x * x
    corners = [grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, :-1], grid[1:, 1:], grid[:-1, 1:]]
    triangles = np.stack(corners, 2).reshape(-1, 3, 3)
    normal = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    points = triangles.reshape(-1, 3).astype(np.float32)
    sheet = Surface(points, np.repeat(normal, 3, axis=0).astype(np.float32), points[:, :2].copy())
    model.add(double_sided(sheet), finishes.foil(rng), BACKGROUND)
    model.elements.append("blanket")
    return model.finished()


def scrap(seed: int) -> Craft:
    """A plate, a clamp band, a bolt or a tool."""
    rng = np.random.default_rng(seed)
    model = Model(rng)
    kind = int(rng.integers(4))
    finish = finishes.metal(rng) if rng.random() < 0.6 else finishes.paint(rng)
    if kind == 0:
        model.add(box((1.0, float(rng.uniform(0.3, 1.0)), 0.03)), finish, BACKGROUND)
    elif kind == 1:
        model.add(torus(1.0, float(rng.uniform(0.03, 0.08))), finish, BACKGROUND)
    elif kind == 2:
        model.add(prism(6, 0.35, 0.35, 0.2, smooth=False), finish, BACKGROUND, translation=(0, 0, 0.5))
        model.add(prism(12, 0.17, 0.17, 1.0), finish, BACKGROUND)
    else:
        model.add(tube((0, 0, -1), (0, 0, 0.6), 0.09, 10), finishes.paint(rng), BACKGROUND)
        model.add(box((0.5, 0.25, 0.4)), finish, BACKGROUND, translation=(0, 0, 0.8))
    model.elements.append("scrap")
    return model.finished()


ADRIFT = ((0.5, person), (0.25, blanket), (0.25, scrap))
"""What there is, and how often."""
