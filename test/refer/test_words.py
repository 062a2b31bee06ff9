"""Meanings in words: every wording is read back as what was meant, also in the mirror, and by class names of a set."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afss_ros.refer import ReferError, parse
from afss_ros.refer.meaning import (
    COLOURS,
    CRAFT_DIRECTIONS,
    DIRECTIONS,
    MEASURES,
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
    from_json,
    mirrored,
    to_json,
)
from afss_ros.refer.sense import contradiction
from afss_ros.refer.words import words

DIRECTION = st.sampled_from(list(DIRECTIONS))
STRAIGHT = st.sampled_from(["left", "right", "top", "bottom", *MEASURES])
NOUNS = st.sampled_from(["panel", "antenna", "body"])
SIMPLE = st.one_of(
    st.builds(Place, DIRECTION | st.just("centre")),
    st.builds(Colour, st.sampled_from(COLOURS)),
    st.builds(Light, st.booleans()),
    st.builds(Cut, st.booleans()),
)
CRAFT = st.builds(Meaning, st.just("spacecraft"), st.just("one"), st.tuples(st.builds(Extreme, STRAIGHT)) | st.just(()))
OTHER = st.builds(Meaning, NOUNS, st.just("one"), st.tuples(SIMPLE) | st.just(()))
RELATED = st.one_of(
    st.builds(PartOf, CRAFT),
    st.builds(Side, st.sampled_from([*DIRECTIONS, *CRAFT_DIRECTIONS]), CRAFT),
    st.builds(Beside, DIRECTION, OTHER),
    st.builds(Closest, OTHER, st.booleans()),
    st.builds(Not, SIMPLE),
)
ONE = st.builds(
    lambda noun, tests: Meaning(noun, "one", tuple(tests)),
    NOUNS | st.just("thing"),
    st.lists(SIMPLE | RELATED | st.builds(Toward, DIRECTION) | st.builds(Extreme, STRAIGHT), max_size=2),
)
SEVERAL = st.builds(
    lambda noun, number, tests: Meaning(noun, number, tuple(tests)),
    NOUNS,
    st.just("all") | st.integers(2, 5),
    st.lists(SIMPLE, max_size=2),
)


@given(ONE | SEVERAL, st.integers(0, 2**32))
def test_every_wording_is_read_back(meaning: Meaning, seed: int) -> None:
    try:
        text = words(meaning, random.Random(seed))
    except ReferError as refused:
        # Two relations at once may have no words that are read one way alone, and contradictions are refused; nothing
        # else is left unsaid.
        assert "no words are known" in str(refused)
        # "The nearest thing to the left of the panel" is nearest to the camera, or to the left of the panel.
        related = [test for test in meaning.tests if isinstance(test, (PartOf, Side, Beside, Closest, Not))]
        far = [test for test in meaning.tests if test in (Extreme("nearest"), Extreme("farthest"))]
        assert contradiction(meaning) is not None or len(related) + len(far) > 1
        return
    assert parse(text) == Sentence((meaning,)), text


@given(ONE | SEVERAL)
def test_json_and_the_mirror_are_there_and_back(meaning: Meaning) -> None:
    assert from_json(to_json(meaning)) == meaning
    assert mirrored(mirrored(meaning)) == meaning


SAID: list[tuple[Test, str]] = [
    (Toward("left"), "the left solar panel"),
    (Extreme("largest", 2), "the second largest solar panel"),
    (Side("top right", Meaning("spacecraft", "one", (Extreme("nearest"),))),
     "the solar panel on the top right side of the nearest spacecraft"),
    (Not(Colour("blue")), "the solar panel that is not blue"),
]  # fmt: skip


@pytest.mark.parametrize(("test", "text"), SAID)
def test_plain_words(test: Test, text: str) -> None:
    assert words(Meaning("panel", "one", (test,))) == text


def test_synonyms_and_orders_vary() -> None:
    meaning = Meaning("panel", "one", (Colour("blue"), Toward("top left")))
    assert len({words(meaning, random.Random(seed)) for seed in range(40)}) > 15


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"noun": "panel", "number": 0},
        {"noun": "panel", "number": True},
        {"noun": "panel", "number": "one", "tests": [{"test": "os.system"}]},
        {"noun": "panel", "number": "one", "tests": [{"test": "place", "where": "nowhere"}]},
        {"noun": "panel", "number": "one", "tests": [{"test": "extreme", "by": "left", "rank": -1}]},
        {"noun": "panel", "number": "one", "tests": [{"test": "light", "lit": "yes"}]},
        {"noun": "panel", "number": "one", "tests": [{"test": "place", "where": "left", "more": 1}]},
        {"noun": "panel", "number": "one", "tests": [{"test": "partof", "of": None}]},
        {"noun": "panel", "number": "one", "tests": [{"test": "not", "inner": {"test": "toward", "where": "left"}}]},
    ],
)
def test_json_that_is_no_meaning_is_refused(value: object) -> None:
    with pytest.raises(ReferError):
        from_json(value)
