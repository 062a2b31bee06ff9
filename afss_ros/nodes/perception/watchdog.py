"""How long work may take before it counts as never ending."""

from __future__ import annotations

from collections.abc import Sequence

LEAST_LIMIT_S = 2.0
"""A busy machine, a page fault, a GPU that wakes up: none of them is a fault."""
UNMEASURED_LIMIT_S = 5.0
_SLOWNESS = 10.0
EXIT_CODE = 3
"""Of a process that leaves work behind which does not end."""


def frame_limit_s(given_s: float, warm_up_ms: Sequence[float], looks: int = 1) -> float:
    """Seconds that a frame may be in work.

    Args:
        given_s: the parameter; more than 0 is taken as it is.
        warm_up_ms: wall times of the warm-up runs, an inference each.
        looks: inferences that a frame may take: more than one in tiles.

    >>> frame_limit_s(0.0, [40.0, 90.0]), frame_limit_s(0.0, [900.0], looks=3), frame_limit_s(0.5, [900.0])
    (2.0, 27.0, 0.5)
    """
    if given_s > 0:
        return given_s
    # The first run makes room for the others, unless it is the only one.
    steady_ms = warm_up_ms[1:] or warm_up_ms
    if not steady_ms:
        return UNMEASURED_LIMIT_S
    return max(LEAST_LIMIT_S, _SLOWNESS * looks * max(steady_ms) / 1000)
