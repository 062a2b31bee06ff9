"""By how much one labeller is better than another, and how sure that is: average precision of draws of sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.evaluation.metrics import matching
from afss_ros.evaluation.metrics.matching import Matched
from afss_ros.loop.judge import Objects


def kind_of(objects: Objects) -> str:
    """What average precision can be of: "segm" where every true craft has a mask, else "bbox"."""
    truths = [t for images in objects.values() for image in images for t in image.truth]
    return "segm" if truths and all(t.rle is not None for t in truths) else "bbox"


class Draws:
    """Average precision of labellers on the same draws of sequences, with replacement (Efron, 1979).

    Frames of a sequence are no independent evidence, so sequences are drawn whole, the same for every labeller: what
    differs between two of them is then not the luck of the draw. A labeller that was trained several times (with other
    seeds) has as many results; its value is their mean, and each draw takes as many of them, with replacement.
    """

    def __init__(self, names: Sequence[str], kind: str, resamples: int, seed: int = 0) -> None:
        """Draw from the sequences `names`; from a single one, nothing can be drawn."""
        self._names = sorted(names)
        self._kind = kind
        count = len(self._names)
        rng = np.random.default_rng(seed)
        self._picks = rng.integers(0, count, (resamples if count > 1 else 0, count))
        self._seed = seed

    def __call__(self, trained: Sequence[Objects]) -> tuple[float, NDArray[np.float64]]:
        """The value of a labeller, and its values in the draws, float64 (R,).

        Args:
            trained: what it found, one for each of its trainings; a teacher has one.
        """
        matched = [[[matching.match(i, self._kind) for i in o[name]] for name in self._names] for o in trained]
        value = float(np.mean([_ap(one) for one in matched]))
        rng = np.random.default_rng([self._seed, len(matched)])
        chosen = rng.integers(0, len(matched), (len(self._picks), len(matched)))
        drawn = [
            np.mean([_ap([matched[number][i] for i in picks]) for number in numbers])
            for picks, numbers in zip(self._picks, chosen, strict=True)
        ]
        return value, np.array(drawn, np.float64)


def _ap(sequences: Sequence[Sequence[Matched]]) -> float:
    return matching.average_precision([image for images in sequences for image in images]) or 0.0


def figure(value: float, draws: NDArray[np.float64]) -> dict[str, Any]:
    """A value with its 95 % percentile interval, rounded: "value", and "interval" ([low, high], None without draws)."""
    interval = [round(float(v), 4) for v in np.percentile(draws, (2.5, 97.5))] if len(draws) else None
    return {"value": round(value, 4), "interval": interval}


def gain(before: Objects, after: Objects, resamples: int, seed: int = 0) -> dict[str, Any]:
    """Average precision of two labellers on the same sequences, and the difference.

    Returns:
        "kind" ("segm" or "bbox"); "before", "after" and "difference", each a `figure`.
    """
    kind = kind_of(before)
    draws = Draws(list(before), kind, resamples, seed)
    (old, old_draws), (new, new_draws) = draws([before]), draws([after])
    return {
        "kind": kind,
        "before": figure(old, old_draws),
        "after": figure(new, new_draws),
        "difference": figure(new - old, new_draws - old_draws),
    }
