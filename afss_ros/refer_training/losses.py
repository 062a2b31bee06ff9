"""What the eyes and the reader are taught by."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

from afss_ros.refer_training.heat import highest
from afss_ros.refer_training.reader import Verdict

_FEW = 3.0
"""Weight of a sentence that means nothing, of which there are few, in whether there is something."""
_SHARES_A_THING = 0.5
"""IoU from which what is seen is what was labelled."""


def mask_loss(logits: Tensor, masks: Tensor, known: Tensor) -> Tensor:
    """Dice and cross-entropy of masks float (B, N, h, w), a small thing weighing as much as a large one."""
    p = logits.sigmoid()
    both, either = (p * masks).sum((2, 3)), (p**2).sum((2, 3)) + (masks**2).sum((2, 3))
    dice = 1 - (2 * both + 1) / (either + 1)
    entropy = F.binary_cross_entropy_with_logits(logits, masks, reduction="none").mean((2, 3))
    return ((dice + entropy) * known).sum() / known.sum().clamp(min=1)


def named_loss(logits: Tensor, masks: Tensor, classes: Tensor, known: Tensor) -> Tensor:
    """Dice and cross-entropy of every pixel being of a thing of each name, float (B, C, h, w).

    Args:
        masks: float (B, N, h, w) of the things; `classes` int64 (B, N), `known` float (B, N).
    """
    pictures, count = logits.shape[:2]
    target = masks.new_zeros(pictures * count, *masks.shape[2:])
    named = classes + count * torch.arange(pictures)[:, None]
    target = highest(target, named, masks * known[..., None, None]).view_as(logits)
    there = (target.flatten(2).sum(2) > 0).to(masks.dtype)
    return F.binary_cross_entropy_with_logits(logits, target) + mask_loss(logits, target, there)


def matched(seen: Tensor, seen_classes: Tensor, valid: Tensor, masks: Tensor, classes: Tensor, known: Tensor) -> Tensor:
    """Which seen thing is which labelled one: bool (B, K, N), by name and overlap.

    Args:
        seen: float (B, K, h, w); `masks` float (B, N, h, w).
    """
    a, b = (seen > 0.5).flatten(2).float(), (masks > 0.5).flatten(2).float()
    both = a @ b.transpose(1, 2)
    overlap = both / (a.sum(2)[:, :, None] + b.sum(2)[:, None] - both).clamp(min=1)
    same = (seen_classes[:, :, None] == classes[:, None]) & (valid[:, :, None] * known[:, None] > 0)
    best = overlap >= overlap.amax(1, keepdim=True)
    return (overlap > _SHARES_A_THING) & same & best


def reader_loss(verdict: Verdict, meant: Tensor, present: Tensor, valid: Tensor, asked: Tensor) -> Tensor:
    """Cross-entropy of every thing of every sentence, and of there being one.

    Args:
        meant: float (B, S, K); `present` float (B, S).
        valid: float (B, K), where there is a thing; `asked` float (B, S), 1 for a sentence and 0 for filling.
    """
    weight = valid[:, None] * asked[..., None]
    each = F.binary_cross_entropy_with_logits(verdict.things.clamp(min=-30), meant, reduction="none")
    things = (each * weight).sum() / asked.sum().clamp(min=1)
    there = F.binary_cross_entropy_with_logits(verdict.presence, present, reduction="none")
    told = asked * (1 + (_FEW - 1) * (1 - present))
    return things + 2 * (there * told).sum() / told.sum().clamp(min=1)
