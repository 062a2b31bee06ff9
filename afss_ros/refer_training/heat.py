"""How eyes are taught where the middles of things are."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by


def heat_target(
    masks: Tensor, cells: Tensor, classes: Tensor, known: Tensor, count: int, side: int, widest: float = 2.5
) -> Tensor:
    """Bumps at the middles of things, as wide as a sixth of them: float (B, count, side, side).

    Args:
        masks: float (B, N, h, w); only their areas count.
        known: float (B, N), 1 for a thing and 0 for filling.
        widest: deviation of a bump, cells.
    """
    area = (masks > 0.5).to(masks.dtype).mean((2, 3))
    sigma = (area.sqrt() * side / 6).clamp(min=0.7, max=widest)
    steps = torch.arange(side, dtype=masks.dtype)
    rows, columns = torch.div(cells, side, rounding_mode="floor"), cells % side
    down, across = (
        (-((steps - middle[..., None]) ** 2) / (2 * sigma[..., None] ** 2)).exp() for middle in (rows, columns)
    )
    bumps = down[..., None] * across[:, :, None] * known[..., None, None]
    target = masks.new_zeros(len(masks) * count, side, side)
    named = classes + count * torch.arange(len(masks))[:, None]
    return highest(target, named, bumps).view(len(masks), count, side, side)


def heat_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Focal loss of CenterNet: middles are rare, and near a middle a mistake is small."""
    p = logits.sigmoid().clamp(1e-4, 1 - 1e-4)
    middles = (target > 0.999).to(p.dtype)
    hits = -((1 - p) ** 2 * p.log() * middles).sum()
    misses = -((1 - target) ** 4 * p**2 * (1 - p).log() * (1 - middles)).sum()
    return (hits + misses) / middles.sum().clamp(min=1)


def wide_heat_loss(logits: Tensor, target: Tensor, asked: Tensor) -> Tensor:
    """Quality focal loss (Li et al., NeurIPS 2020): what is learned is how near a cell is to a middle.

    Where the middle of a large thing lies can only be guessed. Asked for it to the cell, a network spreads its belief
    over so many that none stands out; asked how near it is, it is sure of a whole region.

    Args:
        asked: float (B, C, h, w), 0 where nothing is asked.
    """
    apart = (target - logits.sigmoid()).abs() ** 2
    each = F.binary_cross_entropy_with_logits(logits, target, reduction="none") * apart * asked
    return each.sum() / (target > 0.999).to(each.dtype).sum().clamp(min=1) / 2


def highest(onto: Tensor, rows: Tensor, maps: Tensor) -> Tensor:
    """Maps float (B, N, h, w) laid onto the rows, int64 (B, N), of float (M, h, w), the highest on top."""
    return onto.scatter_reduce(0, rows.flatten()[:, None, None].expand(-1, *maps.shape[2:]), maps.flatten(0, 1), "amax")
