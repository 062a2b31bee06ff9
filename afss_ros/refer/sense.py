"""Whether a meaning contradicts itself: then it was misread, or nothing can be meant by it."""

from __future__ import annotations

from itertools import combinations

from afss_ros.refer.meaning import (
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
    Side,
    Test,
    Toward,
    brief,
)

OPPOSITE = {
    "left": "right",
    "right": "left",
    "top": "bottom",
    "bottom": "top",
    "largest": "smallest",
    "smallest": "largest",
    "brightest": "darkest",
    "darkest": "brightest",
    "nearest": "farthest",
    "farthest": "nearest",
}


def contradiction(meaning: Meaning) -> tuple[str, str] | None:
    """Two tests, in short, that no thing passes both; None if there are none.

    >>> contradiction(Meaning("panel", "one", (Toward("left"), Toward("right"))))
    ('toward left', 'toward right')
    """
    for first, second in combinations(meaning.tests, 2):
        if _exclude(first, second):
            return brief(first), brief(second)
    for test in meaning.tests:
        inner = test.inner if isinstance(test, Not) else test
        if isinstance(inner, (PartOf, Side, Beside, Closest)) and (found := contradiction(inner.of)) is not None:
            return found
    return None


def _exclude(first: Test, second: Test) -> bool:
    if isinstance(first, Not) or isinstance(second, Not):
        inner = [test.inner if isinstance(test, Not) else test for test in (first, second)]
        return type(first) is not type(second) and inner[0] == inner[1]
    if isinstance(first, (Place, Toward)) and type(first) is type(second):
        return bool({OPPOSITE.get(word) for word in first.where.split()} & set(second.where.split()))
    if isinstance(first, Extreme) and isinstance(second, Extreme):
        return first.rank == second.rank == 1 and OPPOSITE.get(first.by) == second.by
    kinds = (Light, Cut, Colour)
    return isinstance(first, kinds) and type(first) is type(second)  # of equal ones, one is kept
