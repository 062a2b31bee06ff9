"""What craft of world 7 carry besides: radiators, robot arms, booms and whips of a finger's width, wings without cells.

Radiators, arms and booms are `body`: none makes power, none sends. Whips are `antenna`, and a painted or blank wing is
`panel` as any other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afss_ros.labels import ANTENNA, BODY
from afss_ros.synthetic import materials as m
from afss_ros.synthetic.craft import finishes
from afss_ros.synthetic.craft.bus import Bus
from afss_ros.synthetic.craft.model import Model
from afss_ros.synthetic.materials import Material
from afss_ros.synthetic.meshes import box, frame_along, joined, prism, rotation_about, sphere, tube

Vector = NDArray[np.float32]
WHITES = ((0.9, 0.9, 0.89), (0.8, 0.8, 0.78), (0.65, 0.67, 0.7))


def odd_front(rng: np.random.Generator, width: float, length: float) -> Material:
    """The front of a wing that shows no cells: flags and words over them, white, glossy, mirror-like, dark, blank."""
    kind = rng.random()
    pitch = (width / int(rng.integers(1, 5)), length / int(rng.integers(1, 5)))
    if kind < 0.3:  # painted over
        under = finishes.cells(rng, width, length)
        ink = finishes.accent(rng).color if rng.random() < 0.6 else (0.85, 0.85, 0.85)
        return Material(
            m.LOGO, under.color, second=ink, roughness=0.5, pitch=(pitch[0] / 2, pitch[1] / 2),
            seed=float(rng.uniform(0, 50)),
        )  # fmt: skip
    if kind < 0.5:
        color = finishes.jittered(rng, WHITES[int(rng.integers(len(WHITES)))], 0.1)
        return Material(
            m.SEAMS if rng.random() < 0.5 else m.PLAIN, color, second=(0.5, 0.5, 0.5),
            roughness=float(rng.uniform(0.1, 0.8)), pitch=pitch, line=0.03,
        )  # fmt: skip
    if kind < 0.7:  # glossy: what it mirrors is most of what shows
        color = finishes.cells(rng, width, length).color
        return Material(m.PLAIN, color, roughness=float(rng.uniform(0.05, 0.15)), metallic=float(rng.uniform(0.3, 1.0)))
    dark = float(np.exp(rng.uniform(np.log(0.003), np.log(0.06))))
    tint = (dark * float(rng.uniform(0.7, 1)), dark, dark * float(rng.uniform(1, 1.8)))
    return Material(m.PLAIN, tint, roughness=float(rng.uniform(0.3, 0.9)), seed=float(rng.uniform(0, 50)))


def add_radiators(model: Model, rng: np.random.Generator, body: Bus) -> None:
    """White or silver plates that stand off the body, alone, in pairs, or folded as on a station."""
    size = float(np.mean(body.half))
    long, wide = size * float(rng.uniform(0.6, 3.0)), size * float(rng.uniform(0.5, 1.5))
    color = finishes.jittered(rng, WHITES[int(rng.integers(len(WHITES)))], 0.08)
    finish = Material(
        m.SEAMS if rng.random() < 0.6 else m.STRIPES, color, second=(0.55, 0.55, 0.55),
        roughness=float(rng.uniform(0.15, 0.7)), metallic=float(rng.choice([0.0, 0.6])),
        pitch=(wide / int(rng.integers(1, 7)), long / int(rng.integers(1, 9))), line=float(rng.uniform(0.03, 0.12)),
    )  # fmt: skip
    at, out = body.surface_point(rng)
    ways = [(at, out)] if rng.random() < 0.5 else [(at, out), (-at, -out)]
    turn = rotation_about((0, 0, 1), float(rng.uniform(0, np.pi)))
    leaves = int(rng.choice([1, 1, 3, 6]))
    fold = float(rng.uniform(0.1, 0.6)) if leaves > 1 else 0.0
    for root, way in ways:
        with model.component("radiator"):
            frame = np.asarray(frame_along(way) @ turn, np.float32)
            z = 0.1 * size
            model.add(tube((0, 0, 0), (0, 0, z), 0.03 * size), finishes.metal(rng), BODY, frame, root)
            for leaf in range(leaves):
                step = long / leaves
                lean = rotation_about((1, 0, 0), fold * (1 if leaf % 2 else -1))
                plate = box((wide, 0.015 * size, 0.96 * step)).moved(
                    lean, (0, 0, z + step * (leaf + 0.5) * np.cos(fold))
                )
                model.add(plate, finish, BODY, frame, root)
    model.elements.append("radiators")


def add_arm(model: Model, rng: np.random.Generator, body: Bus) -> None:
    """A robot arm: links between fat joints, a hand at its end."""
    size = float(np.mean(body.half))
    at, out = body.surface_point(rng)
    thick = size * float(rng.uniform(0.03, 0.1))
    link, joint = finishes.paint(rng, WHITES) if rng.random() < 0.6 else finishes.paint(rng), finishes.metal(rng)
    place, way = at.astype(np.float64), out.astype(np.float64)
    with model.component("arm"):
        for _ in range(int(rng.integers(2, 5))):
            way = way + 0.9 * rng.standard_normal(3)
            if float(way @ out) < 0:
                way -= 1.5 * float(way @ out) * out
            way /= np.linalg.norm(way)
            end = place + way * size * float(rng.uniform(0.5, 1.6))
            model.add(tube(place, end, thick, 10), link, BODY)
            for along in (place, end):
                model.add(prism(12, 1.5 * thick, 1.5 * thick, 3 * thick), joint, BODY, frame_along(way), along)
            place = end
        fingers = [tube((0, 0, 0), (s * 2 * thick, 0, 3 * thick), 0.4 * thick) for s in (-1, 1)]
        model.add(joined([*fingers, sphere(1.6 * thick, 10)]), joint, BODY, frame_along(way), place)
    model.elements.append("arm")


def add_thin(model: Model, rng: np.random.Generator, body: Bus) -> None:
    """Booms with a sensor at their end (`body`) or whips (`antenna`), a few millimetres to a finger wide."""
    size = float(np.mean(body.half))
    whips = bool(rng.random() < 0.5)
    finish = finishes.metal(rng) if rng.random() < 0.6 else finishes.paint(rng)
    for _ in range(int(rng.choice([1, 2, 2, 4]))):
        at, out = body.surface_point(rng)
        way = out + 0.3 * rng.standard_normal(3)
        way /= np.linalg.norm(way)
        end = at + way * size * float(rng.uniform(1.5, 8.0))
        with model.component("whip" if whips else "boom"):
            model.add(
                tube(at, end, size * float(np.exp(rng.uniform(np.log(0.005), np.log(0.025))))),
                finish,
                ANTENNA if whips else BODY,
            )
            if not whips and rng.random() < 0.5:
                model.add(prism(10, 0.06 * size, 0.06 * size, 0.2 * size), finish, BODY, frame_along(way), end)
    model.elements.append("whips" if whips else "booms")


FITTINGS = ((0.3, add_radiators), (0.2, add_arm), (0.35, add_thin))
"""How often craft carry each."""
ODD_WINGS = 0.3
"""Share of craft whose wings show no cells."""
