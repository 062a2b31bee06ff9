"""Labels that say less than a class: a pixel is one of several classes, and nobody looked which.

Chances of the classes that a pixel may be are added up and stand for the first of them; the others have none. Whatever
loss follows then asks how likely it is that the pixel is any of them: cross-entropy is -log of the sum, and Dice and
Lovász count a pixel of panel as right where it is body or panel.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows it by
from torch import Tensor

from afss_ros.distill.data.classes import ANY_PART, OPEN, REST

_NEVER = -1e4
"""A logit whose chance is 0 in every precision."""


def in_doubt(labels: Tensor) -> Tensor:
    """Where nobody looked which of several classes a pixel is: bool, of the shape of `labels`."""
    return (labels == ANY_PART) | (labels == REST) | (labels == OPEN)


def pooled(logits: Tensor, labels: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and labels for losses that know classes and 255 alone; the same ones where no pixel is in doubt.

    Args:
        logits: float (B, C, H, W).
        labels: int64 (B, H, W) of 0..C-1, 255, `ANY_PART` (any class but 0), `REST` and `OPEN`.
        rest: bool (B, C), the classes that pixels of `REST` or `OPEN` may be in each image.
    """
    doubtful = in_doubt(labels)
    if not bool(doubtful.any()):
        return logits, labels
    may_be = _candidates(labels, rest)
    first = may_be.int().argmax(1)
    together = logits.masked_fill(~may_be, -torch.inf).logsumexp(1, keepdim=True)
    stands = F.one_hot(first, logits.shape[1]).permute(0, 3, 1, 2).bool()
    merged = torch.where(may_be, torch.where(stands, together, logits.new_tensor(_NEVER)), logits)
    return torch.where(doubtful.unsqueeze(1), merged, logits), torch.where(doubtful, first, labels)


def remembered(logits: Tensor, before: Tensor, labels: Tensor, rest: Tensor) -> Tensor:
    """How far a student has left what it said before of pixels in doubt: a scalar, 0 where there is none.

    Labels that say "craft" and no more bind the sum of the parts' chances, and leave open how it is shared out; what
    the weights knew of that fades, since all else that is learned moves it about. As in learning without forgetting
    (Li and Hoiem, ECCV 2016), the divergence of the shares from those of the first weights stands for the old lesson.

    Args:
        logits: float (B, C, H, W).
        before: float (B, C, h, w), logits of the first weights; brought to the student's size.
        labels, rest: see `pooled`.
    """
    doubtful = in_doubt(labels)
    others = ~_candidates(labels, rest)
    wanted = F.interpolate(before.to(logits.dtype), size=logits.shape[-2:], mode="bilinear")
    wanted = wanted.masked_fill(others, _NEVER).log_softmax(1)
    found = logits.masked_fill(others, _NEVER).log_softmax(1)
    # Where no class is in question both are uniform, and their divergence is 0.
    each = (wanted.exp() * (wanted - found)).sum(1)
    return (each * doubtful).sum() / doubtful.sum().clamp(min=1)


def _candidates(labels: Tensor, rest: Tensor) -> Tensor:
    """The classes that pixels in doubt may be: bool (B, C, H, W), none elsewhere."""
    parts = torch.ones_like(rest)
    parts[:, 0] = False
    any_part, is_rest = (labels == ANY_PART).unsqueeze(1), ((labels == REST) | (labels == OPEN)).unsqueeze(1)
    return (parts[:, :, None, None] & any_part) | (rest[:, :, None, None] & is_rest)
