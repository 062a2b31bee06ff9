"""A plain U-Net (Ronneberger et al., 2015) of which every dimension can be chosen: the network of `unet-tiled`.

It follows the tiled part segmentation of large spacecraft frames: a first kernel large enough to see through noise,
kernels and dilations level by level, no pretrained encoder. It has no global pooling and no attention, so what it says
of a pixel depends on the pixels within `reach` of it and on nothing else: the answers for overlapping tiles agree
wherever they are further than that from a tile's border, and tiles can be put together without a seam.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

from afss_ros.distill.recipe import UNetRecipe


class FlexibleUNet(nn.Module):
    """Encoder, decoder and head, under the names that `network.Network` takes a body apart by.

    Args:
        options: its dimensions.
        classes: number of label ids.
    """

    def __init__(self, options: UNetRecipe, classes: int) -> None:
        super().__init__()
        self.encoder = Contracting(options)
        self.decoder = Expanding(options)
        self.segmentation_head = nn.Conv2d(filters(options)[0], classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Images float (B, 3, H, W), sides divisible by 2 ** depth, to logits float (B, classes, H, W)."""
        logits: Tensor = self.segmentation_head(self.decoder(self.encoder(image)))
        return logits


class Contracting(nn.Module):
    """The path down: one block a level, halved by maximum in between.

    Attributes:
        out_channels: of every level, full resolution first.
    """

    def __init__(self, options: UNetRecipe) -> None:
        super().__init__()
        self.out_channels = filters(options)
        inputs = [3, *self.out_channels[:-1]]
        self.levels = nn.ModuleList(
            _block(
                inputs[i], self.out_channels[i], options, level=i, first_kernel=options.first_kernel if i == 0 else 0
            )
            for i in range(options.depth + 1)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """Images (B, 3, H, W) to the features of every level, full resolution first."""
        features: list[Tensor] = []
        for level, block in enumerate(self.levels):
            features.append(block(F.max_pool2d(features[-1], 2) if level else image))
        return features


class Expanding(nn.Module):
    """The path up: every level sees what comes from below, enlarged, beside what its own level saw on the way down."""

    def __init__(self, options: UNetRecipe) -> None:
        super().__init__()
        width = filters(options)
        self.levels = nn.ModuleList(
            _block(width[i] + width[i + 1], width[i], options, level=i) for i in range(options.depth)
        )

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Features of every level to (B, base_filters, H, W)."""
        found = features[-1]
        for level in range(len(self.levels) - 1, -1, -1):
            enlarged = F.interpolate(found, scale_factor=2.0, mode="bilinear", align_corners=False)
            found = self.levels[level](torch.cat((features[level], enlarged), 1))
        return found


def filters(options: UNetRecipe) -> list[int]:
    """Channels of every level, full resolution first: doubled from each to the next, up to the largest allowed."""
    return [min(options.base_filters * 2**level, options.max_filters) for level in range(options.depth + 1)]


def reach(options: UNetRecipe) -> int:
    """How far a pixel's answer looks, in pixels to each side: an upper bound, along the longest way through the net.

    Example:
        Without levels, one block of two 3 x 3 convolutions after a first one of 7 x 7: 3 + 1 = 4.
    """
    pixels = 0
    for level in range(options.depth + 1):
        side = _reach_of_block(options, level) * 2**level
        if level < options.depth:
            # The way up has the same block without the large kernel; halving and enlarging reach a cell further.
            pixels += 2 * side + 3 * 2**level
        else:
            pixels += side
    first = options.dilation[0] * (options.first_kernel // 2 - options.kernels[0] // 2)
    return pixels + max(0, first)


def _reach_of_block(options: UNetRecipe, level: int) -> int:
    kernel, dilation = _of_level(options.kernels, level), _of_level(options.dilation, level)
    return options.layers * dilation * (kernel // 2)


def _of_level(values: Sequence[int], level: int) -> int:
    return values[min(level, len(values) - 1)]


def _block(inputs: int, outputs: int, options: UNetRecipe, *, level: int, first_kernel: int = 0) -> nn.Sequential:
    """Convolution, normalisation, ReLU, `layers` times; then whole channels dropped (Tompson et al., 2015)."""
    dilation = _of_level(options.dilation, level)
    steps: list[nn.Module] = []
    for layer in range(options.layers):
        kernel = first_kernel if layer == 0 and first_kernel else _of_level(options.kernels, level)
        steps += [
            nn.Conv2d(
                inputs if layer == 0 else outputs, outputs, kernel,
                padding=dilation * (kernel // 2), dilation=dilation, bias=False,
            ),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        ]  # fmt: skip
    if options.dropout:
        steps.append(nn.Dropout2d(options.dropout))
    return nn.Sequential(*steps)
