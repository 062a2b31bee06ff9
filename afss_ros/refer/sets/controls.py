"""Whether a resolver listens: what it loses by other words, and whether opposite words mean different things.

A network that looks at pictures alone scores well where the largest thing is meant most of the time. So it is asked
again, without words, and with a sentence about another thing of the same picture: both must cost much. And
"the leftmost" and "the rightmost" must not be the same thing.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets.pictures import read_rgb
from afss_ros.datasets.rle import decode
from afss_ros.refer.denote import denote
from afss_ros.refer.errors import ReferError, SentenceError
from afss_ros.refer.meaning import Extreme, Meaning
from afss_ros.refer.resolver import Resolver, TokenResolver
from afss_ros.refer.scene import Scene
from afss_ros.refer.sense import OPPOSITE
from afss_ros.refer.sets.references import Reference, read_references, read_scenes, scene_from_json
from afss_ros.refer.words import words

Mask = NDArray[np.bool_]
Ask = Callable[[NDArray[np.uint8], str], Mask]
"""A sentence about a picture to a mask; the empty sentence is no words at all."""


@dataclass(frozen=True, slots=True)
class Controls:
    """What came of it; None where there was nothing to ask.

    Attributes:
        sentences: that were asked in three ways.
        miou: with their own words.
        blinded: without words.
        exchanged: with a sentence about other things of the same picture, against their own things.
        opposites: pairs of opposite words that were asked: those that truly mean different things. Of two ships, "the
            two largest" are the two smallest.
        disjoint: the share of those pairs that were answered with two different things: masks that share less than a
            tenth of their union, neither of them empty.
    """

    sentences: int
    miou: float | None
    blinded: float | None
    exchanged: float | None
    opposites: int
    disjoint: float | None


def controls(root: Path, ask: Ask, split: str | None = None, most: int = 600, seed: int = 1) -> Controls:
    """Ask about sentences of a set that mean more than their class word.

    Raises:
        ReferError: there is none.
        DatasetError: a file cannot be read.
    """
    scenes = read_scenes(root)
    said: dict[str, list[Reference]] = defaultdict(list)
    for reference in read_references(root):
        scene = scenes.get(reference.scene)
        if scene is not None and split in (None, scene["split"]) and reference.targets:
            said[reference.scene].append(reference)
    own: list[float] = []
    blinded: list[float] = []
    exchanged: list[float] = []
    apart: list[bool] = []
    rng = random.Random(seed)
    keys = sorted(said)
    rng.shuffle(keys)
    for key in keys:
        if len(own) >= most:
            break
        scene = scenes[key]
        image = read_rgb(root / scene["image"])
        masks = {thing["id"]: decode(thing["mask"]) for thing in scene["things"]}
        nothing = _asked(ask, image, "")
        for reference in rng.sample(said[key], min(6, len(said[key]))):
            others = [r for r in said[key] if not set(r.targets) & set(reference.targets)]
            if reference.kind == "class" or not others:
                continue
            meant = np.logical_or.reduce([masks[target] for target in reference.targets])
            own.append(_iou(_asked(ask, image, reference.text), meant))
            blinded.append(_iou(nothing, meant))
            exchanged.append(_iou(_asked(ask, image, rng.choice(others).text), meant))
        facts = scene_from_json(scene, image)
        apart += [found for r in said[key] if (found := _differ(ask, image, r, facts)) is not None]
    if not own:
        raise ReferError(f"{root}: holds no sentence that needs more than its class word; build a larger set")
    miou, blind, other = (float(np.mean(values)) for values in (own, blinded, exchanged))
    return Controls(len(own), miou, blind, other, len(apart), float(np.mean(apart)) if apart else None)


def _differ(ask: Ask, image: NDArray[np.uint8], reference: Reference, scene: Scene) -> bool | None:
    """Whether a superlative and its opposite get different answers; None where they do not certainly deserve them."""
    meaning = reference.meaning
    if meaning is None or len(meaning.tests) != 1 or not isinstance(meaning.tests[0], Extreme):
        return None
    test = meaning.tests[0]
    if test.rank > 1 or test.by not in OPPOSITE:
        return None
    other = Meaning(meaning.noun, meaning.number, (Extreme(OPPOSITE[test.by]),))
    meant = denote(other, scene)
    if not meant.is_certain or set(meant.targets) & set(reference.targets):
        return None
    try:
        opposite = words(other, nouns=sorted(scene.nouns))
    except ReferError:
        return None
    first, second = _asked(ask, image, reference.text), _asked(ask, image, opposite)
    return bool(first.any() and second.any() and (first & second).sum() < 0.1 * (first | second).sum())


def _asked(ask: Ask, image: NDArray[np.uint8], text: str) -> Mask:
    try:
        return ask(image, text)
    except SentenceError:
        return np.zeros(image.shape[:2], bool)


def _iou(a: Mask, b: Mask) -> float:
    return int((a & b).sum()) / max(1, int((a | b).sum()))


def of_network(resolver: TokenResolver) -> Ask:
    """A network to be asked; without words it gets the tokens of none."""

    def ask(image: NDArray[np.uint8], text: str) -> Mask:
        tokens = resolver.encode(text) if text else resolver.blind
        answered: Mask = resolver.answer(image, tokens).mask
        return answered

    return ask


def of_resolver(resolver: Resolver) -> Ask:
    """Any `Resolver` to be asked; without words it says nothing."""

    def ask(image: NDArray[np.uint8], text: str) -> Mask:
        answered: Mask = resolver.resolve(image, text).mask
        return answered

    return ask
