"""What a network costs: parameters and multiply-accumulates."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Cost:
    """Millions of parameters, and billions of multiply-accumulates for one image."""

    params_m: float
    gmacs: float


def cost(network: nn.Module, size: int) -> Cost:
    """Count one forward pass over one image of `size` x `size`, with torch's own counter (which counts 2 per MAC)."""
    training = network.training
    network.eval()
    image = torch.zeros(1, 3, size, size, device=next(network.parameters()).device)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(image)
    network.train(training)
    params = sum(p.numel() for p in network.parameters())
    return Cost(params / 1e6, counter.get_total_flops() / 2e9)
