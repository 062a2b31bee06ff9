"""Sentences are read as people mean them, or refused with the word that means nothing."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afss_ros.refer import SentenceError, UnknownWordError, parse
from afss_ros.refer.lexicon import lexicon
from afss_ros.refer.meaning import brief
from afss_ros.refer.reading import MAX_LETTERS

SENTENCES = [
    tuple(part.strip() for part in line.split("|"))
    for line in (Path(__file__).parent / "sentences.txt").read_text().splitlines()
    if not line.startswith("#")
]


def test_there_are_five_hundred_sentences() -> None:
    assert len(SENTENCES) >= 500


@pytest.mark.parametrize("line", SENTENCES, ids=lambda line: line[0])
def test_a_sentence_is_read_as_it_was_meant(line: tuple[str, ...]) -> None:
    text, meant, *names = line
    nouns = [noun.strip() for noun in names[0].split(",")] if names else []
    if not meant.startswith("?"):
        assert brief(parse(text, nouns)) == meant
        return
    with pytest.raises(SentenceError) as refused:
        parse(text, nouns)
    assert meant[1:] in str(refused.value)
    assert refused.value.word == meant[1:]


def test_an_unknown_word_is_named_with_the_likely_one() -> None:
    with pytest.raises(UnknownWordError, match=r"'solra'.*did you mean 'solar'"):
        parse("the left solra panel")


def test_class_names_of_a_set_are_nouns() -> None:
    assert brief(parse("the largest storage tank", ["storage_tank"])) == "one storage_tank[extreme largest]"
    assert brief(parse("all storage tanks on the left", ["storage_tank"])) == "all storage_tank[place left]"
    with pytest.raises(UnknownWordError, match="'storage'"):
        parse("the largest storage tank")


@pytest.mark.parametrize("text", ["", "   ", "!?", "the", "of", "the left", "the panel of", "the panel of the", "is"])
def test_what_is_no_sentence_is_refused(text: str) -> None:
    with pytest.raises(SentenceError):
        parse(text)


def test_a_text_without_end_is_refused() -> None:
    with pytest.raises(SentenceError, match=f"{MAX_LETTERS} at most"):
        parse("the panel of " * 5000)


@given(st.lists(st.sampled_from(sorted(lexicon().vocabulary)), max_size=14))
def test_any_words_in_any_order_are_read_or_refused(words: list[str]) -> None:
    with contextlib.suppress(SentenceError):
        parse(" ".join(words))


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(SentenceError):
        parse(text)
