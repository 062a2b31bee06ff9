"""Losses of the box head: which cell answers for which craft, and how wrong its guess is.

Truth is float (B, M, 4) xyxy in 0..1 of the image; unused rows are NaN.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows it by
from torch import Tensor

from afss_ros.distill.losses.segmentation import giou, iou
from afss_ros.distill.models.box_head import Boxes, cell_centres

CORE = 0.3
"""Share of a craft's box, around its middle, whose cells answer for it (FCOS' centre sampling, by size)."""


LARGEST = 12.0
"""Longer side, in cells, of the craft that a grid answers for, but for the coarsest, which has all that are larger.
Distances are then a few cells on every grid, which one pair of convolutions can read off all of them."""


def assign(grids: Sequence[tuple[int, int]], truth: Tensor) -> Tensor:
    """The row of `truth` that every cell answers for: int64 (B, N), -1 for none.

    A craft belongs to one grid, by its size. Where two compete for a cell, the smaller has it. However small, a craft
    has the cell in which its middle lies, unless that is a smaller one's.
    """
    extent = truth.new_tensor([grids[0][1], grids[0][0]])
    longer = ((truth[..., 2:] - truth[..., :2]) * extent).amax(-1)
    rows = []
    for level, grid in enumerate(grids):
        least = 0.0 if level == 0 else LARGEST * 2 ** (level - 1)
        most = torch.inf if level == len(grids) - 1 else LARGEST * 2**level
        mine = (longer > least) & (longer <= most)
        rows.append(_assign(grid, truth.where(mine[..., None], truth.new_tensor(torch.nan))))
    return torch.cat(rows, 1)


def _assign(grid: tuple[int, int], truth: Tensor) -> Tensor:
    half_cell = truth.new_tensor([0.5 / grid[1], 0.5 / grid[0]])
    sides = truth[..., 2:] - truth[..., :2]
    middle = (truth[..., 2:] + truth[..., :2]) / 2
    # A hair more than half a cell: a middle on the border of two cells must not fall between them.
    reach = torch.maximum(CORE / 2 * sides, 1.001 * half_cell)
    apart = (cell_centres(grid, truth.device)[None, :, None] - middle[:, None]).abs()
    inside = (apart <= reach[:, None]).all(3)  # NaN is never inside
    area = sides.prod(2)[:, None].expand_as(inside)
    smallest = torch.where(inside, area, torch.inf).min(2)
    return torch.where(smallest.values.isfinite(), smallest.indices, -1)


def box_losses(found: Boxes, truth: Tensor, known: Tensor, weight: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """1 - GIoU of the cells that answer for a craft, and the quality focal loss of all cells; both scalars.

    Every craft counts as one, however many cells it has.

    Args:
        known: bool (B,), whether all craft of the image are in `truth`; the others do not count at all.
        weight: float (B,), how much each image counts.
    """
    counts = known.float() if weight is None else known * weight
    rows = assign(found.grids, truth)
    holds = (rows >= 0) & (counts > 0)[:, None]
    wanted = truth.gather(1, rows.clamp(min=0)[..., None].expand(-1, -1, 4))[holds]
    guessed = found.corners[holds]
    share = (_share(rows, truth.shape[1]) * counts[:, None])[holds]
    crafts = share.sum().clamp(min=1e-6)
    shape = ((1 - giou(guessed, wanted)) * share).sum() / crafts
    overlap = torch.zeros_like(found.quality)
    overlap[holds] = iou(guessed, wanted).detach().to(overlap.dtype)
    each = (overlap - found.quality.sigmoid()).square() * F.binary_cross_entropy_with_logits(
        found.quality, overlap, reduction="none"
    )
    cells = (holds * counts[:, None]).sum().clamp(min=1)
    return shape, (each * counts[:, None]).sum() / cells


def _share(rows: Tensor, crafts: int) -> Tensor:
    """1 / the number of cells that answer for the same craft: float (B, N), 0 for cells that answer for none."""
    one_hot = F.one_hot(rows + 1, crafts + 1)[..., 1:]
    cells = one_hot.sum(1).clamp(min=1)
    return (one_hot / cells[:, None]).sum(2)
