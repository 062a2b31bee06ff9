"""How far a run is, and the learning rate that belongs there."""

from __future__ import annotations

import math

from afss_ros.distill.recipe import BudgetRecipe


def progress(budget: BudgetRecipe, *, step: int, steps_per_epoch: int, seconds: float) -> float:
    """The share of the budget that is used up, 0 at the start, 1 or more when training is over."""
    if budget.minutes is not None:
        return seconds / (60 * budget.minutes)
    if budget.epochs is not None:
        return step / max(1, round(budget.epochs * steps_per_epoch))
    assert budget.iterations is not None
    return step / budget.iterations


def rate(done: float, *, warmup: float, floor: float) -> float:
    """Factor on the peak learning rate: linear from 0 over `warmup`, then half a cosine down to `floor`.

    >>> [round(rate(p, warmup=0.1, floor=0.0), 3) for p in (0.05, 0.1, 0.55, 1.0)]
    [0.5, 1.0, 0.5, 0.0]
    """
    if done < warmup:
        return done / warmup
    falling = min(1.0, (done - warmup) / (1 - warmup))
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * falling))
