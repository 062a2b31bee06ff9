"""Logistic regression by Newton's method, for the few hundred numbers that a student's chances hang on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 60
_STRIDE = 5.0
_ENOUGH = 1e-9


def logistic(
    values: NDArray[np.floating], right: NDArray[np.bool_], ridge: float, counts: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """The line whose logistic is the chance of being right: F weights and an offset, which has no ridge.

    Args:
        values: (N, F), standardised.
        ridge: half of it times the squared weights is added to the summed loss.
        counts: how much each row counts; alike by default.
    """
    design = np.column_stack([values, np.ones(len(values))]).astype(np.float64)
    weight = np.ones(len(values)) if counts is None else counts
    penalty = np.diag([ridge] * values.shape[1] + [_ENOUGH])
    line = np.zeros(design.shape[1])
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(-np.clip(design @ line, -30, 30)))
        slope = design.T @ (weight * (chance - right)) + penalty @ line
        step = np.linalg.solve((design * (weight * chance * (1 - chance))[:, None]).T @ design + penalty, slope)
        line = line - step * min(1.0, _STRIDE / (float(np.abs(step).max()) + 1e-12))
        if np.abs(step).max() < _ENOUGH:
            break
    return line
