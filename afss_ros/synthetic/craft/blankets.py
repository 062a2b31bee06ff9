"""Arrays that are no row of flat panels: fans, blankets beside a mast, roll-out arrays. Labels as in `arrays`."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from afss_ros.labels import BODY, PANEL
from afss_ros.synthetic.craft import finishes
from afss_ros.synthetic.craft.arrays import Vector, WingStyle, add_panel, yoke
from afss_ros.synthetic.craft.model import Model
from afss_ros.synthetic.materials import GORES
from afss_ros.synthetic.meshes import Surface, box, disc, joined, lattice, quad, revolved, rotation_about, torus, tube

GOLD = (0.5, 0.3, 0.1)
"""The blankets of the ISS, which show the Sun through kapton."""
DARK = (0.05, 0.045, 0.04)


def add_fan(model: Model, style: WingStyle, rotation: Vector, root: Vector) -> None:
    """A round array of gores on a boom."""
    radius = style.width * 0.9
    centre = root + rotation @ np.array([style.yoke + radius, 0, 0], np.float32)
    model.add(tube((0, 0, 0), (style.yoke, 0, 0), 0.02 * radius), style.arm, BODY, rotation, root)
    sides = int(model.rng.integers(8, 16))
    t = style.thickness
    # Gores of cells in front and dark behind: a plain pale disc would be a dish by any other name.
    front = finishes.gores(model.rng, sides, radius)
    back = replace(style.back, color=finishes.jittered(model.rng, DARK), pitch=front.pitch, pattern=GORES)
    model.add(disc(radius, sides, t / 2), front, PANEL, rotation, centre)
    model.add(disc(radius, sides, -t / 2, up=False), back, PANEL, rotation, centre)
    model.add(torus(radius * 0.985, 0.012 * radius, sides, 6), style.edge, PANEL, rotation, centre)
    spokes = [tube((0, 0, t), (radius * np.cos(a), radius * np.sin(a), t), 0.006 * radius, 4)
              for a in np.arange(sides) * 2 * np.pi / sides]  # fmt: skip
    model.add(joined(spokes), style.edge, PANEL, rotation, centre)
    model.add(joined(spokes), style.edge, PANEL, rotation, centre - rotation[:, 2] * (2 * t))


def add_mast_array(model: Model, style: WingStyle, rotation: Vector, root: Vector) -> None:
    """Two long blankets beside a lattice mast, as on large stations."""
    length, width = style.width * float(model.rng.uniform(2.5, 5)), style.width * 0.45
    mast = lattice(length, 0.08 * style.width, 16, 0.006 * style.width)
    model.add(mast, style.arm, PANEL, rotation @ rotation_about((0, 1, 0), np.pi / 2), root)
    front = replace(style.front, color=finishes.jittered(model.rng, GOLD)) if model.rng.random() < 0.35 else style.front
    blanket = WingStyle(1, length * 0.97, width, 0.0, 0.0, "bar", 1, 0.0, style.thickness * 0.3, 0.0,
                        front, style.back, style.edge, style.arm)  # fmt: skip
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
    model.add(yoke(style), style.arm, BODY, rotation, root)
    rim = revolved([(0.01 * length, 0), (0.01 * length, length)], 5).moved(rotation_about((0, 1, 0), np.pi / 2))
    model.add(rim, style.edge, PANEL, rotation, root + rotation[:, 0] * style.yoke)
