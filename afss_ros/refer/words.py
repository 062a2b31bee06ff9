"""A meaning in words. What is returned is read back first: a wording that means anything else is never said."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

from afss_ros.refer import lexicon as lex
from afss_ros.refer.errors import ReferError, SentenceError
from afss_ros.refer.meaning import (
    ANYTHING,
    CENTRE,
    CRAFT_DIRECTIONS,
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
    brief,
)
from afss_ros.refer.parse import parse

_TRIES = 24
T = TypeVar("T")


def words(meaning: Meaning, rng: random.Random | None = None, nouns: Sequence[str] = ()) -> str:
    """Say a meaning.

    Args:
        meaning: what to say.
        rng: draws synonyms, articles and the order of words; None takes the plain ones.
        nouns: class names that may be said beside the grammar's own, as for `parse`.

    Raises:
        ReferError: it cannot be said so that it is read as it was meant.
    """
    known = lex.lexicon(tuple(sorted(set(nouns) - set(lex.NOUNS))))
    for attempt in range(_TRIES):
        speaker = _Speaker(rng or random.Random(attempt), known, plain=rng is None and attempt == 0)
        text = speaker.thing(meaning)
        try:
            if parse(text, nouns) == Sentence((meaning,)):
                return text
        except SentenceError:
            continue
    raise ReferError(f"no words are known for {brief(meaning)} that are not read as something else")


class _Speaker:
    def __init__(self, rng: random.Random, known: lex.Lexicon, *, plain: bool) -> None:
        self.rng = rng
        self.known = known
        self.plain = plain

    def one_of(self, choices: Sequence[T]) -> T:
        return choices[0] if self.plain else self.rng.choice(choices)

    def thing(self, meaning: Meaning, *, nested: bool = False) -> str:
        many = meaning.number != "one"
        if meaning.noun == ANYTHING:
            noun = "one"
            nested = True  # "one nearest to the body" would be a number
        elif meaning.noun in self.known.names:
            noun = self.one_of(self.known.names[meaning.noun])
        else:
            raise ReferError(f"{meaning.noun!r} is no noun that is known; give the class names of the set")
        tests = list(meaning.tests)
        if not self.plain:
            self.rng.shuffle(tests)
        before: list[str] = []
        after: list[str] = []
        last: list[str] = []
        start = self.article(meaning.number, nested)
        many = many and not start.startswith(("every", "each"))
        for test in tests:
            where, text = self.said(test, many)
            {"before": before, "after": after, "last": last}[where].append(text)
        # A measure comes first: "the largest blue panel".
        before.sort(key=lambda word: word not in _MEASURES)
        if many:
            noun = lex.plural(noun)
        owner = [last.pop(0)] if last and last[0].endswith("'s") and not many else []
        said = [*owner, *([] if owner else [start]), *before, noun, *after, *last]
        return " ".join(part for part in said if part)

    def article(self, number: str | int, nested: bool) -> str:
        if number == "one":
            return "the" if nested else self.one_of(["the", "the", ""])
        if number == "all":
            return self.one_of(["all", "all the", "every", "the", "each"])
        if number == 2:
            return self.one_of(["the two", "both", "two"])
        assert isinstance(number, int)
        count = lex.NUMBERS[number - 1] if number <= len(lex.NUMBERS) else str(number)
        return self.one_of([f"the {count}", count])

    def said(self, test: Test, many: bool) -> tuple[str, str]:
        """Where a test is said, and how."""
        if isinstance(test, Toward):
            side = self.side(test.where)
            return self.one_of([("before", side), ("after", f"on the {side}"), ("after", f"on the {side} side")])
        if isinstance(test, Extreme):
            return self.extreme(test)
        if isinstance(test, (Colour, Light, Cut)):
            return self.quality(test, "are" if many else "is")
        if isinstance(test, Place):
            return "after", self.place(test.where)
        if isinstance(test, Not):
            return "last", f"that {'are' if many else 'is'} not {self.denied(test.inner)}"
        return self.related(test)

    def extreme(self, test: Extreme) -> tuple[str, str]:
        if test.by not in lex.EXTREMES:
            raise ReferError(f"no word is known for the one furthest to the {test.by}")
        if test.rank > len(lex.ORDINALS):
            raise ReferError(f"no word is known for the {test.rank}th; the last is the {lex.ORDINALS[-1]}")
        word = self.one_of(lex.said(lex.EXTREMES[test.by]))
        return "before", word if test.rank == 1 else f"{lex.ORDINALS[test.rank - 1]} {word}"

    def quality(self, test: Colour | Light | Cut, verb: str) -> tuple[str, str]:
        if isinstance(test, Colour):
            word = self.one_of(lex.said(lex.COLOUR_WORDS[test.name]))
            return self.one_of([("before", word), ("before", word), ("after", f"that {verb} {word}")])
        if isinstance(test, Light):
            word = self.one_of(lex.said(lex.LIGHTS[test.lit]))
            phrase = self.one_of(lex.said(lex.LIGHT_PHRASES[test.lit]))
            return self.one_of([("after", phrase), ("before", word), ("after", f"that {verb} {phrase}")])
        if test.cut:
            return self.one_of([("after", "cut off by the frame"), ("after", f"that {verb} cut off")])
        return self.one_of([("before", "whole"), ("before", "fully visible")])

    def side(self, where: str) -> str:
        up, _, across = where.rpartition(" ")
        if where == CENTRE:
            return self.one_of(lex.said(lex.PLACES[CENTRE]))
        if up:
            return f"{self.one_of(lex.said(lex.SIDES[up]))} {across}"
        return self.one_of(lex.said(lex.SIDES[where])) if where in ("top", "bottom") else where

    def place(self, where: str) -> str:
        picture = self.one_of(lex.said(lex.PICTURE))
        if where == CENTRE:
            return f"in the {self.side(where)} of the {picture}"
        side = self.side(where)
        if " " in where:
            return self.one_of([f"in the {side} corner of the {picture}", f"in the {side} quarter of the {picture}"])
        if side in ("upper", "lower"):
            return f"in the {side} half of the {picture}"
        return self.one_of(
            [f"on the {side} of the {picture}", f"in the {side} half of the {picture}", f"on the {side} half"]
        )

    def denied(self, test: Test) -> str:
        if isinstance(test, Light):
            return self.one_of(lex.said(lex.LIGHT_PHRASES[test.lit]))
        if isinstance(test, Colour):
            return self.one_of(lex.said(lex.COLOUR_WORDS[test.name]))
        if isinstance(test, Cut):
            return "cut off" if test.cut else "whole"
        if isinstance(test, Place):
            return self.place(test.where)
        return self.related(test)[1]

    def related(self, test: Test) -> tuple[str, str]:
        if isinstance(test, Closest):
            other = self.thing(test.of, nested=True)
            near = self.one_of(["nearest to", "closest to", "nearest"])
            return "last", f"{self.one_of(['farthest from', 'furthest from']) if test.far else near} {other}"
        if isinstance(test, PartOf):
            other = self.thing(test.of, nested=True)
            phrases = [f"of {other}", f"on {other}"]
            if test.of.number == "one" and not any(
                isinstance(t, (PartOf, Side, Beside, Closest)) for t in test.of.tests
            ):
                phrases.append(f"{other}'s")
            return "last", self.one_of(phrases)
        assert isinstance(test, (Side, Beside))
        other = self.thing(test.of, nested=True)
        if isinstance(test, Side):
            word = self.one_of(lex.said(lex.CRAFT_SIDES[test.where])) if test.where in CRAFT_DIRECTIONS else test.where
            return "last", f"on the {word} side of {other}"
        if test.where in lex.ABOVE:
            return "last", f"{self.one_of(lex.said(lex.ABOVE[test.where]))} {other}"
        if " " in test.where:
            return "last", f"to the {self.side(test.where)} of {other}"
        return "last", f"{self.one_of([f'to the {test.where} of', f'{test.where} of'])} {other}"


_MEASURES = frozenset(word for table in lex.EXTREMES.values() for word in lex.said(table)) | frozenset(
    f"{ordinal} {word}" for ordinal in lex.ORDINALS for t in lex.EXTREMES.values() for word in lex.said(t)
)
