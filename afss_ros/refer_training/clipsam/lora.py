"""Low-rank adaptation of linear layers (Hu et al. 2021, arXiv 2106.09685): the base is kept, and merges exactly."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from afss_ros.refer.errors import ReferError


class LowRank(nn.Module):
    """A frozen linear layer with a low-rank term beside it, which is 0 at first.

    Args:
        base: is kept as it is.
        rank: of the term.
        alpha: scales it by alpha / rank.
    """

    def __init__(self, base: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        weight = base.weight
        self.down = nn.Parameter(torch.empty(rank, base.in_features, dtype=weight.dtype, device=weight.device))
        self.up = nn.Parameter(torch.zeros(base.out_features, rank, dtype=weight.dtype, device=weight.device))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))
        self.scale = alpha / rank

    @property
    def weight(self) -> Tensor:
        """What a layer around this one may ask for."""
        return self.base.weight

    def forward(self, x: Tensor) -> Tensor:
        """Of float (..., in) to (..., out)."""
        adapted: Tensor = self.base(x) + (x @ self.down.T) @ self.up.T * self.scale
        return adapted

    def merged(self) -> nn.Linear:
        """A plain layer that says the same; the base stays as it is."""
        plain = nn.Linear(self.base.in_features, self.base.out_features, bias=self.base.bias is not None)
        plain = plain.to(self.base.weight.device, self.base.weight.dtype)
        with torch.no_grad():
            plain.weight.copy_(self.base.weight + self.scale * (self.up @ self.down))
            if self.base.bias is not None:
                plain.bias.copy_(self.base.bias)
        return plain


def adapt(network: nn.Module, layers: tuple[str, ...], rank: int, alpha: float) -> int:
    """Freeze a network, and put a low-rank term beside each linear layer of these names; returns how many.

    Raises:
        ReferError: there is none.
    """
    network.requires_grad_(False)
    found = [
        (parent, name, layer)
        for parent in list(network.modules())
        if not isinstance(parent, LowRank)
        for name, layer in parent.named_children()
        if name in layers and type(layer) is nn.Linear  # that of nn.MultiheadAttention is never called
    ]
    if not found:
        raise ReferError(f"a {type(network).__name__} has no linear layer called {', '.join(layers)}")
    for parent, name, layer in found:
        setattr(parent, name, LowRank(layer, rank, alpha))
    return len(found)


def merge(network: nn.Module) -> int:
    """Replace every adapted layer by a plain one that says the same; returns how many."""
    found = [
        (parent, name, layer)
        for parent in list(network.modules())
        for name, layer in parent.named_children()
        if isinstance(layer, LowRank)
    ]
    for parent, name, layer in found:
        setattr(parent, name, layer.merged())
    return len(found)
