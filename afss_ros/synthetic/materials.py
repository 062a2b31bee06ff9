"""What a surface looks like, as numbers that the craft shader reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PLAIN, FOIL, CELLS, SEAMS, HEXAGONS, STRIPES, FRAME, LOGO, RIBS, BLANKET, EQUIPMENT, STRINGS, WAFERS, GORES = range(14)
"""Patterns. Numbers are shared with `shaders/craft.frag.glsl`."""

Color = tuple[float, float, float]
TEXELS = 4


@dataclass(frozen=True, slots=True)
class Material:
    """One surface finish. Colours are linear reflectances 0..1; pitches are metres on the surface."""

    pattern: int
    color: Color
    second: Color = (0.5, 0.5, 0.5)
    roughness: float = 0.6
    metallic: float = 0.0
    pitch: tuple[float, float] = (0.1, 0.1)
    line: float = 0.06
    """Width of a pattern's lines as a fraction of the pitch."""
    bump: float = 0.0
    bump_pitch: float = 0.3
    seed: float = 0.0
    glow: float = 0.0
    """Emitted light as a multiple of `color`."""

    def row(self) -> list[float]:
        """Four RGBA texels."""
        return [
            *self.color, float(self.pattern),
            *self.second, self.roughness,
            *self.pitch, self.line, self.metallic,
            self.bump, self.bump_pitch, self.seed, self.glow,
        ]  # fmt: skip


def table(materials: list[Material]) -> NDArray[np.float32]:
    """All materials of a craft as a float32 texture (materials, TEXELS, 4)."""
    return np.array([m.row() for m in materials], np.float32).reshape(len(materials), TEXELS, 4)
