"""The resolver that needs no weights of its own: the grammar, on what a student saw."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from afss_ros.perception import Detection, Frame, Perception
from afss_ros.refer.denote import denote, is_a
from afss_ros.refer.errors import ReferError
from afss_ros.refer.lexicon import plural
from afss_ros.refer.meaning import (
    ANYTHING,
    CRAFT_DIRECTIONS,
    KINDS_OF,
    Beside,
    Closest,
    Colour,
    Extreme,
    Light,
    Meaning,
    Not,
    PartOf,
    Sentence,
    Side,
    Test,
)
from afss_ros.refer.parse import parse
from afss_ros.refer.predicates import CRISP
from afss_ros.refer.resolver import AMBIGUOUS, FOUND, NONE, UNKNOWN, Answer
from afss_ros.refer.scene import Scene, Thing
from afss_ros.refer.things import WHOLE, from_labels
from afss_ros.refer.words import words
from afss_ros.student import Student

_UNCLEAR = 0.5
"""Score of an answer that is right only if a thing near a border is where it seems to be."""


class GrammarResolver:
    """Answers sentences with the grammar and a student's label map.

    Args:
        student: makes the label map.
        axes: where directions of the craft's frame point in the picture, if that is known; see `Scene.axes`.
    """

    def __init__(self, student: Student, axes: Mapping[str, tuple[float, float]] | None = None) -> None:
        self.student = student
        self.axes = dict(axes or {})
        self._nouns = tuple(student.class_names.values())
        self._last: tuple[NDArray[np.uint8], Scene] | None = None

    def resolve(self, image: NDArray[np.uint8], text: str) -> Answer:
        """Answer a sentence about an image, uint8 (H, W, 3) RGB.

        Raises:
            SentenceError: the sentence cannot be understood.
            StudentError: the student cannot run.
        """
        sentence = parse(text, self._nouns)  # before the student works in vain
        if self._last is None or self._last[0] is not image:
            self._last = image, seen(self.student(Frame(image)), image)  # the next question may be about it too
        return answer(sentence, replace(self._last[1], axes=self.axes))


def seen(perception: Perception, image: NDArray[np.uint8]) -> Scene:
    """The scene that a student saw in an image, uint8 (H, W, 3) RGB.

    Its label map says what things there are, its detections which craft to believe in and how much: craft that lie in
    no detection are left out. Of two craft the larger one counts as nearer: a label map knows no range. From a student
    that finds boxes only, nothing is known.
    """
    if perception.labels is None:
        return Scene((image.shape[0], image.shape[1]), (), frozenset())
    scene = from_labels(perception.labels, perception.class_names, image)
    craft = [thing for thing in scene.things if thing.noun == WHOLE]
    if WHOLE in perception.class_names.values():
        boxes = [d for d in perception.detections if d.class_name == WHOLE]
        scores = {thing.id: _score_of(thing, boxes) for thing in craft}
    else:
        scores = {thing.id: perception.craft_confidence or 1.0 for thing in craft}
    things = []
    for thing in scene.things:
        score = scores[thing.id if thing.parent is None else thing.parent]
        distance = 1 / math.sqrt(thing.area) if thing.noun == WHOLE else None
        if score:
            things.append(replace(thing, score=score, distance=distance))
    return scene.with_things(*things)


def _score_of(craft: Thing, detections: list[Detection]) -> float:
    """The score of the detection that holds most of a craft's box; 0 where none holds half of it."""
    box = craft.box_xyxy
    held = []
    for detection in detections:
        sides = np.minimum(box[2:], detection.box_xyxy[2:]) - np.maximum(box[:2], detection.box_xyxy[:2])
        held.append((float(np.prod(np.clip(sides, 0, None)) / np.prod(box[2:] - box[:2])), detection.score))
    share, score = max(held, default=(0.0, 0.0))
    return score if share >= 0.5 else 0.0


def answer(sentence: Sentence, scene: Scene) -> Answer:
    """What a sentence means in a scene, and why.

    What is clear is answered with certainty. What is not is answered as it most likely is meant, with half the score.
    """
    parts = [_answer_one(part, sentence.ask, scene) for part in sentence.parts]
    if len(parts) == 1:
        return parts[0]
    mask = np.logical_or.reduce([part.mask for part in parts])
    worst = next((state for state in (UNKNOWN, NONE, AMBIGUOUS) if any(p.state == state for p in parts)), FOUND)
    # The left panel and the largest one may be the same.
    found = {(d.class_name, tuple(d.box_xyxy.tolist())): d for part in parts for d in part.detections}
    score, why = min(part.score for part in parts), "; ".join(part.why for part in parts)
    return Answer(worst, mask, tuple(found.values()), score, why, len(found))


def _answer_one(meaning: Meaning, ask: str, scene: Scene) -> Answer:
    if lacking := _unknown(meaning, scene):
        return _answered(UNKNOWN, (), scene, 0.0, lacking)
    clear = denote(meaning, scene)
    found, sure = clear, 1.0
    if not clear.is_certain and clear.is_unsure:
        found, sure = denote(meaning, scene, CRISP), _UNCLEAR
    things = tuple(thing for thing in scene.things if thing.id in found.targets)
    count = len(things)
    perhaps = "" if sure == 1 else ", though not clearly"
    if ask == "count":
        return _answered(FOUND if count else NONE, things, scene, sure, f"{_counted(count, meaning)}{perhaps}")
    if not count:
        return _answered(NONE, (), scene, sure, f"there is none: {_why_none(meaning, scene)}{perhaps}")
    if found.fits_number(count):
        return _answered(FOUND, things, scene, sure, f"{_counted(count, meaning)}{perhaps}")
    return _answered(AMBIGUOUS, things, scene, sure, _wrong_number(meaning, count))


def _answered(state: str, things: tuple[Thing, ...], scene: Scene, sure: float, why: str) -> Answer:
    mask = np.zeros(scene.size, bool)
    detections = []
    for thing in sorted(things, key=lambda t: -t.score):
        own = scene.mask(thing)
        mask |= own
        detections.append(Detection(thing.noun, thing.box_xyxy, min(1.0, sure * thing.score), own))
    score = min((d.score for d in detections), default=sure)
    return Answer(state, mask, tuple(detections), score, why, len(things))


def _counted(count: int, meaning: Meaning) -> str:
    return f"{count} {_said(replace(meaning, number='all' if count != 1 else 'one'))}"


def _wrong_number(meaning: Meaning, count: int) -> str:
    asked = 1 if meaning.number == "one" else meaning.number
    fit = "fits" if count == 1 else "fit"
    cure = "; say which, by side, size or colour" if meaning.number == "one" else ""
    return f"{asked} asked for, but {count} {fit} {_said(replace(meaning, number='all'))!r}{cure}"


def _said(meaning: Meaning) -> str:
    """A meaning in plain words, without an article."""
    try:
        said = words(meaning, nouns=(meaning.noun,))
    except ReferError:
        said = plural(meaning.noun) if meaning.number != "one" else meaning.noun
    return said.removeprefix("the ").removeprefix("all ")


def _why_none(meaning: Meaning, scene: Scene) -> str:
    """The first thing that fails: the noun, another thing that is spoken of, or a test."""
    kind = replace(meaning, tests=(), number="all")
    there = len(denote(kind, scene).targets)
    if not there:
        return f"no {_said(replace(kind, number='one'))} is seen"
    for test in meaning.tests:
        other = _other(test)
        if other is not None:
            of = denote(other, scene)
            if of.is_none:
                return f"no {_said(replace(other, number='one'))} to go by ({_why_none(other, scene)})"
            if not of.is_certain and len(of.possible) > 1:
                return f"{len(of.possible)} things may be {words(other)!r}, and which is meant is not clear"
    for test in meaning.tests:
        one = replace(kind, tests=(test,))
        if denote(one, scene, CRISP).is_none:
            return f"{_counted(there, kind)} seen, but no {_said(replace(one, number='one'))}"
    return f"{_counted(there, kind)} seen, none of which is all that was said"


def _other(test: Test) -> Meaning | None:
    if isinstance(test, Not):
        return _other(test.inner)
    return test.of if isinstance(test, (PartOf, Side, Beside, Closest)) else None


def _unknown(meaning: Meaning, scene: Scene) -> str:
    """What is asked that this scene cannot tell; empty for nothing."""
    for each in _all_meanings(meaning):
        if each.noun != ANYTHING and not {each.noun, KINDS_OF.get(each.noun)} & scene.nouns:
            known = ", ".join(sorted(scene.nouns)) or "nothing"
            return f"nobody looks for a {_said(replace(each, tests=(), number='one'))} here; what is known: {known}"
    for noun, test in _all_tests(meaning):
        if isinstance(test, Side) and test.where in CRAFT_DIRECTIONS and test.where not in scene.axes:
            return f"where {test.where} is nobody knows here; give the craft's frame, or use left, right, top, bottom"
        if isinstance(test, Extreme) and test.by in ("nearest", "farthest"):
            rivals = [t for t in scene.things if is_a(t, noun)]
            if len(rivals) > 1 and any(t.distance is None for t in rivals):
                return f"which {noun} is the {test.by} nobody knows here; a label map has no range"
        if isinstance(test, Colour) and any(not t.shares for t in scene.things):
            return "colours are not known without the picture"
        if isinstance(test, Light) and any(t.lit is None and t.brightness is None for t in scene.things):
            return "light is not known without the picture"
    return ""


def _all_meanings(meaning: Meaning) -> Iterator[Meaning]:
    yield meaning
    for test in meaning.tests:
        other = _other(test)
        if other is not None:
            yield from _all_meanings(other)


def _all_tests(meaning: Meaning) -> Iterator[tuple[str, Test]]:
    """Every test, with the noun that it is said of."""
    for each in _all_meanings(meaning):
        for test in each.tests:
            yield each.noun, test.inner if isinstance(test, Not) else test
