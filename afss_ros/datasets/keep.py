"""Filters on scores that a person writes: `detector_score >= 0.60 and (agreement >= 0.5 or temporal > 0.8)`.

A small recursive descent parser; nothing is evaluated as Python. A score that an instance lacks is unknown, unknown
stays unknown through `and`, `or` and `not` unless the rest decides (Kleene's logic), and only `true` keeps.

    either     = both { "or" both }
    both       = one { "and" one }
    one        = "not" one | "(" either ")" | comparison
    comparison = name ( ">=" | ">" | "<=" | "<" | "==" | "!=" ) number
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence

from afss_ros.datasets.errors import DatasetError

_Scores = Mapping[str, float]
_Test = Callable[[_Scores], "bool | None"]
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}
_TOKEN = re.compile(r"\s*(?:(?P<op>>=|<=|==|!=|>|<)|(?P<paren>[()])|(?P<number>\d*\.?\d+)|(?P<name>[A-Za-z_]\w*))")


class Keep:
    """A parsed filter; call it with an instance's scores.

    >>> Keep("detector_score >= 0.6")({"detector_score": 0.7})
    True
    """

    def __init__(self, text: str, known: Sequence[str] = ()) -> None:
        """Parse `text`; an empty one keeps everything.

        Args:
            known: the scores that may be named; empty for any.

        Raises:
            DatasetError: it is not a filter; the message marks the place.
        """
        self.text = " ".join(text.split())
        self.names: set[str] = set()
        self._test: _Test = _Parser(self.text, self.names, known).parse() if self.text else (lambda _: True)

    def __call__(self, scores: _Scores) -> bool:
        return self._test(scores) is True

    def __str__(self) -> str:
        return self.text


class _Parser:
    def __init__(self, text: str, names: set[str], known: Sequence[str]) -> None:
        self.text, self.names, self.known, self.position = text, names, known, 0

    def parse(self) -> _Test:
        test = self._either()
        if self._peek()[1]:
            raise self._error("'and', 'or' or the end")
        return test

    def _either(self) -> _Test:
        test = self._both()
        while self._take("or"):
            test = _kleene_or(test, self._both())
        return test

    def _both(self) -> _Test:
        test = self._one()
        while self._take("and"):
            test = _kleene_not(_kleene_or(_kleene_not(test), _kleene_not(self._one())))
        return test

    def _one(self) -> _Test:
        if self._take("not"):
            return _kleene_not(self._one())
        if self._take("("):
            test = self._either()
            if not self._take(")"):
                raise self._error("')'")
            return test
        name = self._next("name", f"a score ({', '.join(self.known)})" if self.known else "a score")
        compare = _COMPARE[self._next("op", f"one of {' '.join(_COMPARE)}")]
        limit = float(self._next("number", "a number"))

        def comparison(scores: _Scores) -> bool | None:
            return compare(scores[name], limit) if name in scores else None

        self.names.add(name)
        return comparison

    def _peek(self) -> tuple[str, str, int]:
        match = _TOKEN.match(self.text, self.position)
        if match is None or match.lastgroup is None:
            rest = self.text[self.position :].strip()
            return "", rest, self.position
        return match.lastgroup, match[match.lastgroup], match.end()

    def _take(self, word: str) -> bool:
        _, value, end = self._peek()
        if value == word:
            self.position = end
        return value == word

    def _next(self, kind: str, wanted: str) -> str:
        found, value, end = self._peek()
        if found != kind or (kind == "name" and self.known and value not in self.known):
            raise self._error(wanted)
        self.position = end
        return value

    def _error(self, wanted: str) -> DatasetError:
        rest = self.text[self.position :].strip()
        where = f"'{rest}'" if rest else "the end"
        return DatasetError(f"--keep '{self.text}': expected {wanted} at {where}")


def _kleene_or(a: _Test, b: _Test) -> _Test:
    def either(scores: _Scores) -> bool | None:
        left, right = a(scores), b(scores)
        if left or right:
            return True
        return None if left is None or right is None else False

    return either


def _kleene_not(a: _Test) -> _Test:
    def negated(scores: _Scores) -> bool | None:
        value = a(scores)
        return None if value is None else not value

    return negated
