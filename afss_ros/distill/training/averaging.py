"""Exponential moving average of weights and normalisation statistics."""

from __future__ import annotations

import copy

import torch
from torch import nn


class Average:
    """A second network whose weights follow the trained one's (Polyak averaging, as in Tarvainen and Valpola, 2017).

    The decay ramps up from 0.1, so that the noise of the first steps is forgotten: min(decay, (1 + n) / (10 + n)).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.network: nn.Module = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move towards the trained weights."""
        self.updates += 1
        step = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        ours, theirs = self.network.state_dict(), network.state_dict()
        floating = [k for k, v in ours.items() if v.is_floating_point()]
        torch._foreach_lerp_([ours[k] for k in floating], [theirs[k] for k in floating], step)
        for key in ours.keys() - set(floating):
            ours[key].copy_(theirs[key])
