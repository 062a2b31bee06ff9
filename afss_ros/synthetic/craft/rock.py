"""Asteroids and comets: things that look solid and lit, and are no spacecraft. Their label id is background."""

from __future__ import annotations

import numpy as np

from afss_ros.labels import BACKGROUND
from afss_ros.synthetic import materials as m
from afss_ros.synthetic.craft.finishes import jittered
from afss_ros.synthetic.craft.model import Craft, Model
from afss_ros.synthetic.materials import Material
from afss_ros.synthetic.meshes import Surface, sphere


def rock(seed: int) -> Craft:
    """A lumpy body of one or two lobes with dents."""
    rng = np.random.default_rng(seed)
    ball = sphere(1.0, 48)
    directions = ball.positions.astype(np.float64)
    radius = np.ones(len(directions))
    for k in range(24):
        axis = rng.standard_normal(3)
        axis /= np.linalg.norm(axis)
        reach = np.exp((directions @ axis - 1) * (2.0 if k < 4 else rng.uniform(6, 60)))
        radius += reach * rng.normal(0.0, 0.35 if k < 4 else 0.08)
    stretched = (
        directions * np.clip(radius, 0.4, 2.5)[:, None] * np.array([1.0, rng.uniform(0.6, 1.0), rng.uniform(0.9, 1.9)])
    )
    triangles = stretched.reshape(-1, 3, 3)
    facet = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    facet /= np.maximum(np.linalg.norm(facet, axis=1, keepdims=True), 1e-9)
    normals = 0.5 * np.repeat(facet, 3, axis=0) + 0.5 * stretched / np.linalg.norm(stretched, axis=1, keepdims=True)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    grey = jittered(rng, (0.22, 0.21, 0.2) if rng.random() < 0.7 else (0.3, 0.22, 0.16), 0.3)
    stone = Material(
        m.PLAIN, grey, roughness=0.95, bump=float(rng.uniform(0.5, 2.0)), bump_pitch=float(rng.uniform(0.8, 2.5))
    )
    model = Model(rng)
    model.elements.append("rock")
    model.add(Surface(stretched.astype(np.float32), normals.astype(np.float32), ball.uvs), stone, BACKGROUND)
    return model.finished()
