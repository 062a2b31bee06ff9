"""A sentence that is understood once, and answered on every frame that follows: by the grammar, or by a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from afss_ros.perception import Frame, Perception
from afss_ros.refer.grammar import answer, seen
from afss_ros.refer.meaning import brief
from afss_ros.refer.network import NetworkResolver
from afss_ros.refer.parse import parse
from afss_ros.refer.resolver import Answer


@dataclass(frozen=True, slots=True)
class Query:
    """A sentence that was understood.

    Attributes:
        understood: as what, for people.
        answer: answers it on a frame of which the student has said what it sees.
    """

    understood: str
    answer: Callable[[Frame, Perception], Answer]


def by_grammar(text: str) -> Query:
    """Understood by the grammar, answered from what the student saw.

    Raises:
        SentenceError: it makes no sense; the word is named.
    """
    sentence = parse(text)
    return Query(brief(sentence), lambda frame, perception: answer(sentence, seen(perception, frame.image)))


def by_network(resolver: NetworkResolver) -> Callable[[str], Query]:
    """Sentences in words that a network was taught, answered from the picture; `SentenceError` as `by_grammar`."""

    def understand(text: str) -> Query:
        tokens = resolver.encode(text)
        words = f"{int((tokens > 0).sum())} words of the network's {len(resolver.facts.vocabulary.words)}"
        return Query(words, lambda frame, perception: resolver.answer(frame.image, tokens))

    return understand
