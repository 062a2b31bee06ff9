"""A craft under construction, and the finished craft."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from afss_ros.synthetic.materials import Material, table
from afss_ros.synthetic.meshes import IDENTITY, Surface


@dataclass(frozen=True, slots=True)
class Craft:
    """A finished craft about the origin of its own frame.

    `vertices` float32 (3T, 10): position, normal, uv, material index, label id. `materials` float32 (M, 4, 4).
    `radius` is that of the enclosing sphere, metres. `elements` names the grammar's choices.
    """

    vertices: NDArray[np.float32]
    materials: NDArray[np.float32]
    radius: float
    elements: tuple[str, ...]


@dataclass
class Model:
    """Collects surfaces, each with a finish and a label id."""

    rng: np.random.Generator
    materials: list[Material] = field(default_factory=list)
    pieces: list[NDArray[np.float32]] = field(default_factory=list)
    elements: list[str] = field(default_factory=list)

    def add(
        self,
        surface: Surface,
        material: Material,
        part: int,
        rotation: ArrayLike = IDENTITY,
        translation: ArrayLike = (0.0, 0.0, 0.0),
    ) -> None:
        """Attach a surface, moved by a rotation (3, 3) and a translation (3,)."""
        moved = surface.moved(rotation, translation)
        if material not in self.materials:
            self.materials.append(material)
        tag = np.empty((len(moved.positions), 2), np.float32)
        tag[:] = self.materials.index(material), part
        self.pieces.append(np.concatenate([moved.positions, moved.normals, moved.uvs, tag], axis=1))

    def finished(self) -> Craft:
        """Centre the craft on its bounding box and close it."""
        vertices = np.concatenate(self.pieces)
        centre = (vertices[:, :3].max(0) + vertices[:, :3].min(0)) / 2
        vertices[:, :3] -= centre
        radius = float(np.linalg.norm(vertices[:, :3], axis=1).max())
        return Craft(np.ascontiguousarray(vertices, np.float32), table(self.materials), radius, tuple(self.elements))
