"""The pairing is the cheapest there is, and what is impossible stays alone."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from afss_ros.tracking.assignment import IMPOSSIBLE, assign


def cheapest(cost: np.ndarray) -> float:
    rows, columns = cost.shape
    if rows > columns:
        return cheapest(cost.T)
    return float(min(sum(cost[i, c] for i, c in enumerate(order)) for order in permutations(range(columns), rows)))


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (4, 1), (3, 3), (2, 5), (5, 2), (5, 6)])
def test_it_is_as_cheap_as_trying_every_pairing(shape: tuple[int, int]) -> None:
    for seed in range(20):
        cost = np.random.default_rng(seed).random(shape)
        pairs = assign(cost)
        assert len(pairs) == min(shape)
        assert sum(cost[pair] for pair in pairs) == pytest.approx(cheapest(cost))


def test_nearest_first_would_be_wrong() -> None:
    assert assign(np.array([[0.1, 0.2], [0.15, 0.9]])) == [(0, 1), (1, 0)]


def test_what_is_impossible_stays_alone() -> None:
    assert assign(np.array([[IMPOSSIBLE, 0.3], [IMPOSSIBLE, 0.1]])) == [(1, 1)]
    assert assign(np.full((2, 2), IMPOSSIBLE)) == []
    assert assign(np.zeros((0, 3))) == assign(np.zeros((3, 0))) == []
