"""Finishes drawn at random: foils, paints, metals, solar cells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from afss_ros.synthetic import materials as m
from afss_ros.synthetic.materials import Color, Material


def jittered(rng: np.random.Generator, color: Color, amount: float = 0.12) -> Color:
    """A colour with brightness and hue shifted a little."""
    shift = rng.normal(0, amount * 0.5, 3) + rng.normal(0, amount)
    r, g, b = np.clip(np.array(color) * (1 + shift), 0.005, 1.0)
    return float(r), float(g), float(b)


FOILS: tuple[Color, ...] = (
    (0.95, 0.62, 0.18), (0.85, 0.45, 0.12), (1.0, 0.75, 0.3), (0.75, 0.75, 0.76), (0.9, 0.9, 0.92),
    (0.05, 0.05, 0.055), (0.5, 0.3, 0.12), (0.9, 0.7, 0.45), (0.62, 0.24, 0.08),
)  # fmt: skip
PAINTS: tuple[Color, ...] = (
    (0.85, 0.85, 0.83), (0.75, 0.75, 0.75), (0.45, 0.45, 0.46), (0.2, 0.2, 0.21), (0.05, 0.05, 0.055),
    (0.8, 0.76, 0.66), (0.6, 0.63, 0.68), (0.35, 0.38, 0.42), (0.6, 0.5, 0.35), (0.08, 0.1, 0.16),
)  # fmt: skip
ACCENTS: tuple[Color, ...] = (
    (0.7, 0.05, 0.04), (0.8, 0.35, 0.03), (0.05, 0.12, 0.5), (0.8, 0.65, 0.05), (0.05, 0.35, 0.2), (0.1, 0.4, 0.55),
)  # fmt: skip
SILICON: tuple[Color, ...] = (
    (0.015, 0.025, 0.11), (0.02, 0.04, 0.18), (0.015, 0.03, 0.14), (0.01, 0.015, 0.05), (0.03, 0.06, 0.26),
    (0.06, 0.12, 0.42), (0.012, 0.012, 0.014), (0.02, 0.02, 0.035), (0.05, 0.08, 0.5), (0.1, 0.16, 0.55),
)  # fmt: skip
"""Blue to black, as most cells are, and the brighter blue that artists give them."""
CELL_COLORS: tuple[Color, ...] = (
    (0.05, 0.05, 0.055), (0.09, 0.05, 0.02), (0.02, 0.05, 0.08), (0.18, 0.3, 0.6), (0.1, 0.3, 0.33), (0.04, 0.02, 0.06),
    (0.16, 0.12, 0.08), (0.1, 0.11, 0.13), (0.28, 0.29, 0.31), (0.33, 0.3, 0.24), (0.3, 0.16, 0.06), (0.45, 0.3, 0.12),
    (0.08, 0.03, 0.14), (0.14, 0.06, 0.2), (0.2, 0.45, 0.5),
)  # fmt: skip
"""Other colours of cells: under kapton, by reflected light, in false colour."""
CELL_LINES: tuple[Color, ...] = (
    (0.75, 0.76, 0.78), (0.5, 0.5, 0.52), (0.2, 0.22, 0.26), (0.02, 0.02, 0.03), (0.75, 0.55, 0.25), (0.12, 0.16, 0.4),
    (0.9, 0.9, 0.9), (0.6, 0.5, 0.35),
)  # fmt: skip
BACKS: tuple[Color, ...] = (
    (0.03, 0.03, 0.032), (0.1, 0.09, 0.08), (0.2, 0.13, 0.07), (0.45, 0.44, 0.42), (0.75, 0.74, 0.7), (0.6, 0.42, 0.18),
    (0.35, 0.16, 0.07), (0.25, 0.26, 0.28), (0.55, 0.5, 0.38),
    (0.7, 0.48, 0.2), (0.5, 0.3, 0.12), (0.85, 0.84, 0.82), (0.015, 0.015, 0.016), (0.16, 0.17, 0.2),
)  # fmt: skip


def _pick(rng: np.random.Generator, colors: tuple[Color, ...], amount: float = 0.12) -> Color:
    return jittered(rng, colors[int(rng.integers(len(colors)))], amount)


def foil(rng: np.random.Generator) -> Material:
    """Crinkled multi-layer insulation."""
    return Material(
        m.FOIL, _pick(rng, FOILS), roughness=float(rng.uniform(0.18, 0.5)), metallic=float(rng.uniform(0.6, 1.0)),
        bump=float(rng.uniform(0.25, 1.3)), bump_pitch=float(rng.uniform(0.4, 1.4)), seed=float(rng.uniform()),
    )  # fmt: skip


def paint(rng: np.random.Generator, colors: tuple[Color, ...] = PAINTS) -> Material:
    """Paint, with plate seams as often as not."""
    base = _pick(rng, colors)
    pitch = float(rng.uniform(0.15, 0.7))
    return Material(
        m.SEAMS if rng.random() < 0.6 else m.PLAIN, base, second=jittered(rng, (0.25, 0.25, 0.25), 0.5),
        roughness=float(rng.uniform(0.35, 0.9)), metallic=float(rng.choice([0.0, 0.0, 0.3])),
        pitch=(pitch, pitch * float(rng.uniform(0.5, 2.0))), line=float(rng.uniform(0.02, 0.07)),
        bump=float(rng.choice([0.0, 0.15])), seed=float(rng.uniform()),
    )  # fmt: skip


def metal(rng: np.random.Generator) -> Material:
    """Bare metal."""
    return Material(
        m.PLAIN, _pick(rng, ((0.7, 0.7, 0.72), (0.5, 0.5, 0.52), (0.3, 0.3, 0.31), (0.75, 0.6, 0.4))),
        roughness=float(rng.uniform(0.2, 0.55)), metallic=float(rng.uniform(0.5, 1.0)), seed=float(rng.uniform()),
    )  # fmt: skip


def accent(rng: np.random.Generator) -> Material:
    """A coloured part: cover, cap, optic."""
    return Material(m.PLAIN, _pick(rng, ACCENTS), roughness=float(rng.uniform(0.25, 0.8)))


def logo(rng: np.random.Generator) -> Material:
    """A flag, emblem or line of words, as blocks of two colours."""
    pitch = float(rng.uniform(0.03, 0.1))
    return Material(
        m.LOGO, _pick(rng, PAINTS[:3]), second=_pick(rng, ACCENTS), pitch=(pitch, pitch * float(rng.uniform(1, 3))),
        seed=float(rng.uniform(0, 50)),
    )  # fmt: skip


def hexagons(rng: np.random.Generator) -> Material:
    """Hexagonal tiles: mirrors, heat shields, geodesic domes."""
    pitch = float(rng.uniform(0.1, 0.4))
    return Material(
        m.HEXAGONS, _pick(rng, FOILS + PAINTS), second=_pick(rng, PAINTS[3:5]), roughness=float(rng.uniform(0.2, 0.6)),
        metallic=float(rng.uniform(0, 0.8)), pitch=(pitch, pitch), line=0.1, seed=float(rng.uniform(0, 50)),
    )  # fmt: skip


def stripes(rng: np.random.Generator) -> Material:
    """Louvres and radiators."""
    pitch = float(rng.uniform(0.05, 0.2))
    return Material(
        m.STRIPES, _pick(rng, PAINTS), second=_pick(rng, PAINTS), roughness=0.5, pitch=(pitch, pitch),
        line=float(rng.uniform(0.2, 0.8)),
    )  # fmt: skip


def equipment(rng: np.random.Generator) -> Material:
    """A face crowded with boxes, connectors and covers."""
    pitch = float(rng.uniform(0.15, 0.6))
    second = FOILS if rng.random() < 0.5 else PAINTS + ACCENTS
    return Material(
        m.EQUIPMENT, _pick(rng, PAINTS), second=_pick(rng, second), roughness=float(rng.uniform(0.3, 0.7)),
        metallic=float(rng.choice([0.0, 0.3])), pitch=(pitch, pitch * float(rng.uniform(0.5, 2.0))),
        bump=float(rng.uniform(0.1, 0.5)), bump_pitch=pitch, seed=float(rng.uniform(0, 50)),
    )  # fmt: skip


def body(rng: np.random.Generator) -> Material:
    """Any finish that a bus wears."""
    makers = (foil, paint, equipment, metal, hexagons, stripes)
    weights = (0.44, 0.33, 0.10, 0.07, 0.03, 0.03)
    return makers[int(rng.choice(len(makers), p=weights))](rng)


def cells(rng: np.random.Generator, width: float, height: float) -> Material:
    """Solar cells that divide a panel of the given size evenly.

    One in six is as dark as the sky behind it, one in six shows no lines, as edges blur in photographs and paintings.
    """
    dark = rng.random() < 0.16
    color = _pick(rng, SILICON if rng.random() < 0.6 else CELL_COLORS, 0.25)
    if dark:
        color = _pick(rng, ((0.004, 0.004, 0.005), (0.008, 0.01, 0.03), (0.012, 0.008, 0.006)), 0.3)
    line = _pick(rng, CELL_LINES)
    columns = int(rng.integers(2, 14))
    aspect = float(rng.choice([0.5, 1.0, 1.0, 1.5, 2.0, 3.0, 6.0]))
    rows = max(1, round(columns * height / width * aspect))
    quiet = rng.random() < (0.6 if dark else 0.2)
    pattern = int(rng.choice([m.CELLS, m.STRINGS, m.WAFERS, m.BLANKET, m.PLAIN], p=[0.44, 0.2, 0.14, 0.12, 0.1]))
    return Material(
        pattern, color, second=jittered(rng, color, 0.3) if quiet else line,
        roughness=float(rng.uniform(0.08, 0.5)), metallic=float(rng.choice([0.0, 0.0, 0.4, 0.8])),
        pitch=(width / columns, height / rows), line=float(rng.uniform(0.02, 0.14)), seed=float(rng.uniform(0, 50)),
        bump=float(rng.choice([0.0, 0.05])), bump_pitch=1.5,
    )  # fmt: skip


def gores(rng: np.random.Generator, count: int, radius: float) -> Material:
    """Cells in `count` gores about the middle of a round array."""
    skin = cells(rng, 1.0, 1.0)
    return replace(
        skin, pattern=m.GORES, pitch=(2 * np.pi / count, radius / int(rng.integers(3, 16))),
        line=float(rng.uniform(0.04, 0.12)),
    )  # fmt: skip


def panel_back(rng: np.random.Generator, width: float, height: float) -> Material:
    """The back of an array: bare composite, kapton, braces, wiring."""
    color = _pick(rng, BACKS)
    pattern = int(rng.choice([m.PLAIN, m.SEAMS, m.FRAME, m.STRIPES], p=[0.35, 0.3, 0.25, 0.1]))
    n = int(rng.integers(1, 5))
    return Material(
        pattern, color, second=_pick(rng, BACKS + CELL_LINES), roughness=float(rng.uniform(0.3, 0.8)),
        metallic=float(rng.choice([0.0, 0.0, 0.5])), pitch=(width / n, height / max(1, round(n * height / width))),
        line=float(rng.uniform(0.04, 0.15)), bump=float(rng.choice([0.0, 0.2])), bump_pitch=0.8,
        seed=float(rng.uniform(0, 50)),
    )  # fmt: skip
