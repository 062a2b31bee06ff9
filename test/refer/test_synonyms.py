"""What a network was never taught is said in words that it was, and means the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from afss_ros.refer.errors import SentenceError, UnknownWordError
from afss_ros.refer.parse import parse
from afss_ros.refer.reading import tokens
from afss_ros.refer.synonyms import in_taught_words
from afss_ros.refer.vocabulary import Vocabulary

TAUGHT = set(
    tokens(
        "the left right top bottom solar panel panels antenna antennas dish dishes body bodies horn spacecraft "
        "docking ring thruster thrusters boom limb leftmost rightmost topmost bottommost largest smallest nearest "
        "farthest brightest darkest second gold grey red lit in shadow sunlight whole cut off by frame all two "
        "three of on side half corner picture centre above below to from that are is not vehicle camera star "
        "tracker radiator earth moon sun"
    )
)
"""Of each thing that sets speak of, hardly more than the plain word; a vehicle is one on the ground."""


@pytest.mark.parametrize(
    ("said", "taught"),
    [
        ("the golden solar array", "the gold solar panel"),
        ("the satellite's hull", "the spacecraft 's body"),
        ("biggest array on the upper left", "largest solar panel on the top left"),
        ("the panel closest to the antennae", "the panel nearest the antennas"),
        ("please show me all the dishes in the scene", "all the dishes"),
        ("is there a reflector in the shade?", "dish in shadow"),
        ("the horn near the top", "the horn on the top"),
        ("the horn near the thruster", "the horn nearest the thruster"),
        ("the wing attached to the left craft", "the solar panel of the left spacecraft"),
    ],
)
def test_words_that_were_not_taught_are_said_in_taught_ones(said: str, taught: str) -> None:
    assert in_taught_words(tokens(said), TAUGHT | {"'s"}) == tokens(taught)


def test_what_people_write_means_what_it_meant() -> None:
    lines = Path(__file__).with_name("sentences.txt").read_text(encoding="utf-8").splitlines()
    people = [line.partition(" | ")[0] for line in lines if " | " in line and not line.startswith("#")]
    said_anew = 0
    for sentence in people:
        try:
            meant = parse(sentence)
        except SentenceError:
            continue
        plain = in_taught_words(tokens(sentence), TAUGHT)
        if set(plain) <= TAUGHT and meant.ask == "which" and not {"a", "an", "any", "some"} & set(tokens(sentence)):
            assert parse(" ".join(plain)).parts == meant.parts, (sentence, plain)
            said_anew += plain != tokens(sentence)
    assert said_anew > 60


def test_a_vehicle_that_was_taught_is_no_spacecraft() -> None:
    assert in_taught_words(["all", "satellites"], {"all", "vehicles", "spacecraft"}) == ["all", "satellites"]


def test_a_vocabulary_reads_synonyms_and_names_what_has_none() -> None:
    words = Vocabulary.of(["the left solar panel of the craft"])
    assert list(words.encode("The left wing of the satellite")) == list(
        words.encode("the left solar panel of the craft")
    )
    with pytest.raises(UnknownWordError, match="golden"):
        words.encode("the golden panel")
