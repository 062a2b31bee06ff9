"""How fast is learned, step by step."""

from __future__ import annotations

import math


def eased(step: int, steps: int, warm_up: int) -> float:
    """Share of the rate at a step of so many: up in a line, then down along half a cosine, to a fiftieth.

    >>> [round(eased(step, 100, 10), 3) for step in (0, 9, 50, 99)]
    [0.1, 0.98, 0.51, 0.02]
    """
    return min(1.0, (step + 1) / warm_up) * (0.02 + 0.98 * (1 + math.cos(math.pi * step / steps)) / 2)
