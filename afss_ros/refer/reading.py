"""Words of a sentence in small letters, and reading them phrase by phrase."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from afss_ros.refer.errors import SentenceError, UnknownWordError
from afss_ros.refer.lexicon import Lexicon

MAX_LETTERS = 300
"""Longer texts are no sentence."""


def tokens(text: str) -> list[str]:
    """Words in small letters; hyphens part words, and so does the s of a possessive.

    >>> tokens("The satellite's left-most panel, please!")
    ['the', 'satellite', "'s", 'left', 'most', 'panel', 'please']
    """
    plain = text.lower().replace("\u2019", "'").replace("n't", " n't")
    return re.findall(r"n't|'[a-z]*|[^\W_]+", plain)


class Words:
    """The words of a sentence, read one phrase after the other.

    Args:
        text: as somebody typed it.
        words: the phrases that are known.

    Attributes:
        tokens: its words.
        at: the first of them that is not read yet.

    Raises:
        UnknownWordError: it has a word that means nothing here; named.
        SentenceError: it is empty, or too long.
    """

    def __init__(self, text: str, words: Lexicon) -> None:
        self.text = " ".join(text.split())
        if len(self.text) > MAX_LETTERS:
            raise SentenceError(f"a sentence of {len(self.text)} letters; {MAX_LETTERS} at most", self.text[:20])
        self.words = words
        self.tokens = tokens(text)
        self.at = 0
        if not self.tokens:
            raise SentenceError("an empty sentence; say what is meant, such as 'the left solar panel'", "")
        for token in self.tokens:
            if token not in words.vocabulary:
                meant = get_close_matches(token, words.vocabulary, 1, 0.8)
                raise UnknownWordError(token, self.text, meant[0] if meant else "")

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
