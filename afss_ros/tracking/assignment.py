"""Who is who: the pairing with the least total cost (Kuhn, 1955; shortest paths as by Jonker and Volgenant, 1987)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IMPOSSIBLE = 1e6
"""A cost that no pairing may contain."""


def assign(cost: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pair rows with columns so that the sum of costs is least; what costs `IMPOSSIBLE` or more stays alone.

    Args:
        cost: float64 (N, M), finite.

    Returns:
        Row and column of each pair, by row.
    """
    rows, columns = cost.shape
    if rows == 0 or columns == 0:
        return []
    if rows == 1 or columns == 1:
        best = int(cost.argmin())
        pair = (best // columns, best % columns)
        return [pair] if cost[pair] < IMPOSSIBLE else []
    if rows > columns:
        return sorted((row, column) for column, row in assign(cost.T))
    # Columns are matched to rows one row after another; u and v are the dual prices, 0 the unmatched column.
    u, v = np.zeros(rows + 1), np.zeros(columns + 1)
    match = np.zeros(columns + 1, np.intp)
    for row in range(1, rows + 1):
        match[0] = row
        column = 0
        least = np.full(columns + 1, np.inf)
        way = np.zeros(columns + 1, np.intp)
        used = np.zeros(columns + 1, np.bool_)
        while match[column]:
            used[column] = True
            at = int(match[column])
            reduced = cost[at - 1] - u[at] - v[1:]
            better = ~used[1:] & (reduced < least[1:])
            least[1:][better] = reduced[better]
            way[1:][better] = column
            free = np.where(used[1:], np.inf, least[1:])
            following = int(free.argmin()) + 1
            delta = free[following - 1]
            u[match[used]] += delta
            v[used] -= delta
            least[1:][~used[1:]] -= delta
            column = following
        while column:
            before = int(way[column])
            match[column] = match[before]
            column = before
    pairs = ((int(match[c]) - 1, c - 1) for c in range(1, columns + 1) if match[c])
    return sorted((r, c) for r, c in pairs if cost[r, c] < IMPOSSIBLE)
