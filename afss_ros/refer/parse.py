"""A sentence to its meaning. Recursive descent over words; every word counts, and one that is not known is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from afss_ros.refer.errors import SentenceError, UnknownWordError
from afss_ros.refer.lexicon import CORNERS, NOUNS, Lexicon, lexicon
from afss_ros.refer.meaning import (
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
from afss_ros.refer.sense import contradiction
from afss_ros.refer.things import WHOLE

_ON = ("on", "in", "at", "within")
MAX_LETTERS = 300
"""Longer texts are no sentence."""


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


def tokens(text: str) -> list[str]:
    """Words in small letters; hyphens part words, and so does the s of a possessive.

    >>> tokens("The satellite's left-most panel, please!")
    ['the', 'satellite', "'s", 'left', 'most', 'panel', 'please']
    """
    plain = text.lower().replace("\u2019", "'").replace("n't", " n't")
    return re.findall(r"n't|'[a-z]*|[^\W_]+", plain)


class _Parser:
    def __init__(self, text: str, words: Lexicon) -> None:
        self.text = " ".join(text.split())
        if len(self.text) > MAX_LETTERS:
            raise SentenceError(f"a sentence of {len(self.text)} letters; {MAX_LETTERS} at most", self.text[:20])
        self.words = words
        self.tokens = tokens(text)
        self.at = 0
        self.indefinite = False
        self.last: Test | None = None
        self.ordinal = ""
        if not self.tokens:
            raise SentenceError("an empty sentence; say what is meant, such as 'the left solar panel'", "")
        for token in self.tokens:
            if token not in words.vocabulary:
                meant = get_close_matches(token, words.vocabulary, 1, 0.8)
                raise UnknownWordError(token, self.text, meant[0] if meant else "")

    # Reading words.

    def peek(self, kind: str, ahead: int = 0) -> tuple[Any, int] | None:
        """The value of the longest phrase of a kind that stands here, and its words."""
        table = self.words.phrases[kind]
        start = self.at + ahead
        for length in range(min(self.words.longest, len(self.tokens) - start), 0, -1):
            phrase = tuple(self.tokens[start : start + length])
            if phrase in table:
                return table[phrase], length
        return None

    def take(self, kind: str) -> Any:
        """The value of a phrase that stands here, which is read; None if there is none."""
        found = self.peek(kind)
        if found is None:
            return None
        self.at += found[1]
        return found[0]

    def skip(self, *wanted: str) -> bool:
        """Read these very words, if they stand here."""
        if self.tokens[self.at : self.at + len(wanted)] != list(wanted):
            return False
        self.at += len(wanted)
        return True

    @property
    def is_done(self) -> bool:
        return self.at >= len(self.tokens)

    def lost(self) -> SentenceError:
        if self.is_done:
            return SentenceError(f"{self.text!r} ends too early; say which thing is meant", "")
        word = self.tokens[self.at]
        return SentenceError(
            f"cannot make sense of {word!r} in {self.text!r}; say it like 'the left panel of the nearest craft'", word
        )

    # The grammar.

    def sentence(self) -> Sentence:
        ask, predicate = self.lead()
        if predicate and (every := self.peek("all")) is not None and not every[0].startswith("any"):
            raise SentenceError(
                f"{self.text!r} asks whether all are, which no mask can show; ask 'which panels are lit?'",
                self.tokens[self.at],
            )
        parts = [self.thing(asked=ask)]
        indefinite = self.indefinite
        if predicate:
            parts = [self.predicated(parts[0])]
        while not self.is_done:
            if self.take("filler") is not None:
                continue
            if self.take("and") is None:
                raise self.lost()
            parts.append(self.thing(asked=ask))
        if ask == "which" and indefinite and len(parts) == 1:
            ask = "exists"
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
        rank = 0
        tests: list[Test] = []
        while True:
            if (word := self.take("all")) is not None:
                number, indefinite = "all", word == "any"
            elif (found := self.peek("number")) and not self.is_noun_here(found, definite):
                self.at += found[1]
                number = found[0]
            elif self.take("the") is not None:
                definite = True
            elif self.take("a") is not None:
                indefinite = True
            elif (found := self.peek("noun")) and self.is_longest(found):
                self.at += found[1]
                if self.tokens[self.at - 1] == "one" and self.is_here("of"):
                    if not tests or not self.is_group_here(tests[-1]):
                        raise self.lost()
                    number = self.group(number)
                    continue
                noun, many = found[0]
                break
            elif not self.described(tests, number):
                if (value := self.take("ordinal")) is not None:
                    rank, self.ordinal = value, self.tokens[self.at - 1]
                elif tests and self.is_group_here(tests[-1]):
                    number = self.group(number)
                else:
                    raise self.lost()
        if self.take("possessive") is not None:
            owner = self.settled(Meaning(noun, "one"), tests, number if number not in (None, "all") else "one", rank)
            self.check_rank(owner, rank)
            return self.with_test(self.thing(asked), PartOf(owner), False)
        if number is None:
            number = "all" if many or indefinite or asked == "count" else "one"
        if asked == "exists" and not definite and isinstance(number, str):
            number = "all"
        ordinal = self.ordinal
        meaning = self.said_after(self.settled(Meaning(noun, number), tests, number, rank), rank)
        self.ordinal = ordinal
        self.check_rank(meaning, rank)
        self.indefinite = indefinite
        return meaning

    def check_rank(self, meaning: Meaning, rank: int) -> None:
        """An ordinal that nothing is ordered by must not get lost."""
        if rank and not any(isinstance(test, Extreme) and test.rank == rank for test in meaning.tests):
            raise SentenceError(
                f"{self.ordinal!r} in which order, in {self.text!r}? Say 'the {self.ordinal} ... from the left'",
                self.ordinal,
            )

    def is_here(self, word: str) -> bool:
        return self.tokens[self.at : self.at + 1] == [word]

    def is_group_here(self, test: Test) -> bool:
        """Whether rivals follow, as in "the larger of the two panels"; the top of the body is no body."""
        if not self.is_here("of"):
            return False
        the = self.peek("the", 1)
        count = self.peek("number", 1 + (the[1] if the else 0))
        return isinstance(test, Extreme) or (count is not None and count[0] != 1)

    def group(self, number: str | int | None) -> str | int:
        """Read what is said of the rivals before their noun; the number of those that are meant."""
        self.skip("of")
        self.take("the")
        self.take("number")
        return number or "one"

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

    def described(self, tests: list[Test], number: str | int | None) -> bool:
        """Read one adjective."""
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
            self.last = after
            meaning = self.with_test(meaning, after, denied)
        return meaning

    def agrees(self, number: str | int) -> bool:
        """Whether the verb here is of so many: "the panels of the craft that are lit" are lit panels."""
        wrong = "are" if number == "one" else "is"
        return self.peek("is") is not None and not self.is_here(wrong)

    def with_test(self, meaning: Meaning, test: Test, denied: bool) -> Meaning:
        if denied:
            if isinstance(test, Toward):
                test = Place(test.where)
            if isinstance(test, RANKED):
                raise SentenceError(
                    f"what is all that is not so, in {self.text!r}? Only one thing is; say which", "not"
                )
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
        if not isinstance(self.last, Toward):
            return meaning
        others = tuple(test for test in meaning.tests if test != self.last)
        return Meaning(meaning.noun, meaning.number, (*others, Place(self.last.where)))

    def after(self, meaning: Meaning, rank: int, strict: bool) -> Test | None:
        """One thing that is said behind a noun; None if what stands here is none."""
        if (lit := self.take("light phrase")) is not None or (lit := self.take("light")) is not None:
            if self.is_here("of") or self.is_here("by"):
                raise self.lost()  # whose shadow or light it is, nobody sees
            return Light(lit)
        if (value := self.take("colour")) is not None:
            return Colour(value)
        if (cut := self.take("cut")) is not None:
            self.take("by the frame")
            return Cut(cut)
        start = self.at
        if (near := self.take("near")) is not None and (test := self.nearest(near)) is not None:
            return test
        self.at = start
        if self.take("far") is not None:
            return Closest(self.thing(), far=True)
        if (value := self.take("extreme")) is not None:
            return Extreme(value, rank or 1)
        if rank and self.skip("from", "the") and (side := self.take("side")) is not None:
            return Extreme(side, rank)
        self.at = start
        if (above := self.take("above")) is not None:
            return Beside(above, self.thing())
        if (test := self.placed(meaning, strict)) is not None:
            return test
        self.at = start
        if self.take("owner") is not None:
            return PartOf(self.thing())
        return None

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
        if self.skip("in", "front", "of"):
            self.at -= 2
            raise self.lost()  # what hides what, nobody sees
        preposition = self.take("preposition")
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
        whole_picture = region in CORNERS or side == CENTRE or meaning.number != "one" or strict
        return Place(side) if whole_picture else Toward(side)
