"""What DDS did not deliver is counted by the numbers of what it did."""

from __future__ import annotations

from afss_ros.nodes.arrivals import Arrivals


def test_gaps_between_numbers_are_losses_and_a_new_publisher_starts_anew() -> None:
    arrivals = Arrivals()
    found = [arrivals.take(number, publishers=1) for number in (8, 9, 12, 1, 2, 4)]
    assert found == [0, 0, 2, 0, 0, 1]
    assert arrivals.lost == 3


def test_without_numbers_or_with_several_publishers_nothing_is_claimed() -> None:
    arrivals = Arrivals()
    assert [arrivals.take(None, publishers=1) for _ in range(3)] == [0, 0, 0]
    assert [arrivals.take(number, publishers=2) for number in (1, 9, 2)] == [0, 0, 0]
    assert arrivals.take(20, publishers=1) == 0
    assert arrivals.lost == 0
