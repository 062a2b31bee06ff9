"""How long a shard may take before its worker is taken for hung."""

from __future__ import annotations

import math
from collections import deque
from statistics import median

TIMES = 20.0
"""The median of its kind that a shard may take by default: other frames and other machines are slower, not so slow."""
FLOOR_S = 600.0
"""The least that a shard may take by default: a file system that several machines share may stall for minutes."""
ENOUGH = 3
"""Shards of a kind that say how long one takes."""
_KEPT = 99


class Patience:
    """The limit of a run's shards.

    Attributes:
        given: the limit in seconds; 0 for none, None for one that shards of the same kind set once they are done.
    """

    def __init__(self, given: float | None = None) -> None:
        self.given = given
        self._took: dict[type, deque[float]] = {}

    def done(self, kind: type, seconds: float) -> None:
        """A shard of this kind took so long."""
        self._took.setdefault(kind, deque(maxlen=_KEPT)).append(seconds)

    def limit_s(self, kind: type) -> float:
        """Seconds that a shard of this kind may take; infinite where there is no limit, or none yet.

        >>> patience = Patience()
        >>> patience.limit_s(str), Patience(0).limit_s(str), Patience(5).limit_s(str)
        (inf, inf, 5)
        >>> for seconds in (40.0, 1.0, 50.0):
        ...     patience.done(str, seconds)
        >>> patience.limit_s(str), patience.limit_s(int)
        (800.0, inf)
        """
        if self.given is not None:
            return self.given or math.inf
        took = self._took.get(kind, ())
        return max(FLOOR_S, TIMES * median(took)) if len(took) >= ENOUGH else math.inf
