"""What SAM 2's answers are held against, as Meta trains it (facebookresearch/sam2, training/loss_fns.py).

20 focal (alpha 0.25, gamma 2; arXiv 1708.02002) + 1 dice (arXiv 1606.04797) + 1 L1 of the predicted IoU + 1
cross-entropy of the object score, for each object at full resolution. Of several masks for one question only the best
learns its shape, and all learn to judge themselves. A question without an object teaches the object score alone.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

FOCAL, DICE, IOU, OBJECT = 20.0, 1.0, 1.0, 1.0
_ALPHA = 0.25


def terms(
    logits: Tensor, ious: Tensor, objects: Tensor, truth: Tensor, known: Tensor | None = None
) -> dict[str, Tensor]:
    """The weighted terms, each a mean over the P objects; their sum is the loss.

    Args:
        logits: float (P, M, H, W), M masks for each question.
        ious: float (P, M), what the network takes each mask's IoU to be.
        objects: float (P,), logits of there being an object.
        truth: bool (P, H, W); an empty one is no object.
        known: bool (H, W), the pixels that count; None for all.
    """
    target = truth[:, None].float()
    seen = torch.ones_like(target[:1, :1]) if known is None else known.float()[None, None]
    focal, dice = _focal(logits, target, seen), _dice(logits, target, seen)
    best = (FOCAL * focal + DICE * dice).argmin(dim=1, keepdim=True)
    there = truth.flatten(1).any(dim=1).float()
    count = max(1, len(truth))
    judged = (ious - actual_iou(logits.detach() > 0, truth, known)).abs().mean(dim=1)
    return {
        "focal": FOCAL * (focal.gather(1, best)[:, 0] * there).sum() / count,
        "dice": DICE * (dice.gather(1, best)[:, 0] * there).sum() / count,
        "iou": IOU * (judged * there).sum() / count,
        "object": OBJECT * functional.binary_cross_entropy_with_logits(objects, there, reduction="sum") / count,
    }


def actual_iou(found: Tensor, truth: Tensor, known: Tensor | None = None) -> Tensor:
    """IoU of bool masks (P, M, H, W) with bool (P, H, W): float (P, M); 0 where both are empty."""
    wanted = truth[:, None]
    if known is not None:
        found, wanted = found & known, wanted & known
    common = (found & wanted).flatten(2).sum(-1).float()
    return common / (found | wanted).flatten(2).sum(-1).clamp(min=1)


def _focal(logits: Tensor, target: Tensor, seen: Tensor) -> Tensor:
    target = target.expand_as(logits)
    missed = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    chance = logits.sigmoid()
    wrong = chance + target - 2 * chance * target  # 1 - probability of the truth
    weight = _ALPHA * target + (1 - _ALPHA) * (1 - target)
    return (weight * missed * wrong.square() * seen).flatten(2).sum(-1) / seen.sum().clamp(min=1)


def _dice(logits: Tensor, target: Tensor, seen: Tensor) -> Tensor:
    chance, target = logits.sigmoid() * seen, target * seen
    common = (chance * target).flatten(2).sum(-1)
    return 1 - (2 * common + 1) / (chance.flatten(2).sum(-1) + target.flatten(2).sum(-1) + 1)
