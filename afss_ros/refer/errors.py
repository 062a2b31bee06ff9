"""What can be wrong with a sentence or with a set of them."""

from __future__ import annotations


class ReferError(ValueError):
    """A sentence, a meaning or a file of references that cannot be used; the message says what, and the cure."""


class SentenceError(ReferError):
    """A sentence that the grammar cannot make sense of.

    Attributes:
        word: where it went wrong, as it was written; empty at the end of the sentence.
    """

    def __init__(self, message: str, word: str) -> None:
        super().__init__(message)
        self.word = word


class UnknownWordError(SentenceError):
    """A sentence with a word that the grammar does not know; `word` is that word."""

    def __init__(self, word: str, sentence: str, meant: str = "") -> None:
        hint = f"did you mean {meant!r}?" if meant else "say it with a side, size, colour, light or relation"
        super().__init__(f"the word {word!r} in {sentence!r} is not known; {hint}", word)
