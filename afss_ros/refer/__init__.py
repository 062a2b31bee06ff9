"""Sentences in, masks out: a grammar over what a student sees.

`parse` reads a sentence to its meaning, `things` makes a scene of a label map, `denote` tells which things a meaning
fits, `GrammarResolver` does all three. NumPy and OpenCV only; nothing here needs weights of its own.
"""

from afss_ros.refer.errors import ReferError, SentenceError, UnknownWordError
from afss_ros.refer.grammar import GrammarResolver, answer, seen
from afss_ros.refer.network import NetworkResolver
from afss_ros.refer.parse import parse
from afss_ros.refer.resolver import Answer, Resolver

__all__ = [
    "Answer",
    "GrammarResolver",
    "NetworkResolver",
    "ReferError",
    "Resolver",
    "SentenceError",
    "UnknownWordError",
    "answer",
    "parse",
    "seen",
]
