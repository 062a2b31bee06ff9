"""Which sequence goes to which split. Frames of one sequence resemble each other: divided, they flatter figures."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Sequence

_LOG = logging.getLogger(__name__)


def split_sequences(sequences: Sequence[str], val: float, test: float, seed: int = 0) -> list[str]:
    """The split of each frame.

    Sequences are taken in an order that depends on their names and the seed alone, and go to `test`, then to `val`,
    as long as that brings the split nearer to its share of the frames; the rest is `train`. At least one sequence is
    left to train on, so a single one is never divided here; see `cut`.

    Args:
        sequences: of each frame; a frame without one ("") is a sequence of its own.
        val, test: wanted shares of the frames.
    """
    names = [name or f"\0frame {i}" for i, name in enumerate(sequences)]
    sizes = Counter(names)
    order = sorted(sizes, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())
    split_of = dict.fromkeys(order, "train")
    left = list(order)
    for split, share in (("test", test), ("val", val)):
        wanted, got = share * len(names), 0
        for name in list(left):
            # Nearer with it than without, and something remains.
            if len(left) > 1 and abs(got + sizes[name] - wanted) < abs(got - wanted):
                split_of[name] = split
                got += sizes[name]
                left.remove(name)
        if share > 0 and got == 0:
            least = min(sizes.values())
            cure = f"it would go from a share of {least / len(names) / 2 + 0.005:.2f}" if len(left) > 1 else "it trains"
            _LOG.warning(
                "no sequence goes to %s: the smallest of %d has %d of %d frames, and %s; or label another recording",
                split, len(order), least, len(names), cure,
            )  # fmt: skip
    return [split_of[name] for name in names]
