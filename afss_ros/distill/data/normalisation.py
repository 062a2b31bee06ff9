"""From camera pixels to network input: the one place that knows how, in training and inside the exported graph."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Normalise(nn.Module):
    """uint8 (B, H, W, 3) RGB to float (B, 3, H, W) with zero mean and unit deviation, by statistics in 8-bit counts."""

    mean: Tensor
    gain: Tensor

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).reshape(1, 3, 1, 1))
        self.register_buffer("gain", 1 / torch.tensor(std).reshape(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Permuting keeps the memory as it is: the result is channels-last, which CPUs and tensor cores prefer."""
        return (image.permute(0, 3, 1, 2).float() - self.mean) * self.gain
