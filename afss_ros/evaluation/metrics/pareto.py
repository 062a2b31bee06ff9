"""The Pareto front: which students nobody beats."""

from __future__ import annotations

from collections.abc import Sequence


def front(costs: Sequence[float], accuracies: Sequence[float]) -> list[int]:
    """Indices of the points that no other point beats (no dearer, no less accurate, and better in one), by rising cost.

    >>> front([1.0, 2.0, 3.0, 2.5], [0.5, 0.7, 0.9, 0.6])
    [0, 1, 2]
    """
    kept: list[int] = []
    for i in sorted(range(len(costs)), key=lambda i: (costs[i], -accuracies[i])):
        if not kept or accuracies[i] > accuracies[kept[-1]]:
            kept.append(i)
    return kept
