"""Scenes of the rendered world, which tells which panel is which: wings, dishes and booms one by one, with true facts.

A panel that a boom lies across is one thing, ranges are metres, and "in shadow" is what the Sun does not reach. What
the world does not know in full is no noun of the scene: of it, nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.labels import ANTENNA, BODY, CLASS_NAMES, PANEL
from afss_ros.refer.errors import ReferError
from afss_ros.refer.scene import Mask, Scene, Thing
from afss_ros.refer.things import WHOLE, coloured, thing_of

NAMED: dict[str, tuple[str, int]] = {
    "wing": ("panel", PANEL),
    "dish": ("dish", ANTENNA),
    "horn": ("horn", ANTENNA),
    "whip": ("whip", ANTENNA),
    **dict.fromkeys(("array", "patch", "helix", "capped_cylinder", "horns"), ("antenna", ANTENNA)),
    "boom": ("boom", BODY),
    "thruster": ("thruster", BODY),
    "docking_ring": ("docking ring", BODY),
    "star_tracker": ("camera", BODY),
}
"""By the name of a component, the noun for it, and the label that its pixels must have: a yoke is no panel."""
TRUSSES = frozenset({"truss", "station", "sail", "reflectors"})
"""Elements of craft that carry beams which are no component: whether these are booms is a matter of taste."""
_EARTH, _LIMB = "earth", "limb"
_RISEN = 0.5
"""A limb of which the Sun reaches less is hardly seen."""


def from_components(
    ids: NDArray[np.uint16],
    labels: NDArray[np.uint8],
    attributes: Mapping[str, Any],
    image: NDArray[np.uint8] | None = None,
) -> Scene:
    """The scene of a rendered frame.

    Args:
        ids: uint16 (H, W), as `Sample.components`.
        labels: uint8 (H, W), label ids.
        attributes: the sample's: "components" says what each id is, "elements" what the craft are made of.
        image: uint8 (H, W, 3) RGB, for facts of colour.

    Raises:
        ReferError: the attributes do not say what the ids are, or the pictures have different sizes.
    """
    if ids.shape != labels.shape:
        raise ReferError(f"component ids are {ids.shape}, labels {labels.shape}; they must be of one picture")
    try:
        facts = {int(fact["id"]): fact for fact in attributes["components"]}
        elements = {str(name) for craft in attributes.get("elements", ()) for name in craft}
        things = _craft(ids, labels, facts)
        nouns = {CLASS_NAMES[BODY], WHOLE, *(noun for noun, _ in NAMED.values())}
        if elements & TRUSSES:
            nouns.remove("boom")
        things = [thing for thing in things if thing.noun in nouns]
        if "nature" not in attributes:  # in which frames the backdrop has planets of its own
            sky = _sky(ids, facts, 1 + max((thing.id for thing in things), default=0))
            if sky is not None:
                things += sky
                nouns |= {_EARTH, _LIMB}
    except (KeyError, TypeError, ValueError) as err:
        raise ReferError(
            f"component ids without their names ({type(err).__name__}: {err}); render the set anew"
        ) from err
    scene = Scene((ids.shape[0], ids.shape[1]), tuple(things), frozenset(nouns))
    return scene if image is None else coloured(scene, image)


def _craft(ids: NDArray[np.uint16], labels: NDArray[np.uint8], facts: Mapping[int, Mapping[str, Any]]) -> list[Thing]:
    things: list[Thing] = []

    def add(noun: str, mask: Mask, fact: Mapping[str, Any], lit: float | None, parent: int | None) -> None:
        if mask.any():
            thing = thing_of(len(things) + 1, noun, mask)
            things.append(replace(thing, parent=parent, lit=lit, distance=fact["range_m"]))

    for number, fact in facts.items():
        if fact["name"] != WHOLE:
            continue
        own = ids >> 8 == fact["craft"]
        craft = len(things) + 1
        add(WHOLE, own, fact, fact["sunlit"], None)
        add(CLASS_NAMES[BODY], own & (labels == BODY), fact, fact["body_sunlit"], craft)
        for part, told in facts.items():
            if told["craft"] == fact["craft"] and part != number and told["name"] in NAMED:
                noun, label = NAMED[told["name"]]
                add(noun, (ids == part) & (labels == label), told, told["sunlit"], craft)
    return things


def _sky(ids: NDArray[np.uint16], facts: Mapping[int, Mapping[str, Any]], free: int) -> list[Thing] | None:
    """The Earth and its limb, where they are all the sky has; None where it is not clear what they are."""
    planets = [number for number, fact in facts.items() if fact["craft"] is None]
    if not planets:
        return []
    named = {facts[number]["name"]: number for number in planets}
    if len(planets) > len(named) or set(named) - {_EARTH, _LIMB}:
        return None
    rim = ids == named[_LIMB] if _LIMB in named else np.zeros(ids.shape, bool)
    whole = rim | (ids == named[_EARTH]) if _EARTH in named else rim
    if rim.any() and facts[named[_LIMB]]["sunlit"] < _RISEN:
        return None
    seen = [(noun, mask) for noun, mask in ((_EARTH, whole), (_LIMB, rim)) if mask.any()]
    return [thing_of(free + place, noun, mask) for place, (noun, mask) in enumerate(seen)]
