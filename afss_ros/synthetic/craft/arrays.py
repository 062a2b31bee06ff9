"""Solar arrays. Cells, backs, frames and hinges of an array are `panel`; the yoke that carries it is `body`."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afss_ros.labels import BODY, PANEL
from afss_ros.synthetic.craft import finishes
from afss_ros.synthetic.craft.model import Model
from afss_ros.synthetic.materials import Material
from afss_ros.synthetic.meshes import Surface, box, disc, joined, lattice, quad, revolved, rotation_about, torus, tube

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
    panels = int(rng.choice([1, 1, 2, 3, 4, 5]))
    width = bus * float(rng.uniform(0.4, 1.7))
    length = width * float(rng.uniform(0.5, 1.6)) if panels > 1 else width * float(rng.uniform(0.6, 4.0))
    split = int(rng.choice([1, 1, 1, 2]))
    return WingStyle(
        panels=panels,
        length=length,
        width=width,
        gap=float(rng.uniform(0.01, 0.08)) * width,
        yoke=bus * float(rng.choice([0.02, 0.12, 0.3, 0.7])) * float(rng.uniform(0.6, 1.5)),
        yoke_kind=str(rng.choice(["bar", "triangle", "frame"])),
        split=split,
        fold=float(rng.choice([0.0, 0.0, 0.0, 0.15, 0.5])),
        thickness=0.02 * bus,
        border=float(rng.choice([0.0, 0.02, 0.04, 0.08])) * width,
        front=finishes.cells(rng, width / split, length),
        back=finishes.panel_back(rng, width / split, length),
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


def _yoke(style: WingStyle) -> Surface:
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
    model.add(_yoke(style), style.arm, BODY, rotation, root)
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


def wing_frame(outward: Vector, tilt: float) -> Vector:
    """Axes with x along `outward`, turned by `tilt` radians about it."""
    x = outward / np.linalg.norm(outward)
    reference = np.array([0, 0, 1.0]) if abs(x[2]) < 0.9 else np.array([0, 1.0, 0])
    y = np.cross(reference, x)
    y /= np.linalg.norm(y)
    frame = np.stack([x, y, np.cross(x, y)], axis=1)
    return np.asarray(rotation_about(x, tilt) @ frame, np.float32)


def add_fan(model: Model, style: WingStyle, rotation: Vector, root: Vector) -> None:
    """A round array of gores on a boom."""
    radius = style.width * 0.9
    centre = root + rotation @ np.array([style.yoke + radius, 0, 0], np.float32)
    model.add(tube((0, 0, 0), (style.yoke, 0, 0), 0.02 * radius), style.arm, BODY, rotation, root)
    sides = int(model.rng.integers(8, 16))
    t = style.thickness
    model.add(disc(radius, sides, t / 2), style.front, PANEL, rotation, centre)
    model.add(disc(radius, sides, -t / 2, up=False), style.back, PANEL, rotation, centre)
    model.add(torus(radius * 0.985, 0.012 * radius, sides, 6), style.edge, PANEL, rotation, centre)
    spokes = [tube((0, 0, t), (radius * np.cos(a), radius * np.sin(a), t), 0.006 * radius, 4)
              for a in np.arange(sides) * 2 * np.pi / sides]  # fmt: skip
    model.add(joined(spokes), style.edge, PANEL, rotation, centre)


def add_mast_array(model: Model, style: WingStyle, rotation: Vector, root: Vector) -> None:
    """Two long blankets beside a lattice mast, as on large stations."""
    length, width = style.width * float(model.rng.uniform(2.5, 5)), style.width * 0.45
    mast = lattice(length, 0.08 * style.width, 16, 0.006 * style.width)
    model.add(mast, style.arm, PANEL, rotation @ rotation_about((0, 1, 0), np.pi / 2), root)
    blanket = WingStyle(1, length * 0.97, width, 0.0, 0.0, "bar", 1, 0.0, style.thickness * 0.3, 0.0,
                        style.front, style.back, style.edge, style.arm)  # fmt: skip
    for s in (-1, 1):
        centre = root + rotation @ np.array([length / 2, s * 0.6 * style.width * 0.5, 0], np.float32)
        add_panel(model, blanket, width, rotation, centre)
        for x in (0.02, 0.98):
            model.add(box((0.03 * length, width, 0.05 * width)), style.edge, PANEL, rotation,
                      root + rotation @ np.array([x * length, s * 0.3 * style.width, 0], np.float32))  # fmt: skip


def add_curved_wing(model: Model, style: WingStyle, rotation: Vector, root: Vector) -> None:
    """A panel bent about its long axis, as rolled-out arrays are."""
    span = float(model.rng.uniform(0.5, 1.4))
    radius = style.width / (2 * span)
    steps = 8
    a = np.linspace(-span, span, steps + 1)
    length = style.length * style.panels
    for sign, material in ((1, style.front), (-1, style.back)):
        strips = []
        for a0, a1 in itertools.pairwise(a):
            c = [(x, radius * np.sin(q), radius * (1 - np.cos(q)) + sign * style.thickness / 2)
                 for q, x in ((a0, 0.0), (a0, length), (a1, length), (a1, 0.0))]  # fmt: skip
            face = quad(c if sign > 0 else c[::-1])
            offset = np.array([0.0, (a0 + span) * radius], np.float32)
            uv = face.uvs + offset
            strips.append(Surface(face.positions, face.normals, uv[:, ::-1].copy()))
        model.add(joined(strips), material, PANEL, rotation, root + rotation[:, 0] * style.yoke)
    model.add(_yoke(style), style.arm, BODY, rotation, root)
    rim = revolved([(0.01 * length, 0), (0.01 * length, length)], 5).moved(rotation_about((0, 1, 0), np.pi / 2))
    model.add(rim, style.edge, PANEL, rotation, root + rotation[:, 0] * style.yoke)
