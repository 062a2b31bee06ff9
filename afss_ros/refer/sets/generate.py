"""Expressions of a scene, each proven: its targets clearly fit, and everything else clearly does not."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from afss_ros.refer.denote import Denotation, Judge, denote, is_a
from afss_ros.refer.errors import ReferError
from afss_ros.refer.meaning import (
    CENTRE,
    COLOURS,
    CRAFT_DIRECTIONS,
    DIRECTIONS,
    KINDS_OF,
    SKY,
    Beside,
    Closest,
    Colour,
    Cut,
    Extreme,
    Light,
    Meaning,
    Not,
    PartOf,
    Place,
    Side,
    Test,
    Toward,
)
from afss_ros.refer.scene import Scene, Thing
from afss_ros.refer.things import WHOLE
from afss_ros.refer.words import words

KINDS = ("class", "side", "place", "extreme", "size", "colour", "light", "relation", "frame", "group", "none")
_KIND_OF: dict[type, str] = {
    Toward: "side",
    Place: "place",
    Colour: "colour",
    Light: "light",
    Cut: "frame",
    Beside: "relation",
    Closest: "relation",
    PartOf: "relation",
    Side: "relation",
    Not: "relation",
}
_FOR_OTHERS = ("class", "side", "extreme", "size", "colour", "place")
"""Kinds that another thing is named by, in a relation: the shorter the better."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A meaning that was proven, in words.

    Attributes:
        kind: one of `KINDS`.
        targets: ids of the things; empty for "none".
    """

    text: str
    meaning: Meaning
    targets: tuple[int, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Wishes:
    """How much is said of a scene.

    Attributes:
        per_thing: most expressions of one thing; of different kinds, as far as there are.
        groups: most expressions of several things.
        nones: most expressions that rightly mean nothing.
        counted: whether numbers are said; only where no thing is labelled in two pieces.
        kinds: what may be said.
        least: smallest thing that is spoken of, as a share of the picture; smaller ones are rivals all the same.
    """

    per_thing: int = 4
    groups: int = 3
    nones: int = 2
    counted: bool = False
    kinds: tuple[str, ...] = KINDS
    least: float = 0.0003

    def counting(self, counted: bool) -> Wishes:
        """The same wishes, with numbers said or not."""
        return replace(self, counted=counted)


def kind_of(meaning: Meaning) -> str:
    """What tells the target from its rivals: the kind of the test that is hardest to see."""
    if meaning.number != "one":
        return "group"
    kinds = [_kind(test) for test in meaning.tests]
    order = ("relation", "colour", "light", "frame", "size", "extreme", "side", "place")
    return next((kind for kind in order if kind in kinds), "class")


def _kind(test: Test) -> str:
    if isinstance(test, Extreme):
        return "extreme" if test.by in DIRECTIONS else "light" if "est" in test.by and test.by[0] in "bd" else "size"
    return _KIND_OF[type(test)]


def generate(
    scene: Scene,
    rng: random.Random,
    wishes: Wishes = Wishes(),
    judge: Callable[[Meaning, Scene], Denotation] = denote,
) -> list[Expression]:
    """Say what can be said of a scene with certainty.

    Args:
        scene: with all things of its nouns, also those that its picture's frame cuts.
        rng: chooses among meanings, and among words.
        judge: tells what a meaning fits.
    """
    if judge is denote:
        known = Judge(scene)  # what a nested meaning fits is found once

        def judge(meaning: Meaning, scene: Scene) -> Denotation:
            return known.denote(meaning)

    there = {thing.noun for thing in scene.things}
    nouns = sorted(there | {KINDS_OF[noun] for noun in there & set(KINDS_OF) if KINDS_OF[noun] in scene.nouns})
    certain: dict[int, dict[str, list[Meaning]]] = defaultdict(lambda: defaultdict(list))
    nones: list[Meaning] = []
    groups: list[Meaning] = []

    def consider(meaning: Meaning) -> None:
        found = judge(meaning, scene)
        if found.is_none:
            nones.append(meaning)
        elif found.is_certain and meaning.number == "one":
            certain[found.targets[0]][kind_of(meaning)].append(meaning)
        elif found.is_certain and len(found.targets) > 1:
            groups.append(meaning)

    for noun in nouns:
        consider(Meaning(noun))
        if noun in SKY:
            continue
        tests = list(_tests_alone(noun, scene))
        for test in tests:
            consider(Meaning(noun, "one", (test,)))
        _consider_pairs(noun, tests, rng, consider)
        _consider_groups(noun, tests, wishes, consider, scene)
    others = _named(scene, certain, rng)
    for noun in (noun for noun in nouns if noun not in SKY):
        for test in _relations(noun, scene, others):
            consider(Meaning(noun, "one", (test,)))
            if not isinstance(test, Closest):
                consider(Meaning(noun, "all", (test,)))
        for thing in (t for t in scene.things if t.noun == noun and t.id not in certain):
            _consider_more(thing, scene, others, consider)
    said = _chosen(scene, certain, rng, wishes) + _some(groups, wishes.groups, rng)
    if "none" in wishes.kinds:
        said += _some(nones, wishes.nones, rng)
    return _worded(said, scene, rng, wishes, judge)


def _some(meanings: list[Meaning], count: int, rng: random.Random) -> list[Meaning]:
    """A few of a list, of different kinds of test as far as there are."""
    by_kind: dict[tuple[str, ...], list[Meaning]] = defaultdict(list)
    for meaning in meanings:
        by_kind[tuple(type(test).__name__ for test in meaning.tests)].append(meaning)
    kinds = sorted(by_kind)
    rng.shuffle(kinds)
    return [rng.choice(by_kind[kind]) for kind in kinds[:count]]


def _tests_alone(noun: str, scene: Scene) -> Iterator[Test]:
    """Tests that need no other thing."""
    rivals = [thing for thing in scene.things if is_a(thing, noun)]
    yield from (Place(where) for where in (*DIRECTIONS, CENTRE))
    yield from (Cut(flag) for flag in (True, False))
    if all(thing.shares for thing in rivals):
        yield from (Colour(name) for name in COLOURS if any(thing.shares[name][1] > 0.3 for thing in rivals))
    if all(thing.lit is not None for thing in rivals):
        yield from (Light(flag) for flag in (True, False))
    if len(rivals) < 2:
        return
    yield from (Toward(where) for where in DIRECTIONS)
    ranks = (1, 2) if len(rivals) > 2 else (1,)
    for by in ("left", "right", "top", "bottom", "largest", "smallest"):
        yield from (Extreme(by, rank) for rank in ranks)
    if all(thing.brightness is not None for thing in rivals):
        yield from (Extreme("brightest"), Extreme("darkest"))
    if all(thing.distance is not None for thing in rivals):
        yield from (Extreme("nearest"), Extreme("farthest"))


def _consider_pairs(
    noun: str, tests: Sequence[Test], rng: random.Random, consider: Callable[[Meaning], None], count: int = 40
) -> None:
    plain = [test for test in tests if isinstance(test, (Colour, Place, Light, Toward, Extreme))]
    pairs = [
        (a, b)
        for i, a in enumerate(plain)
        for b in plain[i + 1 :]
        if type(a) is not type(b) and not (_is_position(a) and _is_position(b))
    ]
    for pair in rng.sample(pairs, min(count, len(pairs))):
        consider(Meaning(noun, "one", pair))


def _is_position(test: Test) -> bool:
    return isinstance(test, (Place, Toward)) or (isinstance(test, Extreme) and test.by in DIRECTIONS)


def _consider_groups(
    noun: str, tests: Sequence[Test], wishes: Wishes, consider: Callable[[Meaning], None], scene: Scene
) -> None:
    consider(Meaning(noun, "all"))
    simple = [test for test in tests if isinstance(test, (Place, Colour, Light, Cut))]
    for test in simple:
        consider(Meaning(noun, "all", (test,)))
        if isinstance(test, (Colour, Light)):
            consider(Meaning(noun, "all", (Not(test),)))
    if not wishes.counted:
        return
    for number in range(2, 1 + sum(is_a(thing, noun) for thing in scene.things)):
        consider(Meaning(noun, number))
        for test in simple:
            consider(Meaning(noun, number, (test,)))
        for by in ("largest", "smallest", "left", "right"):
            consider(Meaning(noun, number, (Extreme(by),)))


def _named(
    scene: Scene, certain: dict[int, dict[str, list[Meaning]]], rng: random.Random
) -> list[tuple[Thing, Meaning]]:
    """Things that may be spoken of beside the target, each by the shortest sure meaning."""
    named = []
    for thing in scene.things:
        kinds = certain.get(thing.id, {})
        known = next((kind for kind in _FOR_OTHERS if kinds.get(kind)), None)
        if known is not None:
            shortest = min(len(meaning.tests) for meaning in kinds[known])
            named.append((thing, rng.choice([m for m in kinds[known] if len(m.tests) == shortest])))
    return named


def _relations(noun: str, scene: Scene, others: Sequence[tuple[Thing, Meaning]]) -> Iterator[Test]:
    for other, named in others:
        if other.noun == WHOLE and noun != WHOLE:
            yield PartOf(named)
            yield from (Side(where, named) for where in DIRECTIONS)
            yield from (Side(where, named) for where in CRAFT_DIRECTIONS if where in scene.axes)
        elif other.noun != WHOLE or noun == WHOLE:
            if other.noun not in SKY:
                yield from (Beside(where, named) for where in DIRECTIONS)
            yield Closest(named)
            yield Closest(named, far=True)


def _consider_more(
    thing: Thing, scene: Scene, others: Sequence[tuple[Thing, Meaning]], consider: Callable[[Meaning], None]
) -> None:
    """More than one test for what one alone does not tell apart: its craft, and something else."""
    owner = next((named for other, named in others if other.id == thing.parent), None)
    belongs = () if owner is None else (PartOf(owner),)
    for test in _tests_alone(thing.noun, scene):
        consider(Meaning(thing.noun, "one", (*belongs, test)))


def _chosen(
    scene: Scene, certain: dict[int, dict[str, list[Meaning]]], rng: random.Random, wishes: Wishes
) -> list[Meaning]:
    chosen: list[Meaning] = []
    for thing in scene.things:
        if thing.area < wishes.least * scene.size[0] * scene.size[1]:
            continue
        kinds = [kind for kind in certain.get(thing.id, {}) if kind in wishes.kinds]
        kinds.sort()
        rng.shuffle(kinds)
        for kind in kinds[: wishes.per_thing]:
            meanings = certain[thing.id][kind]
            # Short ones first, but not always the same.
            chosen.append(min(rng.sample(meanings, min(2, len(meanings))), key=lambda m: len(m.tests)))
    return chosen


def _worded(
    said: Sequence[Meaning],
    scene: Scene,
    rng: random.Random,
    wishes: Wishes,
    judge: Callable[[Meaning, Scene], Denotation],
) -> list[Expression]:
    expressions: dict[str, Expression] = {}
    extra = tuple(sorted(scene.nouns))
    for meaning in said:
        try:
            text = words(meaning, rng, extra)
        except ReferError:
            continue
        targets = judge(meaning, scene).targets
        kind = kind_of(meaning) if targets else "none"
        if kind in wishes.kinds:
            expressions.setdefault(text, Expression(text, meaning, targets, kind))
    return list(expressions.values())
