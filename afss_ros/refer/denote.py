"""What a meaning fits in a scene: every thing gets a verdict, and the whole one says whether it denotes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

from afss_ros.refer.meaning import (
    ANYTHING,
    CRAFT_DIRECTIONS,
    DIRECTIONS,
    KINDS_OF,
    RANKED,
    SKY,
    Beside,
    Closest,
    Extreme,
    Meaning,
    Not,
    PartOf,
    Place,
    Side,
    Test,
    Toward,
)
from afss_ros.refer.predicates import CLEAR, SIMPLE, Margins, Verdict, along, before, closer, direction, negated
from afss_ros.refer.predicates import place as in_place
from afss_ros.refer.scene import Scene, Thing
from afss_ros.refer.things import WHOLE

NO, UNSURE, YES = Verdict.NO, Verdict.UNSURE, Verdict.YES
_RECOGNISED = 0.5
"""Of what a tile has cut off more, nobody knows what it is. Of less, how many there are is not known either."""
OUTSIDE = SKY | {WHOLE}
"""What "the left one" does not mean."""


@dataclass(frozen=True, slots=True)
class Denotation:
    """What a meaning fits.

    Attributes:
        verdicts: by id of every thing in the scene.
        number: what the meaning asked for.
    """

    verdicts: dict[int, Verdict]
    number: str | int

    @property
    def targets(self) -> tuple[int, ...]:
        """Ids of the things that clearly fit."""
        return tuple(i for i, verdict in self.verdicts.items() if verdict is YES)

    @property
    def possible(self) -> tuple[int, ...]:
        """Ids of the things that may fit."""
        return tuple(i for i, verdict in self.verdicts.items() if verdict is not NO)

    @property
    def is_certain(self) -> bool:
        """Whether the targets fit, everything else clearly does not, and their number is what was asked for."""
        return not self.is_unsure and self.fits_number(len(self.targets))

    @property
    def is_unsure(self) -> bool:
        return UNSURE in self.verdicts.values()

    @property
    def is_none(self) -> bool:
        """Whether clearly nothing fits."""
        return not self.possible

    def fits_number(self, count: int) -> bool:
        """Whether so many things are what the meaning asked for."""
        if self.number == "all":
            return count >= 1
        return count == (1 if self.number == "one" else self.number)


def denote(meaning: Meaning, scene: Scene, margins: Margins = CLEAR) -> Denotation:
    """Judge every thing of a scene.

    A thing of a noun that the scene does not know fits nothing; ask `Scene.nouns` first whether that means anything.
    """
    return Judge(scene, margins).denote(meaning)


class Judge:
    """One scene and one set of margins; what a nested meaning fits is found once."""

    def __init__(self, scene: Scene, margins: Margins = CLEAR) -> None:
        self.scene = scene
        self.margins = margins
        self._known: dict[Meaning, Denotation] = {}

    def denote(self, meaning: Meaning) -> Denotation:
        """As the function of this name, for many meanings of one scene."""
        if meaning not in self._known:
            self._known[meaning] = self._denote(meaning)
        return self._known[meaning]

    def _denote(self, meaning: Meaning) -> Denotation:
        noun, named = self._noun(meaning.noun)
        rivals = [thing for thing in self.scene.things if is_a(thing, noun)]
        alone = [test for test in meaning.tests if not isinstance(test, RANKED)]
        passed = {thing.id: reduce(min, (self._alone(test, thing) for test in alone), named) for thing in rivals}
        for thing in rivals:
            if thing.seen < _RECOGNISED or (thing.seen < 1 and isinstance(meaning.number, int)):
                passed[thing.id] = min(passed[thing.id], UNSURE)
        verdicts = dict(passed)
        for test in meaning.tests:
            if isinstance(test, RANKED):
                ranked = self._ranked(test, rivals, passed, meaning.number)
                verdicts = {i: min(verdict, ranked[i]) for i, verdict in verdicts.items()}
        return Denotation({thing.id: verdicts.get(thing.id, NO) for thing in self.scene.things}, meaning.number)

    def _noun(self, noun: str) -> tuple[str, Verdict]:
        """The noun to look for, and whether what has it is surely what was said.

        Who knows antennas and no dishes can tell a dish as an antenna, which may be a horn.
        """
        if noun in self.scene.nouns or KINDS_OF.get(noun) not in self.scene.nouns:
            return noun, YES
        return KINDS_OF[noun], UNSURE if self.margins.pixels else YES

    def _alone(self, test: Test, thing: Thing) -> Verdict:
        """A test that needs no rivals."""
        inner = test.inner if isinstance(test, Not) else test
        found = self._tested(inner, thing)
        found = found if inner is test else negated(found)
        # Where the middle of a thing is, of which more lies in the next tile, nobody knows.
        return min(found, UNSURE) if thing.seen < 1 and isinstance(inner, (Place, Side, Beside)) else found

    def _tested(self, test: Test, thing: Thing) -> Verdict:
        if type(test) in SIMPLE:
            return SIMPLE[type(test)](test, thing, self.scene, self.margins)
        assert isinstance(test, (PartOf, Side, Beside)), test
        others = self.denote(test.of)
        related = {
            other.id: self._related(test, thing, other)
            for other in self.scene.things
            if other is not thing and others.verdicts[other.id] is not NO
        }
        # "Above the antennas" is above every one; and "the" other thing must be one, or who knows which is meant?
        if others.is_certain:
            if isinstance(test, PartOf):
                return max(related.values(), default=NO)  # panels of both craft belong to either
            return min(related.values(), default=NO)
        return min(UNSURE, max(related.values(), default=NO))

    def _related(self, test: PartOf | Side | Beside, thing: Thing, other: Thing) -> Verdict:
        belongs = YES if thing.parent == other.id else NO
        if isinstance(test, PartOf) or (isinstance(test, Side) and belongs is NO):
            return belongs
        if other.seen < 1:
            return UNSURE
        offset = _offset(thing, other)
        if test.where in CRAFT_DIRECTIONS:
            axis = self.scene.axes.get(test.where)
            return UNSURE if axis is None else along(offset, axis, self.scene, self.margins)
        if isinstance(test, Beside) and (belongs is YES or other.parent == thing.id):
            return NO
        return direction(offset, DIRECTIONS[test.where], self.scene, self.margins)

    def _ranked(
        self, test: Toward | Extreme | Closest, rivals: list[Thing], passed: dict[int, Verdict], number: str | int
    ) -> dict[int, Verdict]:
        """The verdict of a test that compares, for every rival."""
        first = test.rank if isinstance(test, Extreme) else 1
        last = first + (number if isinstance(number, int) else 1) - 1
        leads: Callable[[Thing, Thing], Verdict]
        if isinstance(test, Closest):
            others = self.denote(test.of)
            if others.is_none:
                return dict.fromkeys(passed, NO)
            passed = passed | dict.fromkeys(passed.keys() & set(others.targets), NO)  # nothing is near itself
            leads = self._closeness(test, others)
        else:
            by = test.where if isinstance(test, Toward) else test.by

            def leads(a: Thing, b: Thing) -> Verdict:
                return before(by, a, b, self.scene, self.margins)

        verdicts = dict(passed)
        standing = [thing for thing in rivals if passed[thing.id] is not NO]
        for thing in standing:
            others_left = [other for other in standing if other is not thing]
            ahead = [(passed[other.id], leads(other, thing)) for other in others_left]
            surely = sum(fits is YES and lead is YES for fits, lead in ahead)
            perhaps = sum(lead is not NO for _, lead in ahead)
            if surely >= last or perhaps < first - 1:
                verdicts[thing.id] = NO
            else:
                verdicts[thing.id] = YES if first - 1 <= surely and perhaps <= last - 1 else UNSURE
            if thing.seen < 1:
                verdicts[thing.id] = min(verdicts[thing.id], UNSURE)
            if isinstance(test, Toward):
                verdicts[thing.id] = min(verdicts[thing.id], self._sided(test, thing, others_left, passed, number))
        return verdicts

    def _closeness(self, test: Closest, others: Denotation) -> Callable[[Thing, Thing], Verdict]:
        meant = [thing for thing in self.scene.things if thing.id in others.targets]

        def leads(a: Thing, b: Thing) -> Verdict:
            if not others.is_certain or min(thing.seen for thing in (a, b, *meant)) < 1:
                return UNSURE
            near_a, near_b = (min(self.scene.gap(thing, m) for m in meant) for thing in (a, b))
            ordered = (near_b, near_a) if test.far else (near_a, near_b)
            return closer(*ordered, self.scene, self.margins)

        return leads

    def _sided(
        self, test: Toward, thing: Thing, others: list[Thing], passed: dict[int, Verdict], number: str | int
    ) -> Verdict:
        """What "the left one" promises beyond being leftmost.

        A thing without sure rivals must be on that side of the picture, or of its craft. With several rivals, none of
        them may be on that side of the picture too: of "the left panel" nobody would then know which is meant.
        """
        sure = sum(passed[other.id] is YES for other in others)
        verdict = YES
        if sure == 0:
            alone = self._on_its_side(test, thing)
            # Whether it has a rival may itself be unsure.
            verdict = alone if not others or alone is YES else UNSURE
        if self.margins.pixels > 0 and len(others) > 1 and number == "one":
            side = Place(test.where)
            if any(in_place(side, other, self.scene, self.margins) is not NO for other in others):
                verdict = min(verdict, UNSURE)
        return verdict

    def _on_its_side(self, test: Toward, thing: Thing) -> Verdict:
        """Whether a thing is on a side of the picture, or of its craft, where that has other parts too."""
        mine = in_place(Place(test.where), thing, self.scene, self.margins)
        craft = next((other for other in self.scene.things if other.id == thing.parent), None)
        if craft is None or craft.area == thing.area:
            return mine
        of_craft = direction(_offset(thing, craft), DIRECTIONS[test.where], self.scene, self.margins)
        return max(mine, of_craft)


def is_a(thing: Thing, noun: str) -> bool:
    """Whether a thing is called by a noun, or is a kind of it."""
    return noun in (thing.noun, KINDS_OF.get(thing.noun)) or (noun == ANYTHING and thing.noun not in OUTSIDE)


def _offset(thing: Thing, other: Thing) -> tuple[float, float]:
    return thing.centroid[0] - other.centroid[0], thing.centroid[1] - other.centroid[1]
