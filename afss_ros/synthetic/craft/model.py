"""A craft under construction, and the finished craft."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from afss_ros.synthetic.materials import Material, table
from afss_ros.synthetic.meshes import IDENTITY, Surface

MOST_COMPONENTS = 255
"""What a byte of the id buffer can tell apart; what comes after these shares the last number."""


@dataclass(frozen=True, slots=True)
class Craft:
    """A finished craft about the origin of its own frame.

    `vertices` float32 (3T, 11): position, normal, uv, material index, label id, component. `materials` float32
    (M, 4, 4). `radius` is that of the enclosing sphere, metres. `elements` names the grammar's choices. Vertices of one
    pattern stand together: `runs` holds each pattern, its first vertex and how many it has. `components` are the names
    of components 1 to N: a wing, a dish, a boom; 0 is what belongs to none.
    """

    vertices: NDArray[np.float32]
    materials: NDArray[np.float32]
    radius: float
    elements: tuple[str, ...]
    runs: tuple[tuple[int, int, int], ...]
    components: tuple[str, ...] = ()


@dataclass
class Model:
    """Collects surfaces, each with a finish and a label id."""

    rng: np.random.Generator
    materials: dict[Material, int] = field(default_factory=dict)
    pieces: list[NDArray[np.float32]] = field(default_factory=list)
    elements: list[str] = field(default_factory=list)
    components: list[str] = field(default_factory=list)
    _open: int = 0

    @contextmanager
    def component(self, name: str) -> Iterator[None]:
        """Whatever is attached meanwhile is one component, but for what inner ones claim."""
        before = self._open
        if len(self.components) < MOST_COMPONENTS:
            self.components.append(name)
        self._open = len(self.components)
        try:
            yield
        finally:
            self._open = before

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
        number = self.materials.setdefault(material, len(self.materials))
        piece = np.empty((len(moved.positions), 11), np.float32)
        piece[:, :3], piece[:, 3:6], piece[:, 6:8] = moved.positions, moved.normals, moved.uvs
        piece[:, 8:] = number, part, self._open
        self.pieces.append(piece)

    def finished(self) -> Craft:
        """Centre the craft on its bounding box and close it."""
        patterns = np.array([material.pattern for material in self.materials])
        own = patterns[[int(piece[0, 8]) for piece in self.pieces]]
        vertices = np.concatenate([self.pieces[i] for i in np.argsort(own, kind="stable")])
        counts = np.bincount(own, weights=[len(piece) for piece in self.pieces]).astype(int)
        firsts = np.cumsum(counts) - counts
        runs = tuple((int(p), int(firsts[p]), int(counts[p])) for p in np.flatnonzero(counts))
        centre = (vertices[:, :3].max(0) + vertices[:, :3].min(0)) / 2
        vertices[:, :3] -= centre
        radius = float(np.sqrt(np.einsum("ij,ij->i", vertices[:, :3], vertices[:, :3]).max()))
        return Craft(
            np.ascontiguousarray(vertices, np.float32),
            table(list(self.materials)),
            radius,
            tuple(self.elements),
            runs,
            tuple(self.components),
        )
