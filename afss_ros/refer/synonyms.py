"""Words that a network was never taught, said in those that it was: a hull is a body, and golden is gold."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from afss_ros.refer.lexicon import NOUNS, Lexicon, lexicon, plural
from afss_ros.refer.lexicon import said as written

_BY_VALUE = (
    "noun",
    "side",
    "craft side",
    "extreme",
    "colour",
    "light phrase",
    "light",
    "cut",
    "above",
    "number",
    "ordinal",
)
"""Kinds of phrases that mean the same where their values are the same."""
_ALIKE = ("near", "far", "picture", "by the frame", "owner", "all", "the", "who", "and")
"""Kinds of which every phrase means the same."""
_EMPTY = ("lead", "exists", "a")
"""Kinds that tell a network nothing, where a sentence begins: "please show me", "is there", "an"."""

_WRITTEN = frozenset(phrase for table in NOUNS.values() for name in written(table) for phrase in (name, plural(name)))
"""Phrases for nouns that are in sets' sentences."""


def in_taught_words(said: Sequence[str], taught: Collection[str]) -> list[str]:
    """Put phrases that have words which were not taught into such that mean the same and have none.

    What the lexicon knows no such phrase for stays as it is. Requests ("please show me", "is there an") and fillers
    ("in the scene") that were not taught tell a network nothing more than the rest, and are left out.

    Args:
        said: the tokens of a sentence.
        taught: words.
    """
    words = lexicon()
    found: list[str] = []
    at = 0
    while at < len(said):
        for length in range(min(words.longest, len(said) - at), 0, -1):
            phrase, rest = tuple(said[at : at + length]), said[at + length :]
            if all(word in taught for word in phrase):
                continue
            instead = next(_instead(words, phrase, rest, taught, begins=not found), None)
            if instead is not None:
                found += instead
                at += length
                break
        else:
            found.append(said[at])
            at += 1
    return found


def _instead(
    words: Lexicon, phrase: tuple[str, ...], rest: Sequence[str], taught: Collection[str], *, begins: bool
) -> Iterator[tuple[str, ...]]:
    """What may be said in place of a phrase, the plain one first."""
    # "Near the top" is on it, and "near the panel" is not.
    place = ("preposition",) if _begins_with_a_side(words, rest) else ()
    for kind in (*place, *_BY_VALUE, *_ALIKE):
        table = words.phrases[kind]
        if phrase in table:
            for other, value in table.items():
                # A taught noun that no set's sentence has for its own means something else, as a vehicle on the ground.
                alike = kind not in _BY_VALUE or value == table[phrase]
                if alike and all(word in taught for word in other) and (kind != "noun" or " ".join(other) in _WRITTEN):
                    yield other
    if any(phrase in words.phrases[kind] for kind in _EMPTY) and begins:
        yield ()
    if phrase in words.phrases["filler"] and not rest:
        yield ()


def _begins_with_a_side(words: Lexicon, rest: Sequence[str]) -> bool:
    noun = rest[1:] if rest[:1] == ["the"] else rest
    return any(tuple(noun[:length]) in words.phrases["side"] for length in (1, 2))
