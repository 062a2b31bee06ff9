"""Made scenes: flat craft and things on the ground, with all facts known, for proofs, tests and small trainings."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.refer.scene import Scene
from afss_ros.refer.things import WHOLE, coloured, from_masks

SIDE = 160
"""Width and height of the pictures, pixels."""
GROUND_NOUNS = ("building", "ship", "tree", "storage_tank", "vehicle")
PARTS = ("antenna", "body", "panel")
_PAINT: dict[str, tuple[int, int, int]] = {
    "red": (205, 35, 30),
    "blue": (35, 60, 205),
    "green": (40, 165, 60),
    "yellow": (225, 215, 40),
    "purple": (125, 40, 180),
    "white": (235, 235, 235),
    "grey": (125, 125, 125),
    "gold": (200, 140, 45),
}
_SHADOW = 0.22
_NOISE = 5.0

Image = NDArray[np.uint8]
Numbers = NDArray[np.uint8]


@dataclass
class _Canvas:
    """A picture in the making, and which thing each pixel is of (0 for none)."""

    picture: Image
    numbers: Numbers
    nouns: list[str]
    owners: list[int | None]
    lit: list[bool]

    def draw(
        self, noun: str, outline: NDArray[np.int32], paint: tuple[int, int, int], owner: int | None, lit: bool
    ) -> None:
        """Add a thing, on top of all before it."""
        self.nouns.append(noun)
        self.owners.append(owner)
        self.lit.append(lit)
        number = len(self.nouns)
        cv2.fillPoly(self.numbers, [outline], number)
        shade = 1.0 if lit else _SHADOW
        self.picture[self.numbers == number] = [round(value * shade) for value in paint]


def make(seed: int) -> tuple[Scene, Image]:
    """A scene and its picture, uint8 (160, 160, 3) RGB: of craft where the seed is even, of the ground else.

    The same seed makes the same scene. Things may hide each other and be cut by the frame; what is seen of a thing is
    in its mask, in one piece or in several.
    """
    rng = random.Random(seed)
    space = seed % 2 == 0
    back = np.full((SIDE, SIDE, 3), 12 if space else rng.randrange(70, 100), np.uint8)
    canvas = _Canvas(back, np.zeros((SIDE, SIDE), np.uint8), [], [], [])
    distances: list[float] = []
    if space:
        _draw_craft(canvas, rng, distances)
    else:
        _draw_ground(canvas, rng)
    noise = np.random.default_rng(seed).normal(0, _NOISE, back.shape)
    picture = np.clip(canvas.picture + noise, 0, 255).astype(np.uint8)
    return _scene(canvas, picture, distances, rng), picture


def _draw_craft(canvas: _Canvas, rng: random.Random, distances: list[float]) -> None:
    count = rng.choice((1, 1, 2, 2, 3))
    cells = [(x, y) for x in (0.3, 0.7) for y in (0.3, 0.7)]
    places = rng.sample(cells, count) if count > 1 else [(rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.7))]
    for owner, (x, y) in enumerate(places):
        distance = rng.uniform(20.0, 60.0)
        distances.append(distance)
        unit = 420.0 / distance * (1.6 if count == 1 else 1.0)
        middle = ((x + rng.uniform(-0.08, 0.08)) * SIDE, (y + rng.uniform(-0.08, 0.08)) * SIDE)
        turn = rng.uniform(0, 2 * math.pi)
        dark = rng.random() < 0.25
        blue = _PAINT[rng.choice(("blue", "purple", "grey", "red"))]

        def at(
            along: float, across: float, middle: tuple[float, float] = middle, turn: float = turn
        ) -> tuple[float, float]:
            cos, sin = math.cos(turn), math.sin(turn)
            return middle[0] + along * cos - across * sin, middle[1] + along * sin + across * cos

        for sign in (-1, 1):
            if rng.random() < 0.9:
                wing = unit * rng.uniform(1.2, 2.6)
                spot = at(sign * (unit * 0.8 + wing / 2), 0)
                lit = not dark and rng.random() < 0.85
                paint = blue if rng.random() < 0.7 else _PAINT[rng.choice(("gold", "white", "green"))]
                canvas.draw("panel", _box(spot, wing, unit * 0.7, turn), paint, owner, lit)
        canvas.draw(
            "body",
            _box(middle, unit * 1.3, unit * 1.3, turn),
            _PAINT[rng.choice(("gold", "white", "grey"))],
            owner,
            not dark,
        )
        for _ in range(rng.choice((0, 1, 1, 2))):
            across = rng.choice((-1, 1)) * unit * rng.uniform(0.8, 1.1)
            spot = at(unit * rng.uniform(-0.4, 0.4), across)
            paint = _PAINT[rng.choice(("white", "grey", "yellow"))]
            canvas.draw("antenna", _ellipse(spot, unit * rng.uniform(0.6, 1.0)), paint, owner, not dark)


def _draw_ground(canvas: _Canvas, rng: random.Random) -> None:
    nouns = rng.sample(GROUND_NOUNS, rng.choice((1, 2, 2, 3)))
    for _ in range(rng.randrange(3, 10)):
        noun = rng.choice(nouns)
        spot = (rng.uniform(0.02, 0.98) * SIDE, rng.uniform(0.02, 0.98) * SIDE)
        size = SIDE * rng.choice((0.08, 0.12, 0.2))
        paint = _PAINT[rng.choice(list(_PAINT))]
        turn = rng.uniform(0, math.pi)
        shapes = {
            "building": lambda: _box(spot, size * 1.4, size, turn),  # noqa: B023 - drawn at once
            "ship": lambda: _box(spot, size * 1.8, size * 0.4, turn),  # noqa: B023
            "tree": lambda: _ellipse(spot, size),  # noqa: B023
            "storage_tank": lambda: _ellipse(spot, size * 1.2),  # noqa: B023
            "vehicle": lambda: _box(spot, size * 0.7, size * 0.4, turn),  # noqa: B023
        }
        canvas.draw(noun, shapes[noun](), paint, None, True)


def _box(middle: tuple[float, float], length: float, width: float, turn: float) -> NDArray[np.int32]:
    return np.asarray(cv2.boxPoints((middle, (length, width), math.degrees(turn))).round(), np.int32)


def _ellipse(middle: tuple[float, float], across: float) -> NDArray[np.int32]:
    center = (round(middle[0]), round(middle[1]))
    axes = (max(2, round(across / 2)), max(2, round(across / 2.4)))
    return np.asarray(cv2.ellipse2Poly(center, axes, 0, 0, 360, 15), np.int32)


def _scene(canvas: _Canvas, picture: Image, distances: list[float], rng: random.Random) -> Scene:
    numbers = canvas.numbers
    craft = [
        np.isin(numbers, [i + 1 for i, owner in enumerate(canvas.owners) if owner == k]) for k in range(len(distances))
    ]
    named = [(WHOLE, mask) for mask in craft] + [
        (noun, numbers == number) for number, noun in enumerate(canvas.nouns, 1)
    ]
    nouns = (*PARTS, WHOLE) if distances else GROUND_NOUNS
    bare = from_masks(named, nouns)
    things = []
    for thing in bare.things:
        place = thing.id - len(craft) - 1
        if place < 0:
            things.append(replace(thing, distance=distances[thing.id - 1]))
        else:
            owner = canvas.owners[place]
            things.append(
                replace(
                    thing,
                    parent=None if owner is None else owner + 1,
                    lit=float(canvas.lit[place]) if distances else None,
                )
            )
    scene = bare.with_things(*things)
    if len(distances) == 1 and rng.random() < 0.4:
        turn = rng.uniform(0, 2 * math.pi)
        port = (math.cos(turn), math.sin(turn))
        scene = replace(scene, axes={"port": port, "starboard": (-port[0], -port[1])})
    return coloured(scene, picture)
