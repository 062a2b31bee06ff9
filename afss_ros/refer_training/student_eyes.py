"""Eyes that stand on a student: it knows what is a panel, they tell which panel.

A mask is the sum of two logits: of the pixel being of the thing's name, which is nearly the student's own knowledge,
and of its being of this thing, by a little network of its own as in `eyes`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

from afss_ros.refer_training.eyes import EMBEDDED, Finder, Maps, block, heads
from afss_ros.refer_training.heat import heat_target, wide_heat_loss
from afss_ros.refer_training.sight import Sight

_WIDEST = 6.0
"""Deviation of a bump at a middle, cells."""
_SPARED = 0.3
"""Of a bump of a thing that may be missed: from there on nothing is asked."""


class StudentEyes(Finder):
    """Finds things of `classes` names in pictures whose sides are divisible by 32.

    Args:
        sight: the student, which stays as it is.
        classes: how many names.
        width: half the channels of the layers that learn.
        slots: K, most things in a picture.
    """

    least, most, coarse, sure = 12, 10, 2, 0.2

    def __init__(self, sight: Sight, classes: int, width: int, slots: int) -> None:
        super().__init__(classes, slots)
        self.sight = sight
        wide, wider = 2 * width, 3 * width
        fine, eighth, sixteenth, deep = sight.channels
        self.deep = nn.Sequential(nn.Conv2d(deep, wider, 1), block(wider, wider), block(wider, wider))
        self.sixteenth = nn.Conv2d(sixteenth, wider, 1)
        self.middle = nn.Sequential(block(wider, wider), nn.Conv2d(wider, wide, 1))
        self.eighth = nn.Conv2d(eighth, wide, 1)
        self.halved = block(fine, wide, 2)
        self.third = nn.Sequential(block(wide, wide), block(wide, wide))
        self.fine = nn.Conv2d(fine, wide, 1)
        self.merge = block(wide, wide)
        self.heat, self.kernels = heads(classes, wide, wider)
        self.pixels = block(wide, 24)
        self.draw = nn.Conv2d(24 + sight.parts, EMBEDDED + classes, 1)

    def maps(self, picture: Tensor) -> Maps:
        """Of pictures float (B, 3, H, W), 0..1."""
        return self.maps_on(self.sight(picture))

    def maps_on(self, levels: list[Tensor]) -> Maps:
        """Of pictures of which the sight made these levels."""
        fine, eighth, sixteenth, deep = levels
        middle = self.middle(_enlarged(self.deep(deep)) + self.sixteenth(sixteenth))
        third = self.third(_enlarged(middle) + self.eighth(eighth) + self.halved(fine))
        merged = self.merge(_enlarged(third) + self.fine(fine))
        parts = fine[:, -self.sight.parts :].clamp(min=1e-4).log() / 4 + 1
        return Maps(self.heat(merged), merged, self.draw(torch.cat((self.pixels(merged), parts), 1)))

    def masks(self, maps: Maps, cells: Tensor, classes: Tensor) -> Tensor:
        """See `Finder.masks`; float (B, K, H / 4, W / 4)."""
        own = super().masks(maps._replace(pixels=maps.pixels[:, :EMBEDDED]), cells, classes)
        named = F.one_hot(classes, self.classes).to(own.dtype)
        return own + (named @ maps.pixels[:, EMBEDDED:].flatten(2)).view_as(own)

    def heat_loss(
        self, heat: Tensor, truth: Tensor, cells: Tensor, classes: Tensor, known: Tensor, small: Tensor
    ) -> Tensor:
        """See `Finder.heat_loss`."""
        side = int(heat.shape[2])
        asked, spared = (
            heat_target(truth, cells, classes, known * kind, self.classes, side, _WIDEST)
            for kind in (1 - small.float(), small.float())
        )
        return wide_heat_loss(heat, asked, ((spared < _SPARED) | (asked > spared)).to(heat.dtype))

    def full(self, masks: Tensor) -> Tensor:
        """See `Finder.full`: they are drawn half as fine, as the student draws its own."""
        return F.interpolate(masks, scale_factor=float(self.coarse), mode="bilinear", align_corners=False)


def _enlarged(level: Tensor) -> Tensor:
    return F.interpolate(level, scale_factor=2.0, mode="nearest")
