"""Solar arrays. Cells, backs, frames and hinges of an array are `panel`; the yoke that carries it is `body`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afss_ros.labels import BODY, PANEL
from afss_ros.synthetic.craft import finishes
from afss_ros.synthetic.craft.model import Model
from afss_ros.synthetic.materials import Material
from afss_ros.synthetic.meshes import Surface, box, joined, quad, rotation_about, tube

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class WingStyle:
    """What all wings of one craft share."""

    panels: int
    length: float
    width: float
    gap: float
    yoke: float
    yoke_kind: str
    split: int
    fold: float
    thickness: float
    border: float
    front: Material
    back: Material
    edge: Material
    arm: Material


def wing_style(rng: np.random.Generator, bus: float) -> WingStyle:
    """Draw the panels of a craft whose bus measures `bus` metres across."""
    panels = int(rng.choice([1, 1, 2, 3, 3, 4, 5, 6, 8]))
    width = bus * float(rng.uniform(0.35, 1.7)) * (0.75 if panels > 4 else 1.0)
    length = width * float(rng.uniform(0.4, 1.5)) if panels > 1 else width * float(rng.uniform(0.6, 5.0))
    split = int(rng.choice([1, 1, 1, 2]))
    front = finishes.cells(rng, width / split, length)
    return WingStyle(
        panels=panels,
        length=length,
        width=width,
        gap=float(rng.choice([0.004, 0.03, 0.08])) * float(rng.uniform(0.6, 1.2)) * width,
        yoke=bus * float(rng.choice([0.02, 0.12, 0.3, 0.7])) * float(rng.uniform(0.6, 1.5)),
        yoke_kind=str(rng.choice(["bar", "triangle", "frame"])),
        split=split,
        fold=float(rng.choice([0.0, 0.15, 0.5], p=[0.86, 0.08, 0.06])),
        thickness=float(rng.choice([0.008, 0.02, 0.04])) * bus,
        border=float(rng.choice([0.0, 0.02, 0.04, 0.08])) * width,
        front=front,
        back=front if rng.random() < 0.08 else finishes.panel_back(rng, width / split, length),
        edge=finishes.paint(rng) if rng.random() < 0.6 else finishes.foil(rng),
        arm=finishes.paint(rng) if rng.random() < 0.7 else finishes.metal(rng),
    )


def add_panel(model: Model, style: WingStyle, width: float, rotation: Vector, centre: Vector) -> None:
    """One flat panel: length along local x, width along local y, cells towards +z."""
    t, b = style.thickness, style.border
    x, y = style.length / 2, width / 2
    front = quad([(-x, -y, 0), (x, -y, 0), (x, y, 0), (-x, y, 0)]).moved(translation=(0, 0, t / 2))
    swapped = Surface(front.positions, front.normals, front.uvs[:, ::-1].copy())
    back = quad([(-x, y, 0), (x, y, 0), (x, -y, 0), (-x, -y, 0)]).moved(translation=(0, 0, -t / 2))
    model.add(swapped, style.front, PANEL, rotation, centre)
    model.add(Surface(back.positions, back.normals, back.uvs[:, ::-1].copy()), style.back, PANEL, rotation, centre)
    model.add(box((2 * x, 2 * y, t), "+x-x+y-y"), style.edge, PANEL, rotation, centre)
    if b > 0:
        rails = [box((2 * x + 2 * b, b, 1.6 * t)).moved(translation=(0, s * (y + b / 2), 0)) for s in (-1, 1)] + [
            box((b, 2 * y, 1.6 * t)).moved(translation=(s * (x + b / 2), 0, 0)) for s in (-1, 1)
        ]
        model.add(joined(rails), style.edge, PANEL, rotation, centre)


def yoke(style: WingStyle) -> Surface:
    """What holds the panels off the body, along +x from the origin."""
    r = max(0.012 * style.width, 0.4 * style.thickness)
    end, half = style.yoke, style.width * 0.42
    if style.yoke_kind == "triangle":
        return joined([tube((0, 0, 0), (end, half, 0), r), tube((0, 0, 0), (end, -half, 0), r)])
    if style.yoke_kind == "frame":
        legs = [tube((0, s * half * 0.6, 0), (end, s * half * 0.6, 0), r) for s in (-1, 1)]
        return joined([*legs, tube((end * 0.5, -half * 0.6, 0), (end * 0.5, half * 0.6, 0), r)])
    return tube((0, 0, 0), (end, 0, 0), 2.2 * r)


def add_wing(model: Model, style: WingStyle, rotation: Vector, root: Vector) -> None:
    """A yoke and its panels, outward along the rotation's x axis, cells towards its z axis."""
    model.add(yoke(style), style.arm, BODY, rotation, root)
    width = (style.width - (style.split - 1) * style.gap) / style.split
    x, lift, slope = style.yoke, 0.0, 0.0
    for i in range(style.panels):
        slope = style.fold * (1 if i % 2 == 0 else -1)
        run, rise = style.length * np.cos(slope), style.length * np.sin(slope)
        turn = rotation @ rotation_about((0, 1, 0), -slope)
        for k in range(style.split):
            y = (k - (style.split - 1) / 2) * (width + style.gap)
            centre = root + rotation @ np.array([x + run / 2, y, lift + rise / 2], np.float32)
            add_panel(model, style, width, turn.astype(np.float32), centre)
        if i + 1 < style.panels:
            hinge = x + run + style.gap / 2
            bars = [
                box((style.gap * 1.2, 0.06 * style.width, style.thickness)).moved(
                    translation=(hinge, s * 0.3 * style.width, lift + rise)
                )
                for s in (-1, 1)
            ]
            model.add(joined(bars), style.arm, PANEL, rotation, root)
        x, lift = x + run + style.gap, lift + rise


def add_sided_wing(model: Model, style: WingStyle, rotation: Vector, root: Vector) -> None:
    """A wing whose outer panels carry one more on either side: T and cross shapes, as large comsats have."""
    add_wing(model, style, rotation, root)
    for i in {style.panels - 1, int(model.rng.integers(style.panels))}:
        x = style.yoke + i * (style.length + style.gap) + style.length / 2
        for s in (-1, 1):
            y = s * (style.width + style.gap + 2 * style.border)
            centre = root + rotation @ np.array([x, y, 0], np.float32)
            add_panel(model, style, style.width, rotation, centre)


def wing_frame(outward: Vector, tilt: float) -> Vector:
    """Axes with x along `outward`, turned by `tilt` radians about it."""
    x = outward / np.linalg.norm(outward)
    reference = np.array([0, 0, 1.0]) if abs(x[2]) < 0.9 else np.array([0, 1.0, 0])
    y = np.cross(reference, x)
    y /= np.linalg.norm(y)
    frame = np.stack([x, y, np.cross(x, y)], axis=1)
    return np.asarray(rotation_about(x, tilt) @ frame, np.float32)
