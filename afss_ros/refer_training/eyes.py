"""The part of the network that finds things: where their middles are, of which name, and a mask for each.

Names and middles as in CenterNet (Zhou et al. 2019, arXiv 1904.07850); a mask comes from a little network of its own
for each thing, as in CondInst (Tian et al. 2020, arXiv 2003.05664), which sees where the thing's middle is.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

STRIDE = 4
"""Pixels of the picture per cell of the map of middles."""
MASK_STRIDE = 2
"""Pixels of the picture per pixel of a thing's mask."""
LEAST_SCORE = 0.3
"""Of what is taken for a thing."""
_EMBEDDED = 8
_HIDDEN = 8
_SAME, _ALIKE = 0.45, 0.6
"""Two of one name whose masks overlap by more are one; and two of names of which a thing has only one."""
_WEIGHTS = (_EMBEDDED + 2) * _HIDDEN + _HIDDEN + _HIDDEN + 1


class Seen(NamedTuple):
    """What the eyes found: K slots, the surest first.

    Attributes:
        scores: float (B, K), 0..1; 0 for a slot that holds nothing.
        classes: int64 (B, K), numbers of names.
        masks: float (B, K, H / 2, W / 2), 0..1.
    """

    scores: Tensor
    classes: Tensor
    masks: Tensor


class Maps(NamedTuple):
    """What is computed once for a picture.

    Attributes:
        heat: float (B, C, h, w), logits of there being the middle of a thing of each name.
        features: float (B, D, h, w).
        pixels: float (B, 8, H / 2, W / 2).
    """

    heat: Tensor
    features: Tensor
    pixels: Tensor


def _block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Eyes(nn.Module):
    """Finds things of `classes` names in pictures whose sides are divisible by 32.

    Args:
        classes: how many names.
        width: channels at a quarter of the picture.
        slots: K, most things in a picture.
    """

    def __init__(self, classes: int, width: int, slots: int) -> None:
        super().__init__()
        self.classes, self.slots = classes, slots
        self.together: Tensor
        self.register_buffer("together", torch.zeros(classes, classes))  # 1 where two names may have one mask
        half, wide, wider = width // 2, 2 * width, 3 * width
        self.stem = _block(3, half, 2)
        self.quarter = nn.Sequential(_block(half, width, 2), _block(width, width))
        self.eighth = nn.Sequential(_block(width, wide, 2), _block(wide, wide))
        self.sixteenth = nn.Sequential(_block(wide, wider, 2), _block(wider, wider))
        self.thirtieth = nn.Sequential(_block(wider, wider, 2), _block(wider, wider))
        self.sides = nn.ModuleList(nn.Conv2d(c, wide, 1) for c in (width, wide, wider, wider))
        self.merge = _block(wide, wide)
        self.heat = nn.Sequential(_block(wide, wide), nn.Conv2d(wide, classes, 1))
        self.kernels = nn.Sequential(nn.Linear(wide + classes, wider), nn.ReLU(), nn.Linear(wider, _WEIGHTS))
        self.down = nn.Conv2d(wide, 16, 1)
        self.pixels = nn.Sequential(_block(16 + half, 16), nn.Conv2d(16, _EMBEDDED, 1))
        last = self.heat[-1]
        assert isinstance(last, nn.Conv2d) and last.bias is not None
        nn.init.constant_(last.bias, -4.0)

    def maps(self, picture: Tensor) -> Maps:
        """Of pictures float (B, 3, H, W), about 0."""
        stem = self.stem(picture)
        levels = [self.quarter(stem)]
        for stage in (self.eighth, self.sixteenth, self.thirtieth):
            levels.append(stage(levels[-1]))
        merged = self.sides[3](levels[3])
        for place in (2, 1, 0):
            merged = self.sides[place](levels[place]) + F.interpolate(merged, scale_factor=2.0, mode="nearest")
        merged = self.merge(merged)
        fine = F.interpolate(self.down(merged), scale_factor=2.0, mode="bilinear", align_corners=False)
        return Maps(self.heat(merged), merged, self.pixels(torch.cat((fine, stem), 1)))

    def masks(self, maps: Maps, cells: Tensor, classes: Tensor) -> Tensor:
        """Logits of the masks of things whose middles are known, float (B, K, H / 2, W / 2).

        Args:
            cells: int64 (B, K), row * w + column of a cell.
            classes: int64 (B, K).
        """
        depth, width = int(maps.features.shape[1]), int(maps.heat.shape[3])
        features = maps.features.flatten(2).gather(2, cells[:, None].expand(-1, depth, -1)).transpose(1, 2)
        named = F.one_hot(classes, self.classes).to(features.dtype)
        weights = self.kernels(torch.cat((features, named), 2))
        count = cells.shape[1]
        high, wide = (int(side) for side in maps.pixels.shape[2:])
        rows = (torch.arange(high, device=cells.device, dtype=features.dtype) + 0.5) / high
        columns = (torch.arange(wide, device=cells.device, dtype=features.dtype) + 0.5) / wide
        y = (torch.div(cells, width, rounding_mode="floor").to(features.dtype) + 0.5) / int(maps.heat.shape[2])
        x = ((cells % width).to(features.dtype) + 0.5) / width
        away_y = (rows[None, None] - y[:, :, None])[:, :, :, None].expand(-1, -1, -1, wide)
        away_x = (columns[None, None] - x[:, :, None])[:, :, None].expand(-1, -1, high, -1)
        first = weights[:, :, : (_EMBEDDED + 2) * _HIDDEN].unflatten(2, (_HIDDEN, _EMBEDDED + 2))
        rest = weights[:, :, (_EMBEDDED + 2) * _HIDDEN :]
        bias, second, last = rest[:, :, :_HIDDEN], rest[:, :, _HIDDEN : 2 * _HIDDEN], rest[:, :, 2 * _HIDDEN :]
        pixels = maps.pixels.flatten(2)[:, None].expand(-1, count, -1, -1)
        offsets = torch.stack((away_x, away_y), 2).flatten(3) * 4.0
        hidden = torch.relu(first @ torch.cat((pixels, offsets), 2) + bias[..., None])
        logits = (second[:, :, None] @ hidden)[:, :, 0] + last
        masks: Tensor = logits.unflatten(2, (high, wide))
        return masks

    def forward(self, picture: Tensor) -> Seen:
        """The things of pictures float (B, 3, H, W)."""
        maps = self.maps(picture)
        heat = maps.heat.sigmoid()
        peaks = heat * (F.max_pool2d(heat, 3, 1, 1) == heat)
        scores, places = peaks.flatten(1).topk(self.slots)
        cells = int(heat.shape[2]) * int(heat.shape[3])
        classes = torch.div(places, cells, rounding_mode="floor")
        masks = self.masks(maps, places % cells, classes).sigmoid()
        flat = (masks > 0.5).flatten(2).to(masks.dtype)
        area = flat.sum(2)
        both = flat @ flat.transpose(1, 2)
        overlap = both / (area[:, :, None] + area[:, None] - both).clamp(min=1.0)
        same = (classes[:, :, None] == classes[:, None]).to(masks.dtype)
        surer = torch.tril(torch.ones_like(overlap), -1)
        named = F.one_hot(classes, self.classes).to(masks.dtype)
        shared = named @ self.together @ named.transpose(1, 2)
        other = (1 - same) * (1 - shared)
        found = overlap * surer
        twice = ((found * same).amax(2) > _SAME) | ((found * other).amax(2) > _ALIKE)
        good = (scores > LEAST_SCORE) & (area > 0) & ~twice
        return Seen(scores * good.to(scores.dtype), classes, masks)
