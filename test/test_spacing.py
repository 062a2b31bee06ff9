"""Some of many, evenly spaced."""

from __future__ import annotations

from itertools import pairwise

import pytest

from afss_ros.spacing import evenly_spaced


def test_the_first_and_the_last_are_among_them() -> None:
    assert evenly_spaced(10, 4) == [0, 3, 6, 9]
    assert evenly_spaced(11, 2) == [0, 10]


def test_one_of_many_is_the_first() -> None:
    assert evenly_spaced(10, 1) == [0]


@pytest.mark.parametrize("length", [0, 1, 5])
def test_no_more_than_there_are(length: int) -> None:
    assert evenly_spaced(length, 5) == list(range(length))


def test_none_is_taken_twice_and_gaps_differ_by_one_at_most() -> None:
    assert {b - a for a, b in pairwise(evenly_spaced(97, 20))} == {5, 6}
