"""A sentence to its meaning. Recursive descent over words; every word counts, and one that is not known is refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from afss_ros.refer.errors import SentenceError
from afss_ros.refer.lexicon import CORNERS, NOUNS, Lexicon, lexicon, plural
from afss_ros.refer.meaning import (
    ANYTHING,
    CENTRE,
    CRAFT_DIRECTIONS,
    DIRECTIONS,
    RANKED,
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
    Sentence,
    Side,
    Test,
    Toward,
)
from afss_ros.refer.reading import Words
from afss_ros.refer.sense import contradiction
from afss_ros.refer.things import WHOLE

_ON = ("on", "in", "at", "within")


def parse(text: str, nouns: Iterable[str] = ()) -> Sentence:
    """Read a sentence.

    Args:
        text: as somebody typed it, in any case, with or without article and full stop.
        nouns: class names that may be said beside the grammar's own.

    Raises:
        UnknownWordError: it has a word that means nothing here; named.
        SentenceError: its words make no sense together; names the first that does not fit.
    """
    return _Parser(text, lexicon(tuple(sorted(set(nouns) - set(NOUNS))))).sentence()


class _Parser(Words):
    def __init__(self, text: str, words: Lexicon) -> None:
        super().__init__(text, words)
        self.indefinite = False
        self.last: Test | None = None

    def sentence(self) -> Sentence:
        ask, predicate = self.lead()
        if ask == "which" and self.skip("does"):
            owner = PartOf(self.thing())
            if not self.skip("have"):
                raise self.lost()
            return self.ended([self.with_test(self.thing(asked="exists"), owner, False)], "exists")
        if predicate and (self.peek("all") or ("",))[0] not in ("", "any"):
            raise SentenceError(
                f"{self.text!r} asks whether all are, which no mask can show; ask 'which panels are lit?'",
                self.tokens[self.at],
            )
        parts = [self.thing(asked=ask)]
        indefinite = self.indefinite
        if predicate:
            parts = [self.predicated(parts[0])]
        if ask == "count" and (self.skip("does") or self.skip("do")):
            parts = [self.with_test(parts[0], PartOf(self.thing()), False)]
            if not self.skip("have"):
                raise self.lost()
        if ask == "which" and indefinite and self.is_done:
            ask = "exists"
        return self.ended(parts, ask)

    def ended(self, parts: list[Meaning], ask: str) -> Sentence:
        """The sentence, after all that is named with "and"."""
        while not self.is_done:
            if self.take("filler") is not None:
                continue
            at = self.at
            if self.take("and") is None:
                raise self.lost()
            if self.tokens[self.at : self.at + 1] == ["its"]:
                owner = parts[-1]
                if owner.number != "one":
                    raise self.lost()
                parts.append(self.with_test(self.thing(asked=ask), PartOf(owner), False))
                continue
            begun = self.at
            parts.append(self.thing(asked=ask))
            named = any(self.peek(kind, begun - self.at) for kind in ("the", "a", "all", "number"))
            if not named and not parts[-1].tests and (parts[0].tests or {"each", "every"} & set(self.tokens[:at])):
                self.at = at  # of "the left panel and antenna", which is left?
                raise self.lost()
            if self.last is not None and not any(part.tests for part in parts[:-1]):
                self.at = at  # is "on the left" said of both, or of the last?
                raise self.lost()
        for part in parts:
            if (clash := contradiction(part)) is not None:
                raise SentenceError(
                    f"nothing is both {clash[0]!r} and {clash[1]!r}, as {self.text!r} says; name two things with 'and'",
                    next((word for word in clash[1].split() if word in self.tokens), ""),
                )
        return Sentence(tuple(parts), ask)

    def lead(self) -> tuple[str, bool]:
        """How it begins; and whether it goes on as "is the panel lit?" does, with the noun before what is asked."""
        while True:
            if self.take("count") is not None:
                return "count", False
            if self.take("exists") is not None:
                return "exists", False
            if self.take("lead") is not None:
                continue
            if self.take("is") is not None:
                return "exists", True
            return "which", False

    def thing(self, asked: str = "which") -> Meaning:
        """A noun with all that is said of it."""
        indefinite = False
        self.last = None
        number: str | int | None = None
        definite = False
        whole, begun = False, self.at
        rank, ranked_at = 0, self.at
        tests: list[Test] = []
        while True:
            if (word := self.take("all")) is not None:
                number, indefinite = "all", word == "any"
            elif (found := self.peek("number")) and not self.is_noun_here(found, definite):
                self.at += found[1]
                number = found[0]
                # "the top two panels" are the two topmost.
                tests = [Extreme(t.where) if isinstance(t, Toward) and t.where != CENTRE else t for t in tests]
            elif self.take("the") is not None:
                definite = True
            elif self.take("a") is not None:
                indefinite = True
            elif (found := self.peek("noun")) and self.is_longest(found):
                self.at += found[1]
                noun, many = found[0]
                both = number == 2 and "both" in self.tokens[begun : self.at]
                if both and not many and "and" in self.tokens[self.at :]:
                    if plural(self.tokens[self.at - 1]) == self.tokens[self.at - 1]:
                        raise self.lost()
                    number = None  # "both the body and the antenna"
                if noun == ANYTHING and not many and self.skip("of"):
                    if number == "all" or not tests:
                        self.at -= 1
                        raise self.lost()  # any one of them is none in particular
                    if (chosen := self.chosen(tests, number, rank)) is not None:
                        return self.ranked(chosen, rank, ranked_at)
                    self.at -= 1
                break
            elif self.skip("entire"):
                continue
            elif self.skip("whole"):
                whole = True
            elif not self.described(tests):
                if (value := self.take("ordinal")) is not None:
                    rank, ranked_at = value, self.at - 1
                elif tests and self.skip("of"):
                    if (chosen := self.chosen(tests, number, rank)) is not None:
                        return self.ranked(chosen, rank, ranked_at)
                    self.at -= 1
                    raise self.lost()
                else:
                    raise self.lost()
        if self.tokens[self.at - 1] in ("part", "parts") and any(isinstance(test, Toward) for test in tests):
            self.at -= 1
            raise self.lost()  # "the upper part of the body" is no thing
        if whole and noun != WHOLE:
            tests.append(Cut(False))  # "the whole satellite" is a satellite with all its parts
        if self.take("possessive") is not None:
            if self.tokens[begun] in ("each", "every"):
                self.at = begun
                raise self.lost()
            owned = number or ("all" if many else "one")
            owner = self.settled(Meaning(noun, owned), tests, owned, rank)
            return self.with_test(self.thing(asked), PartOf(self.ranked(owner, rank, ranked_at)), False)
        if number is None:
            number = "all" if many or indefinite or asked == "count" else "one"
        if asked == "exists" and not definite and isinstance(number, str):
            number = "all"
        meaning = self.said_after(self.settled(Meaning(noun, number), tests, number, rank), rank)
        self.indefinite = indefinite
        return self.ranked(meaning, rank, ranked_at)

    def ranked(self, meaning: Meaning, rank: int, at: int) -> Meaning:
        """The meaning, whose ordinal must count in some direction or by some measure."""
        if rank and not any(isinstance(test, Extreme) and test.rank == rank for test in meaning.tests):
            word = self.tokens[at]
            raise SentenceError(f"{word!r} in which order, in {self.text!r}? Say 'the {word} ... from the left'", word)
        return meaning

    def chosen(self, tests: list[Test], number: str | int | None, rank: int) -> Meaning | None:
        """What "the larger of the two panels" chooses, after its "of"; None where that is no choice among several."""
        start = self.at
        rivals = self.thing()
        if rivals.number == "one" or any(isinstance(test, RANKED) for test in rivals.tests):
            self.at = start
            return None
        leads = [Extreme(t.where) if isinstance(t, Toward) and t.where != CENTRE else t for t in tests]
        one = self.settled(Meaning(rivals.noun), leads, number or "one", rank)
        return Meaning(rivals.noun, number or "one", (*rivals.tests, *one.tests))

    def is_noun_here(self, number: tuple[Any, int], definite: bool) -> bool:
        """Whether "one" is the noun of "the left one" and no number."""
        if self.tokens[self.at] != "one":
            return False
        kinds = ("colour", "extreme", "light", "cut", "craft side", "side")
        return not (self.peek("noun", 1) or (not definite and any(self.peek(kind, 1) for kind in kinds)))

    def is_longest(self, noun: tuple[Any, int]) -> bool:
        """Whether the words here are rather a noun than something said of one, as "port" of "docking port" is."""
        others = [self.peek(kind) for kind in ("extreme", "side", "craft side", "colour", "light", "cut")]
        return noun[1] >= max((other[1] for other in others if other), default=0)

    def settled(self, meaning: Meaning, tests: list[Test], number: str | int, rank: int) -> Meaning:
        """The meaning with what was said before its noun, now that its number is known."""
        kept: list[Test] = []
        for test in tests:
            if isinstance(test, Toward) and (number != "one" or test.where == CENTRE):
                test = Place(test.where)
            elif isinstance(test, Extreme) and rank:
                test = Extreme(test.by, rank)
            elif isinstance(test, Extreme) and number == "all":
                raise SentenceError(
                    f"how many are meant in {self.text!r}? Say 'the two {test.by} ...', or all", test.by
                )
            kept.append(test)
        return Meaning(meaning.noun, number, tuple(kept))

    def described(self, tests: list[Test]) -> bool:
        """Read one adjective."""
        if self.skip("non"):
            for kind in ("colour", "light"):
                if (value := self.take(kind)) is not None:
                    tests.append(Not(self.adjective(kind, value)))
                    return True
            self.at -= 1
            return False
        if self.tokens[self.at : self.at + 1] == ["dark"] and self.peek("colour", 1):
            raise self.lost()  # a dark blue is a colour, and no shadow
        found = {kind: self.peek(kind) for kind in ("extreme", "side", "craft side", "colour", "light", "cut")}
        best = max((f[1], kind) for kind, f in found.items() if f) if any(found.values()) else None
        if best is None:
            return False
        value = self.take(best[1])
        tests.append(self.adjective(best[1], value))
        return True

    def adjective(self, kind: str, value: Any) -> Test:
        if kind == "side":
            return Toward(value)
        if kind == "craft side":
            return Side(value, Meaning(WHOLE))
        made: dict[str, Any] = {"extreme": Extreme, "colour": Colour, "light": Light, "cut": Cut}
        test: Test = made[kind](value)
        return test

    def said_after(self, meaning: Meaning, rank: int = 0) -> Meaning:
        """All that is said behind a noun."""
        meaning = self.apart(meaning, rank)
        while not self.is_done:
            if self.take("filler") is not None:
                continue
            start = self.at
            if self.take("who") is not None and not self.agrees(meaning.number):
                self.at = start
                break
            self.take("is")
            denied = self.take("not") is not None
            after = self.after(meaning, rank, strict=denied)
            if after is None:
                self.at = start
                break
            if meaning.number != "all" and {"each", "every"} & set(self.tokens[start : self.at]):
                self.at = start
                raise self.lost()  # the largest panel of each craft is one of each
            self.last = after
            meaning = self.with_test(meaning, after, denied)
        return meaning

    def agrees(self, number: str | int) -> bool:
        """Whether the verb here is of so many: "the panels of the craft that are lit" are lit panels."""
        wrong = "are" if number == "one" else "is"
        return self.peek("is") is not None and self.tokens[self.at] != wrong

    def apart(self, meaning: Meaning, rank: int) -> Meaning:
        """ "the farthest panel from the body", "the nearest one to the dish": the measure is of what follows."""
        for by, words in (("farthest", (("away", "from"), ("from",))), ("nearest", (("to",),))):
            if Extreme(by, max(rank, 1)) not in meaning.tests or not any(self.skip(*each) for each in words):
                continue
            if self.take("us") is not None:
                return meaning
            at = self.at
            self.take("the")
            side = self.peek("side")
            self.at = at
            if rank > 1 or meaning.number == "all" or (side and self.is_side_alone(side[1])):
                raise self.lost()
            others = tuple(test for test in meaning.tests if test != Extreme(by, max(rank, 1)))
            return Meaning(meaning.noun, meaning.number, (*others, Closest(self.thing(), far=by == "farthest")))
        if Extreme("farthest") in meaning.tests and self.tokens[self.at : self.at + 1] == ["to"]:
            raise self.lost()
        return meaning

    def is_side_alone(self, length: int) -> bool:
        """Whether no noun follows "the left" here."""
        ahead = length + (1 if self.peek("the") else 0)
        return self.peek("noun", ahead) is None

    def with_test(self, meaning: Meaning, test: Test, denied: bool) -> Meaning:
        if denied:
            if isinstance(test, Toward):
                test = Place(test.where)
            if isinstance(test, RANKED):
                raise SentenceError(f"what is not the nearest or largest is too many things, in {self.text!r}", "not")
            test = Not(test)
        own = meaning.tests
        if isinstance(test, PartOf):
            # "the aft antenna of the left craft" is at the aft of that craft.
            said = [t for t in own if isinstance(t, Side) and t.where in CRAFT_DIRECTIONS and t.of == Meaning(WHOLE)]
            if said:
                own, test = tuple(t for t in own if t not in said), Side(said[0].where, test.of)
        return Meaning(meaning.noun, meaning.number, (*own, test))

    def predicated(self, meaning: Meaning) -> Meaning:
        """ "is the left panel in shadow?": one thing, and something that is asked of it."""
        if self.last is None:
            raise self.lost()
        if isinstance(self.last, Closest):
            raise SentenceError(f"how near is near, in {self.text!r}? Ask for the nearest, or for a side", "near")
        if not isinstance(self.last, Toward):
            return meaning
        others = tuple(test for test in meaning.tests if test != self.last)
        return Meaning(meaning.noun, meaning.number, (*others, Place(self.last.where)))

    def after(self, meaning: Meaning, rank: int, strict: bool) -> Test | None:
        """One thing that is said behind a noun; None if what stands here is none."""
        for kind in ("light phrase", "colour", "light"):
            if (value := self.take(kind)) is not None:
                if kind != "colour" and self.tokens[self.at : self.at + 1] in (["of"], ["by"]):
                    raise self.lost()  # whose shadow it is, nobody measures
                return Light(value) if kind == "light phrase" else self.adjective(kind, value)
        if (cut := self.take("cut")) is not None:
            self.take("by the frame")
            if self.peek("preposition") and self.placed(meaning, strict=True) is not None:
                self.at -= 1
                raise self.lost()  # cut off at the left is not on the left
            return Cut(cut)
        start = self.at
        if (near := self.take("near")) is not None and (test := self.nearest(near)) is not None:
            return self.counted(meaning, test, start)
        self.at = start
        if self.take("far") is not None:
            if self.take("us") is not None:
                return Extreme("farthest")
            return self.counted(meaning, Closest(self.thing(), far=True), start)
        if (value := self.take("extreme")) is not None:
            return Extreme(value, rank or 1)
        ordinal = rank or self.take("ordinal")
        if ordinal and not any(isinstance(test, Extreme) for test in meaning.tests) and self.skip("from"):
            self.take("the")
            if (side := self.take("side")) is not None and side != CENTRE:
                return Extreme(side, ordinal)
        self.at = start
        if (above := self.take("above")) is not None:
            return Beside(above, self.thing())
        if (test := self.placed(meaning, strict)) is not None:
            return test
        self.at = start
        if self.take("owner") is not None:
            return PartOf(self.thing())
        return None

    def counted(self, meaning: Meaning, test: Test, at: int) -> Test:
        """The test, which picks as many as its noun says: "panels near the body" says not how many."""
        if meaning.number == "all" and isinstance(test, Closest):
            self.at = at
            raise self.lost()
        return test

    def nearest(self, word: str) -> Test | None:
        """ "nearest the antenna", "nearest to the camera", "nearest"; not "near the top"."""
        self.skip("to")
        if self.take("us") is not None:
            return Extreme("nearest")
        start = self.at
        self.take("the")
        if (side := self.peek("side")) is not None and self.peek("noun", side[1]) is None:
            return self.outermost(side[0]) if word.startswith(("nearest", "closest")) else None
        self.at = start
        if self.is_done:
            return Extreme("nearest") if word in ("nearest", "closest") else None
        return Closest(self.thing())

    def outermost(self, side: str) -> Test:
        """ "closest to the left edge of the picture"; nothing is said of how far the middle is."""
        if side not in DIRECTIONS or " " in side:
            raise self.lost()
        self.take("side")
        self.take("region")
        if self.skip("of"):
            self.take("the")
            if self.take("picture") is None:
                raise self.lost()
        return Extreme(side)

    def placed(self, meaning: Meaning, strict: bool) -> Test | None:
        """ "on the left", "in the upper right corner of the picture", "to the left of the body", "on the port side"."""
        if self.skip("in", "front"):
            self.at -= 1
            raise self.lost()  # nearer to the camera, which is no side
        preposition = self.take("preposition")
        if self.tokens[self.at : self.at + 1] == ["its"]:
            return None
        self.take("the")
        if (extreme := self.peek("extreme")) is not None and preposition and extreme[0] in DIRECTIONS:
            self.take("extreme")
            self.take("region")
            return Extreme(extreme[0])
        craft_side = self.peek("craft side")
        if craft_side is not None:
            self.take("craft side")
            self.take("region")
            whole = self.thing() if self.skip("of") else Meaning(WHOLE)
            return Side(craft_side[0], whole)
        side = self.take("side")
        if side is None:
            return None
        region = self.take("region")
        if region == "corner" and " " not in side:
            raise self.lost()
        if region is None and any(self.peek(kind) for kind in ("noun", "extreme", "colour", "light", "cut")):
            return None  # "on the left craft"
        at_of = self.at
        if self.skip("of"):
            self.take("the")
            self.skip("this")
            if self.take("picture") is not None:
                return Place(side)
            self.at = at_of + 1
            other = self.thing()
            if side == CENTRE:
                raise self.lost()
            return Side(side, other) if other.noun == WHOLE and preposition in _ON else Beside(side, other)
        if not preposition and not strict:
            return None
        others = any(isinstance(test, Extreme) for test in meaning.tests)
        strict = strict or others  # the largest on the left is the largest of those on the left
        whole_picture = region in CORNERS or side == CENTRE or meaning.number != "one" or strict
        return Place(side) if whole_picture else Toward(side)
