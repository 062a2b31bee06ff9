"""The part of the network that finds things: where their middles are, of which name, and a mask for each.

Names and middles as in CenterNet (Zhou et al. 2019, arXiv 1904.07850); a mask comes from a little network of its own
for each thing, as in CondInst (Tian et al. 2020, arXiv 2003.05664), which sees where the thing's middle is.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

from afss_ros.refer_training.heat import heat_loss, heat_target

STRIDE = 4
"""Pixels of the picture per cell of the map of middles."""
MASK_STRIDE = 2
"""Pixels of the picture per pixel of a thing's mask."""
LEAST_SCORE = 0.3
"""Of what is taken for a thing."""
EMBEDDED = 8
"""Channels of a pixel that the little networks read."""
_HIDDEN = 8
_AWAY = 4.0
"""What a side of the picture counts as, where a mask is told how far its pixels are from a middle."""
_SAME, _ALIKE = 0.45, 0.6
"""Two of one name whose masks overlap by more are one; and two of names of which a thing has only one."""
_WEIGHTS = (EMBEDDED + 2) * _HIDDEN + _HIDDEN + _HIDDEN + 1


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


def block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


def heads(classes: int, wide: int, wider: int) -> tuple[nn.Sequential, nn.Sequential]:
    """What reads features of `wide` channels: the heat of middles, and what makes the little network of a thing."""
    heat = nn.Sequential(block(wide, wide), nn.Conv2d(wide, classes, 1))
    kernels = nn.Sequential(nn.Linear(wide + classes, wider), nn.ReLU(), nn.Linear(wider, _WEIGHTS))
    rare = heat[-1]
    assert isinstance(rare, nn.Conv2d) and rare.bias is not None
    nn.init.constant_(rare.bias, -4.0)
    return heat, kernels


class Finder(nn.Module):
    """What all eyes share: from maps of a picture to the things in it.

    Args:
        classes: how many names.
        slots: K, most things in a picture.

    Attributes:
        least: pixels of a mask below which a thing is neither asked for nor forbidden as the eyes learn.
        most: masks that are learned from in one picture and step.
        coarse: pixels of a mask per pixel of the logits that `masks` draws, along a side.
        sure: score from which something is taken for a thing.
    """

    least, most, coarse, sure = 0, 16, 1, LEAST_SCORE
    kernels: nn.Module

    def __init__(self, classes: int, slots: int) -> None:
        super().__init__()
        self.classes, self.slots = classes, slots
        self.together: Tensor
        self.register_buffer("together", torch.zeros(classes, classes))  # 1 where two names may have one mask

    def maps(self, picture: Tensor) -> Maps:
        """Of pictures float (B, 3, H, W), 0..1."""
        raise NotImplementedError

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
        rows = (torch.arange(high, device=cells.device, dtype=features.dtype) + 0.5) / high * _AWAY
        columns = (torch.arange(wide, device=cells.device, dtype=features.dtype) + 0.5) / wide * _AWAY
        y = (torch.div(cells, width, rounding_mode="floor").to(features.dtype) + 0.5) / int(maps.heat.shape[2])
        x = ((cells % width).to(features.dtype) + 0.5) / width
        first = weights[:, :, : (EMBEDDED + 2) * _HIDDEN].unflatten(2, (_HIDDEN, EMBEDDED + 2))
        rest = weights[:, :, (EMBEDDED + 2) * _HIDDEN :]
        bias, second, last = rest[:, :, :_HIDDEN], rest[:, :, _HIDDEN : 2 * _HIDDEN], rest[:, :, 2 * _HIDDEN :]
        # How far a pixel is from a middle enters linearly: where it is, once for all things, less where each middle is.
        shape = (len(cells), 1, high, wide)
        places = torch.cat((maps.pixels, columns.expand(shape), rows[:, None].expand(shape)), 1).flatten(2)
        middles = torch.stack((x, y), 2)[:, :, None] * _AWAY
        shift = bias - (first[..., EMBEDDED:] * middles).sum(3)
        hidden = torch.relu((first.flatten(1, 2) @ places).unflatten(1, (count, _HIDDEN)) + shift[..., None])
        logits = (second[:, :, None] @ hidden)[:, :, 0] + last
        masks: Tensor = logits.unflatten(2, (high, wide))
        return masks

    def heat_loss(
        self, heat: Tensor, truth: Tensor, cells: Tensor, classes: Tensor, known: Tensor, small: Tensor
    ) -> Tensor:
        """How far the heat is from what things ask for.

        Args:
            truth: float (B, N, h, w), masks; `cells`, `classes` int64 (B, N); `known` float (B, N), 0 for filling.
            small: bool (B, N), things that may be missed.
        """
        return heat_loss(heat, heat_target(truth, cells, classes, known, self.classes, int(heat.shape[2])))

    def full(self, masks: Tensor) -> Tensor:
        """Logits as `masks` gives them, float (B, K, H / 2, W / 2)."""
        return masks

    def forward(self, picture: Tensor) -> Seen:
        """The things of pictures float (B, 3, H, W), 0..1."""
        return self.find(self.maps(picture))

    def find(self, maps: Maps) -> Seen:
        """The things that maps tell of, each once."""
        heat = maps.heat.sigmoid()
        peaks = heat * (F.max_pool2d(heat, 3, 1, 1) == heat)
        scores, places = peaks.flatten(1).topk(self.slots)
        cells = int(heat.shape[2]) * int(heat.shape[3])
        classes = torch.div(places, cells, rounding_mode="floor")
        masks = self.full(self.masks(maps, places % cells, classes)).sigmoid()
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
        good = (scores > self.sure) & (area > 0) & ~twice
        return Seen(scores * good.to(scores.dtype), classes, masks)


class Eyes(Finder):
    """Finds things of `classes` names in pictures whose sides are divisible by 32.

    Args:
        classes: how many names.
        width: channels at a quarter of the picture.
        slots: K, most things in a picture.
    """

    def __init__(self, classes: int, width: int, slots: int) -> None:
        super().__init__(classes, slots)
        half, wide, wider = width // 2, 2 * width, 3 * width
        self.stem = block(3, half, 2)
        self.quarter = nn.Sequential(block(half, width, 2), block(width, width))
        self.eighth = nn.Sequential(block(width, wide, 2), block(wide, wide))
        self.sixteenth = nn.Sequential(block(wide, wider, 2), block(wider, wider))
        self.thirtieth = nn.Sequential(block(wider, wider, 2), block(wider, wider))
        self.sides = nn.ModuleList(nn.Conv2d(c, wide, 1) for c in (width, wide, wider, wider))
        self.merge = block(wide, wide)
        self.heat, self.kernels = heads(classes, wide, wider)
        self.down = nn.Conv2d(wide, 16, 1)
        self.pixels = nn.Sequential(block(16 + half, 16), nn.Conv2d(16, EMBEDDED, 1))

    def maps(self, picture: Tensor) -> Maps:
        """Of pictures float (B, 3, H, W), 0..1."""
        stem = self.stem(picture * 4 - 2)
        levels = [self.quarter(stem)]
        for stage in (self.eighth, self.sixteenth, self.thirtieth):
            levels.append(stage(levels[-1]))
        merged = self.sides[3](levels[3])
        for place in (2, 1, 0):
            merged = self.sides[place](levels[place]) + F.interpolate(merged, scale_factor=2.0, mode="nearest")
        merged = self.merge(merged)
        fine = F.interpolate(self.down(merged), scale_factor=2.0, mode="bilinear", align_corners=False)
        return Maps(self.heat(merged), merged, self.pixels(torch.cat((fine, stem), 1)))
