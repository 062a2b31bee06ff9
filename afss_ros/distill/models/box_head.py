"""Boxes of any number of craft: every cell of a coarse grid guesses the craft that it lies in the middle of.

FCOS (Tian et al., ICCV 2019) on three grids, each for craft of its own size, with the predicted overlap as score
(generalised focal loss, Li et al., NeurIPS 2020), so that craft which touch or cover each other, one piece in a label
map, are told apart. Only operators that every execution provider has, and sizes that follow the image.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

STRIDE = 8
"""Pixels of the image per cell of the finest grid; each further one has cells of twice the side."""
LEVELS = 3
_AT_FIRST = 0.01
"""Score of every cell before training: most see no craft."""


class Boxes(NamedTuple):
    """The guesses of all cells of a batch.

    Attributes:
        corners: float (B, N, 4) xyxy in 0..1 of the image, beyond it for craft that leave the frame; N cells, grid by
            grid, row by row.
        quality: float (B, N), logit of the overlap (IoU) that the guess is believed to have with a craft.
        grids: h, w of every grid, the finest first.
    """

    corners: Tensor
    quality: Tensor
    grids: tuple[tuple[int, int], ...]

    def peaks(self) -> tuple[Tensor, Tensor]:
        """corners (B, N, 4) within the image, scores (B, N) in 0..1: 0 where a neighbour of the cell has a better one.

        The many cells of a large craft would otherwise fill every list of best guesses.
        """
        chances = torch.split(self.quality.sigmoid(), [h * w for h, w in self.grids], 1)
        kept = []
        for chance, grid in zip(chances, self.grids, strict=True):
            scores = chance.reshape(-1, 1, *grid)
            kept.append((scores * (scores >= F.max_pool2d(scores, 3, 1, 1)).float()).flatten(1))
        return self.corners.clamp(0, 1), torch.cat(kept, 1)


class BoxHead(nn.Module):
    """Two convolutions, then distances from a cell's centre to the four sides of the craft, and their quality.

    A coarser grid is made of the finer one, and all are read by the same convolutions.

    Args:
        channels: of the decoder's features.
        width: channels of its own.
    """

    def __init__(self, channels: int, width: int = 64) -> None:
        super().__init__()
        self.mix = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 5, padding=2, groups=width, bias=False), nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
        )  # fmt: skip
        self.coarser = nn.ModuleList(_halve(width) for _ in range(LEVELS - 1))
        self.sides = nn.Conv2d(width, 4, 1)
        self.quality = nn.Conv2d(width, 1, 1)
        nn.init.constant_(self.sides.bias, math.log(3))  # type: ignore[arg-type]
        nn.init.constant_(self.quality.bias, -math.log(1 / _AT_FIRST - 1))  # type: ignore[arg-type]

    def forward(self, decoded: Tensor, stride: int) -> Boxes:
        """Features (B, C, H / stride, W / stride) of an image H x W to the guesses of its cells."""
        maps = [self.mix(F.avg_pool2d(decoded, STRIDE // stride))]
        for halve in self.coarser:
            maps.append(halve(maps[-1]))
        guesses = [self._read(features) for features in maps]
        grids = tuple((int(m.shape[-2]), int(m.shape[-1])) for m in maps)
        return Boxes(torch.cat([c for c, _ in guesses], 1), torch.cat([q for _, q in guesses], 1), grids)

    def _read(self, features: Tensor) -> tuple[Tensor, Tensor]:
        height, width = features.shape[-2:]
        cell = features.new_tensor([1 / width, 1 / height], dtype=torch.float32)
        # As a logarithm, a distance is as easily wrong by a third for a large craft as for a small one.
        away = self.sides(features).float().clamp(-8, 8).exp().flatten(2).transpose(1, 2)
        centres = cell_centres((height, width), features.device)
        corners = torch.cat((centres - away[..., :2] * cell, centres + away[..., 2:] * cell), 2)
        return corners, self.quality(features).float().flatten(1)


def _halve(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, width, 3, stride=2, padding=1, groups=width, bias=False), nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
    )  # fmt: skip


def cell_centres(grid: tuple[int, int], device: torch.device) -> Tensor:
    """x, y of every cell's centre, in 0..1 of the image: float32 (h * w, 2), row by row."""
    ys, xs = ((torch.arange(n, dtype=torch.float32, device=device) + 0.5) / n for n in grid)
    return torch.stack((xs.repeat(grid[0]), ys.repeat_interleave(grid[1])), 1)
