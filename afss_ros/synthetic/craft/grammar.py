"""Draw a whole craft from a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.craft import (
    antennas,
    arrays,
    blankets,
    bus,
    crewed,
    details,
    fittings,
    reflectors,
    special,
)
from afss_ros.synthetic.craft.bus import Bus
from afss_ros.synthetic.craft.model import Craft, Model

Vector = NDArray[np.float32]
AXES = np.concatenate([np.eye(3), -np.eye(3)]).astype(np.float32)

BODIES: dict[str, tuple[float, Callable[[Model, np.random.Generator], Bus]]] = {
    "box": (0.24, bus.box_bus),
    "prism": (0.06, bus.prism_bus),
    "drum": (0.09, bus.drum_bus),
    "stacked": (0.09, bus.stacked_bus),
    "stepped": (0.11, bus.stepped_bus),
    "telescope": (0.07, special.SPECIAL["telescope"]),
    "capsule": (0.06, crewed.CREWED["capsule"]),
    "cubesat": (0.07, special.SPECIAL["cubesat"]),
    "ball": (0.025, special.SPECIAL["ball"]),
    "truss": (0.035, special.SPECIAL["truss"]),
    "station": (0.06, crewed.CREWED["station"]),
    "lander": (0.03, crewed.CREWED["lander"]),
    "stage": (0.025, crewed.CREWED["stage"]),
    "sail": (0.015, special.SPECIAL["sail"]),
    "debris": (0.022, special.SPECIAL["debris"]),
}
"""Main bodies and how often each is drawn."""

LAYOUTS: dict[str, float] = {
    "none": 0.08,
    "pair": 0.46,
    "single": 0.16,
    "cross": 0.08,
    "petals": 0.1,
    "odd": 0.04,
    "double": 0.05,
    "rows": 0.02,
}
"""How wings stand about the body, and how often."""

LAYOUTS_OF: dict[str, dict[str, float]] = {
    "cubesat": {"none": 0.25, "petals": 0.3},
    "station": {"none": 0.03, "double": 0.25, "rows": 0.2},
    "truss": {"double": 0.2, "rows": 0.15},
    "stage": {"none": 0.8},
    "lander": {"none": 0.4, "petals": 0.2},
}
"""What differs for some bodies."""

ARRAYS: dict[str, tuple[float, Callable[[Model, arrays.WingStyle, Vector, Vector], None]]] = {
    "flat": (0.70, arrays.add_wing),
    "sided": (0.08, arrays.add_sided_wing),
    "fan": (0.05, blankets.add_fan),
    "mast": (0.09, blankets.add_mast_array),
    "curved": (0.08, blankets.add_curved_wing),
}
"""Kinds of wing and how often."""


LINKS: dict[str, float] = {"none": 0.3, "great": 0.25, "comsat": 0.11, "dishes": 0.24, "plates": 0.10}
"""What antennas make the craft's main link, and how often."""


def _drawn(rng: np.random.Generator, weights: dict[str, float]) -> str:
    share = np.array(list(weights.values()))
    return str(rng.choice(list(weights), p=share / share.sum()))


def _directions(rng: np.random.Generator, layout: str) -> list[Vector]:
    """Outward directions of the wings, unit vectors."""
    if layout in ("pair", "single", "double", "rows"):
        first = AXES[int(rng.integers(2))]
        return [first] if layout == "single" else [first, -first]
    if layout == "cross":
        return [AXES[0], AXES[1], -AXES[0], -AXES[1]]
    if layout == "odd":
        angles = np.arange(3) * 2 * np.pi / 3 if rng.random() < 0.5 else rng.uniform(0, 2 * np.pi, 3)
        return [np.array([np.cos(a), np.sin(a), 0], np.float32) for a in angles]
    count, lean = int(rng.choice([2, 4, 6])), float(rng.uniform(-0.9, 0.9))
    angles = np.arange(count) * 2 * np.pi / count
    return [np.array([np.cos(a) * np.cos(lean), np.sin(a) * np.cos(lean), np.sin(lean)], np.float32) for a in angles]


def _wings(
    model: Model, rng: np.random.Generator, body: Bus, name: str, extra: np.random.Generator | None = None
) -> None:
    layout = _drawn(rng, {**LAYOUTS, **LAYOUTS_OF.get(name, {})})
    model.elements.append(f"wings:{layout}")
    if layout == "none":
        return
    kind = _drawn(rng, {kind: weight for kind, (weight, _) in ARRAYS.items()})
    model.elements.append(f"array:{kind}")
    style = arrays.wing_style(rng, float(rng.choice([0.4, 0.6, 0.8, 1.0, 1.4])))
    if name == "cubesat" and rng.random() < 0.7:
        style = replace(style, yoke=0.01, width=2 * float(body.half[0]), panels=min(style.panels, 3), split=1)
    if extra is not None and extra.random() < fittings.ODD_WINGS:
        style = replace(style, front=fittings.odd_front(extra, style.width / style.split, style.length))
        model.elements.append("wings:odd")
    tilt = float(rng.choice([0.0, np.pi])) if layout == "petals" else float(rng.uniform(0, 2 * np.pi))
    z = float(rng.uniform(-0.8, 0.8)) * float(body.half[2]) * float(rng.choice([0.0, 1.0]))
    levels = {"double": [-0.7, 0.7], "rows": [-0.9, -0.3, 0.3, 0.9]}.get(layout)
    loose = 0.5 if rng.random() < 0.12 else 0.0
    for direction in _directions(rng, layout):
        flat = np.array([direction[0], direction[1], 0.0])
        flat = flat / max(float(np.linalg.norm(flat)), 1e-6)
        for level in [z] if levels is None else [f * float(body.half[2]) for f in levels]:
            root = np.array([flat[0] * body.half[0], flat[1] * body.half[1], level], np.float32)
            turned = tilt + loose * float(rng.standard_normal())
            with model.component("wing"):
                ARRAYS[kind][1](model, style, arrays.wing_frame(direction, turned), root)


def _leaning(rng: np.random.Generator, out: Vector, amount: float) -> Vector:
    lean = out + amount * rng.standard_normal(3)
    return np.asarray(lean / np.linalg.norm(lean), np.float32)


def _dishes(model: Model, rng: np.random.Generator, body: Bus, theme: str) -> None:
    """What carries the far link: one great dish, deployed reflectors, or some smaller dishes anywhere."""
    if theme == "comsat":
        reflectors.add_deployed_reflectors(model, rng, body.half, float(rng.uniform(0.35, 1.3)))
        model.elements.append("reflectors")
        return
    count = 1 if theme == "great" else int(rng.choice([1, 2, 3, 4], p=[0.5, 0.3, 0.14, 0.06]))
    for _ in range(count):
        top = AXES[2 if rng.random() < 0.6 else 5] if theme == "great" and rng.random() < 0.6 else None
        at, out = body.surface_point(rng, top)
        if top is not None and not body.sites:
            at = (top * body.half).astype(np.float32)
        low, high = (0.45, 1.5) if theme == "great" else (0.15, 0.6)
        radius = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        lean = _leaning(rng, out, 0.5 * float(rng.integers(2)))
        with model.component("dish"):
            reflectors.add_dish(model, rng, radius, at, lean, float(rng.choice([0.05, 0.2, 0.6, 1.2])))
        model.elements.append("dish")


def _antennas(model: Model, rng: np.random.Generator, body: Bus) -> None:
    theme = _drawn(rng, LINKS)
    if theme in ("great", "comsat", "dishes"):
        _dishes(model, rng, body, theme)
    elif theme == "plates":
        for _ in range(int(rng.choice([1, 1, 2, 4]))):
            at, out = body.surface_point(rng)
            with model.component("array"):
                antennas.add_array(model, rng, float(rng.uniform(0.2, 0.55)), at, out)
            model.elements.append("array")
    for _ in range(int(rng.integers(0, 5))):
        at, out = body.surface_point(rng)
        build = antennas.SMALL[int(rng.integers(len(antennas.SMALL)))]
        name = build.__name__.removeprefix("add_")
        with model.component(name):
            build(model, rng, float(rng.uniform(0.12, 0.45)), at, _leaning(rng, out, 0.4))
        model.elements.append(name)


def _details(model: Model, rng: np.random.Generator, body: Bus) -> None:
    crowded = AXES[int(rng.integers(6))] if rng.random() < 0.5 else None
    for _ in range(int(rng.choice([4, 12, 20, 34]) * rng.uniform(0.5, 1.3))):
        at, out = body.surface_point(rng, crowded if crowded is not None and rng.random() < 0.6 else None)
        build = details.DETAILS[int(rng.integers(len(details.DETAILS)))]
        name = build.__name__.removeprefix("add_")
        with model.component(name):
            build(model, rng, float(np.exp(rng.uniform(np.log(0.08), np.log(0.5)))), at, out)
        model.elements.append(name)


def design(seed: int, *, fitted: bool = False) -> Craft:
    """The craft that `seed` names: the same seed, the same craft.

    Args:
        fitted: with what world 7 added (`fittings`), drawn by a generator of its own: all else is as without.
    """
    rng = np.random.default_rng(seed)
    extra = np.random.default_rng([seed, 7]) if fitted else None
    model = Model(rng)
    name = _drawn(rng, {key: weight for key, (weight, _) in BODIES.items()})
    model.elements.append(name)
    with model.component("bus"):
        body = BODIES[name][1](model, rng)
    if name != "debris":
        _wings(model, rng, body, name, extra)
        _antennas(model, rng, body)
        _details(model, rng, body)
        for share, fit in fittings.FITTINGS if extra is not None else ():
            if extra is not None and extra.random() < share:
                fit(model, extra, body)
    return model.finished()
