"""Draw a whole craft from a seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.craft import antennas, arrays, details
from afss_ros.synthetic.craft.bus import BUSES, Bus
from afss_ros.synthetic.craft.model import Craft, Model

AXES = np.concatenate([np.eye(3), -np.eye(3)]).astype(np.float32)


def _wings(model: Model, rng: np.random.Generator, bus: Bus) -> None:
    layout = str(rng.choice(["none", "pair", "single", "cross", "petals", "odd"], p=[0.12, 0.5, 0.14, 0.09, 0.1, 0.05]))
    model.elements.append(f"wings:{layout}")
    if layout == "none":
        return
    style = arrays.wing_style(rng, float(rng.choice([1.0, 1.0, 0.7, 1.5])))
    add = str(rng.choice(["flat", "fan", "mast", "curved"], p=[0.82, 0.05, 0.06, 0.07]))
    model.elements.append(f"array:{add}")
    build = {
        "flat": arrays.add_wing, "fan": arrays.add_fan, "mast": arrays.add_mast_array, "curved": arrays.add_curved_wing,
    }[add]  # fmt: skip
    tilt = float(rng.uniform(0, 2 * np.pi))
    directions: list[NDArray[np.float32]]
    if layout in ("pair", "single"):
        first = AXES[int(rng.integers(2))]
        directions = [first, -first] if layout == "pair" else [first * rng.choice([-1, 1])]
    elif layout == "cross":
        directions = [AXES[0], AXES[1], -AXES[0], -AXES[1]]
    elif layout == "odd":
        directions = [np.array([np.cos(a), np.sin(a), 0], np.float32) for a in np.arange(3) * 2 * np.pi / 3]
    else:
        count, lean = int(rng.choice([2, 4, 6])), float(rng.uniform(-0.9, 0.9))
        directions = [
            np.array([np.cos(a) * np.cos(lean), np.sin(a) * np.cos(lean), np.sin(lean)], np.float32)
            for a in np.arange(count) * 2 * np.pi / count
        ]
        tilt = float(rng.choice([0.0, np.pi]))
    z = float(rng.uniform(-0.8, 0.8)) * bus.half[2] * float(rng.choice([0.0, 1.0]))
    for direction in directions:
        flat = np.array([direction[0], direction[1], 0.0])
        flat = flat / max(np.linalg.norm(flat), 1e-6)
        root = np.array([flat[0] * bus.half[0], flat[1] * bus.half[1], z], np.float32)
        build(model, style, arrays.wing_frame(direction, tilt), root)


def _antennas(model: Model, rng: np.random.Generator, bus: Bus) -> None:
    for _ in range(int(rng.choice([0, 1, 1, 2, 3], p=[0.42, 0.22, 0.16, 0.13, 0.07]))):
        at, out = bus.surface_point(rng)
        lean = out + 0.5 * rng.standard_normal(3) * float(rng.choice([0.0, 1.0]))
        lean = (lean / np.linalg.norm(lean)).astype(np.float32)
        antennas.add_dish(model, rng, float(rng.uniform(0.2, 1.1)), at, lean, float(rng.choice([0.05, 0.2, 0.6])))
        model.elements.append("dish")
    for _ in range(int(rng.integers(0, 5))):
        at, out = bus.surface_point(rng)
        lean = out + 0.4 * rng.standard_normal(3)
        lean = (lean / np.linalg.norm(lean)).astype(np.float32)
        build = antennas.SMALL[int(rng.integers(len(antennas.SMALL)))]
        build(model, rng, float(rng.uniform(0.12, 0.45)), at, lean)
        model.elements.append(build.__name__.removeprefix("add_"))


def _details(model: Model, rng: np.random.Generator, bus: Bus) -> None:
    for _ in range(int(rng.choice([2, 6, 12, 25]) * rng.uniform(0.5, 1.3))):
        at, out = bus.surface_point(rng)
        build = details.DETAILS[int(rng.integers(len(details.DETAILS)))]
        build(model, rng, float(rng.uniform(0.12, 0.5)), at, out)
        model.elements.append(build.__name__.removeprefix("add_"))


def design(seed: int) -> Craft:
    """The craft that `seed` names: the same seed, the same craft."""
    rng = np.random.default_rng(seed)
    model = Model(rng)
    build = BUSES[int(rng.integers(len(BUSES)))]
    model.elements.append(build.__name__)
    bus = build(model, rng)
    _wings(model, rng, bus)
    _antennas(model, rng, bus)
    _details(model, rng, bus)
    return model.finished()
