"""Which of many to look at: evenly spaced ones, the first and the last among them."""

from __future__ import annotations

import numpy as np


def evenly_spaced(length: int, count: int) -> list[int]:
    """`count` indices from 0 to `length - 1`, rising, evenly spaced; all of them when there are no more than `count`.

    >>> evenly_spaced(9, 3), evenly_spaced(2, 5)
    ([0, 4, 8], [0, 1])
    """
    return [int(i) for i in np.linspace(0, length - 1, min(count, length)).round()]
