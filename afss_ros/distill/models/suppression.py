"""Many guesses, each craft once: suppression by fixed-size operators alone.

A NonMaxSuppression node gives as many rows as it likes, which neither the student contract nor every execution provider
takes.
"""

from __future__ import annotations

import torch
from torch import Tensor

ROWS = 20
"""Craft that one frame can show at most."""
_CANDIDATES = 256
_OVERLAP = 0.5
_LEAST_SCORE = 0.01
"""What scores less is noise, of which the last digit decides the order."""
_ROUNDS = 6


def best(boxes: Tensor, scores: Tensor, rows: int = ROWS) -> tuple[Tensor, Tensor]:
    """Each craft once: the `rows` best boxes that no better one overlaps by half, best first; score 0 where none is.

    Args:
        boxes: float (A, 4) xyxy.
        scores: float (A,).
    """
    chances, index = scores.topk(min(_CANDIDATES, scores.shape[0]))
    candidates = boxes[index]
    stays = unsuppressed(candidates, torch.zeros_like(index), _OVERLAP)
    chances = chances * stays * (chances >= _LEAST_SCORE).float()
    chances, order = chances.topk(rows)
    return candidates[order], chances


def unsuppressed(boxes: Tensor, kinds: Tensor, overlap: float) -> Tensor:
    """Greedy non-maximum suppression without a loop over boxes: 1 for those that stay, 0 for the others, float (K,).

    A box is suppressed by a better one of its kind that is itself not suppressed. Repeating that rule on all boxes at
    once settles one more link of every chain a round, so it is exact for chains of up to six boxes.

    Args:
        boxes: (K, 4) corners, best first.
        kinds: (K,), only equal ones suppress each other.
        overlap: intersection over union above which they do.
    """
    area = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(1)
    low = torch.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    common = (high - low).clamp(min=0).prod(2)
    close = common > overlap * (area[:, None] + area[None, :] - common)
    order = torch.arange(boxes.shape[0], device=boxes.device)
    beats = (close & (kinds[:, None] == kinds[None, :]) & (order[:, None] < order[None, :])).float()
    stays = torch.ones_like(area)
    for _ in range(_ROUNDS):
        stays = ((stays[None, :] @ beats)[0] < 0.5).float()
    return stays
