"""What is measured on the things that were seen: place, size, colour and light of each, and how two lie to each other.

The same quantities as the grammar's, and on masks; so the reader need not learn geometry from pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

from afss_ros.refer_training.eyes import Seen

LEVELS = 4
"""Coarse levels a channel, for shares of colours."""
SINGLE = 18 + LEVELS**3
PAIR = 12
_GRID = 40
"""Side, or a little more, of the grid on which gaps between masks are measured."""


class Facts(NamedTuple):
    """Facts of K slots.

    Attributes:
        valid: float (B, K), 1 where a slot holds a thing.
        classes: int64 (B, K).
        single: float (B, K, `SINGLE`).
        pair: float (B, K, K, `PAIR`): of the first thing, seen from the second.
    """

    valid: Tensor
    classes: Tensor
    single: Tensor
    pair: Tensor


def measure(seen: Seen, picture: Tensor) -> Facts:
    """Facts of what was seen in pictures float (B, 3, h, w), 0..1, of the masks' size."""
    high, wide = (int(side) for side in seen.masks.shape[2:])
    valid = (seen.scores > 0).to(seen.masks.dtype)
    masks = (seen.masks > 0.5).to(seen.masks.dtype) * valid[:, :, None, None]
    flat = masks.flatten(2)
    area = flat.sum(2).clamp(min=1.0)
    rows = (torch.arange(high, device=masks.device, dtype=masks.dtype) + 0.5) / high
    columns = (torch.arange(wide, device=masks.device, dtype=masks.dtype) + 0.5) / wide
    by_row, by_column = masks.sum(3), masks.sum(2)
    y, x = (by_row * rows).sum(2) / area, (by_column * columns).sum(2) / area
    spread_y = ((by_row * rows**2).sum(2) / area - y**2).clamp(min=0.0).sqrt()
    spread_x = ((by_column * columns**2).sum(2) / area - x**2).clamp(min=0.0).sqrt()
    there_y, there_x = (by_row > 0).to(masks.dtype), (by_column > 0).to(masks.dtype)
    bottom, top = (there_y * rows).amax(2), 1 - (there_y * (1 - rows)).amax(2)
    right, left = (there_x * columns).amax(2), 1 - (there_x * (1 - columns)).amax(2)
    edges = torch.stack((there_y[:, :, 0], there_y[:, :, -1], there_x[:, :, 0], there_x[:, :, -1]), 2).amax(2)
    pixels = picture.flatten(2).transpose(1, 2)
    mean = flat @ pixels / area[:, :, None]
    deviation = (flat @ pixels**2 / area[:, :, None] - mean**2).clamp(min=0.0).sqrt()
    luminance = mean @ torch.tensor([[0.299], [0.587], [0.114]], device=mean.device, dtype=mean.dtype)
    coarse = (pixels * (LEVELS - 0.001)).floor().to(torch.int64)
    bins = F.one_hot((coarse[..., 0] * LEVELS + coarse[..., 1]) * LEVELS + coarse[..., 2], LEVELS**3)
    shares = flat @ bins.to(flat.dtype) / area[:, :, None]
    size = (area / (high * wide)).log() / 4 + 1
    plain = (x, y, spread_x, spread_y, left, top, right, bottom, size, edges, seen.scores)
    single = torch.cat((torch.stack(plain, 2), mean, deviation, luminance, shares), 2) * valid[:, :, None]
    return Facts(valid, seen.classes, single, _pairs(masks, area, x, y, size, luminance[..., 0], seen.classes, valid))


def _pairs(
    masks: Tensor, area: Tensor, x: Tensor, y: Tensor, size: Tensor, light: Tensor, classes: Tensor, valid: Tensor
) -> Tensor:
    flat = masks.flatten(2)
    inside = flat @ flat.transpose(1, 2) / area[:, :, None]
    dx, dy = x[:, :, None] - x[:, None], y[:, :, None] - y[:, None]
    distance = (dx**2 + dy**2 + 1e-8).sqrt()
    same = (classes[:, :, None] == classes[:, None]).to(masks.dtype)
    gap = gaps(masks)
    found = (
        dx, dy, distance, dx / distance, dy / distance, inside, inside.transpose(1, 2), same, gap,
        (gap + 0.01).log() / 4, size[:, :, None] - size[:, None], light[:, :, None] - light[:, None],
    )  # fmt: skip
    return torch.stack(found, 3) * (valid[:, :, None] * valid[:, None])[..., None]


def gaps(masks: Tensor) -> Tensor:
    """How far masks float (B, K, h, w) of 0 and 1 are apart, as a share of the picture's side: (B, K, K).

    By the distance transform, rows first and then columns (Felzenszwalb and Huttenlocher 2012), on a coarse grid.
    """
    coarse = F.max_pool2d(masks, max(1, int(masks.shape[2]) // _GRID))
    side = int(coarse.shape[2])
    steps = torch.arange(side, device=masks.device, dtype=masks.dtype)
    apart = ((steps[:, None] - steps[None]) / side) ** 2
    free = (1 - coarse) * 8.0
    across = (free[:, :, :, None, :] + apart[None, None, None]).amin(4)
    nearest = (across.transpose(2, 3)[:, :, :, None, :] + apart[None, None, None]).amin(4).transpose(2, 3)
    far = nearest.flatten(2)[:, :, None] + free.flatten(2)[:, None]
    return far.amin(3).clamp(max=2.0).sqrt()
