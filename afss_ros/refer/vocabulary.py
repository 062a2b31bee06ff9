"""The words that a network was taught: a sentence to numbers, or the word that it never met."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from afss_ros.refer.errors import ReferError, SentenceError, UnknownWordError
from afss_ros.refer.reading import MAX_LETTERS, tokens
from afss_ros.refer.synonyms import in_taught_words

PADDING = 0
"""The number of no word; those of words begin at 1."""


@dataclass(frozen=True)
class Vocabulary:
    """A word-level tokeniser.

    Attributes:
        words: in the order of their numbers, the first has 1.
        length: of the tokens that a network takes; shorter sentences are filled up with `PADDING`.
    """

    words: tuple[str, ...]
    length: int

    def __post_init__(self) -> None:
        if self.length < 1 or not self.words or len(set(self.words)) < len(self.words):
            raise ReferError(f"a vocabulary of {len(self.words)} words and length {self.length}; no word may be twice")

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words, 1)}

    def was_taught(self, text: str) -> bool:
        """Whether it has every word of a sentence; the others are said in those that it has, where they can be."""
        return all(word in self._numbers for word in tokens(text))

    def encode(self, text: str) -> NDArray[np.int64]:
        """Numbers of a sentence's words, int64 (length,); a word that was never taught is said in taught ones.

        Raises:
            UnknownWordError: a word was never taught, and no taught one is known to mean the same; it is named.
            SentenceError: the sentence is empty, or too long.
        """
        if len(text) > MAX_LETTERS:
            raise SentenceError(f"a sentence of {len(text)} letters; {MAX_LETTERS} at most", text[:20])
        said = tokens(text)
        if not said:
            raise SentenceError("an empty sentence; say what is meant, such as 'the left solar panel'", "")
        if any(word not in self._numbers for word in said):
            said = in_taught_words(said, self._numbers)
        for word in said:
            if word not in self._numbers:
                meant = get_close_matches(word, self.words, 1, 0.8)
                raise UnknownWordError(word, text, meant[0] if meant else "")
        if len(said) > self.length:
            raise SentenceError(
                f"{text!r} has {len(said)} words; this network reads {self.length}, say it in fewer", said[self.length]
            )
        encoded = np.full(self.length, PADDING, np.int64)
        encoded[: len(said)] = [self._numbers[word] for word in said]
        return encoded

    def to_json(self) -> str:
        return json.dumps({"words": list(self.words), "length": self.length})

    @classmethod
    def from_json(cls, text: str) -> Vocabulary:
        """Read what `to_json` wrote.

        Raises:
            ReferError: it is no vocabulary.
        """
        try:
            value = json.loads(text)
            words, length = value["words"], value["length"]
            if type(length) is not int or not all(isinstance(word, str) for word in words):
                raise TypeError("words are texts, and the length a whole number")
        except (ValueError, KeyError, TypeError, RecursionError) as err:
            raise ReferError(f"no vocabulary ({type(err).__name__}: {err}): {text[:80]!r}") from err
        return cls(tuple(words), length)

    @classmethod
    def of(cls, sentences: Sequence[str]) -> Vocabulary:
        """The words of some sentences, and room for two more words than the longest has."""
        said = [tokens(sentence) for sentence in sentences]
        if not any(said):
            raise ReferError("there is no sentence to learn words from; build a set with `afss refer build`")
        return cls(tuple(sorted({word for each in said for word in each})), max(map(len, said)) + 2)
