"""Labels that say less than a class: a pixel is one of several classes, and nobody looked which.

Chances of the classes that a pixel may be are added up and stand for the first of them; the others have none. Whatever
loss follows then asks how likely it is that the pixel is any of them: cross-entropy is -log of the sum, and Dice and
Lovász count a pixel of panel as right where it is body or panel.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows it by
from torch import Tensor

from afss_ros.distill.data.classes import ANY_PART, REST

_NEVER = -1e4
"""A logit whose chance is 0 in every precision."""


def pooled(logits: Tensor, labels: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and labels for losses that know classes and 255 alone; the same ones where no pixel is in doubt.

    Args:
        logits: float (B, C, H, W).
        labels: int64 (B, H, W) of 0..C-1, 255, `ANY_PART` (any class but 0) and `REST`.
        rest: bool (B, C), the classes that pixels of `REST` may be in each image.
    """
    any_part, is_rest = labels == ANY_PART, labels == REST
    doubtful = any_part | is_rest
    if not bool(doubtful.any()):
        return logits, labels
    parts = torch.ones_like(rest)
    parts[:, 0] = False
    may_be = (parts[:, :, None, None] & any_part.unsqueeze(1)) | (rest[:, :, None, None] & is_rest.unsqueeze(1))
    first = may_be.int().argmax(1)
    together = logits.masked_fill(~may_be, -torch.inf).logsumexp(1, keepdim=True)
    stands = F.one_hot(first, logits.shape[1]).permute(0, 3, 1, 2).bool()
    merged = torch.where(may_be, torch.where(stands, together, logits.new_tensor(_NEVER)), logits)
    return torch.where(doubtful.unsqueeze(1), merged, logits), torch.where(doubtful, first, labels)
