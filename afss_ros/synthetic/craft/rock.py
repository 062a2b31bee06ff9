"""Asteroids and comets: things that look solid and lit, and are no spacecraft. Their label id is background."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from afss_ros.labels import BACKGROUND
from afss_ros.synthetic import materials as m
from afss_ros.synthetic.craft.finishes import jittered
from afss_ros.synthetic.craft.model import Craft, Model
from afss_ros.synthetic.materials import Material
from afss_ros.synthetic.meshes import Surface, sphere

STONES = ((0.1, 0.1, 0.1), (0.22, 0.21, 0.2), (0.35, 0.34, 0.32), (0.3, 0.22, 0.16), (0.55, 0.52, 0.48))
"""From carbon to ice."""


def scaled(stone: Craft, factor: float) -> Craft:
    """The same rock, larger by `factor`."""
    vertices = stone.vertices.copy()
    vertices[:, :3] *= factor
    return replace(stone, vertices=vertices, radius=stone.radius * factor)


def rock(seed: int) -> Craft:
    """A lumpy body with dents, pinched in two lobes one time in three."""
    rng = np.random.default_rng(seed)
    ball = sphere(1.0, 48)
    directions = ball.positions.astype(np.float64)
    radius = np.ones(len(directions))
    for k in range(24):
        axis = rng.standard_normal(3)
        axis /= np.linalg.norm(axis)
        reach = np.exp((directions @ axis - 1) * (2.0 if k < 4 else rng.uniform(6, 60)))
        radius += reach * rng.normal(0.0, 0.35 if k < 4 else 0.08)
    if rng.random() < 0.35:
        radius *= 1 - float(rng.uniform(0.25, 0.5)) * np.exp(-((directions[:, 2] / 0.35) ** 2))
    stretched = (
        directions * np.clip(radius, 0.4, 2.5)[:, None] * np.array([1.0, rng.uniform(0.6, 1.0), rng.uniform(0.9, 1.9)])
    )
    triangles = stretched.reshape(-1, 3, 3)
    facet = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    facet /= np.maximum(np.linalg.norm(facet, axis=1, keepdims=True), 1e-9)
    normals = 0.5 * np.repeat(facet, 3, axis=0) + 0.5 * stretched / np.linalg.norm(stretched, axis=1, keepdims=True)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    grey = jittered(rng, STONES[int(rng.integers(len(STONES)))], 0.1)
    stone = Material(
        m.PLAIN, grey, roughness=0.95, bump=float(rng.uniform(0.2, 1.2)), bump_pitch=float(rng.uniform(0.8, 2.5))
    )
    model = Model(rng)
    model.elements.append("rock")
    # Each facet is mapped along the axis that it faces: latitude and longitude would make stars of the poles.
    others = np.array([[1, 2], [2, 0], [0, 1]])[np.abs(facet).argmax(axis=1)]
    uvs = np.take_along_axis(triangles, others[:, None, :], axis=2).reshape(-1, 2)
    surface = Surface(stretched.astype(np.float32), normals.astype(np.float32), uvs.astype(np.float32))
    model.add(surface, stone, BACKGROUND)
    return model.finished()
