"""One training process among several: what torchrun says in the environment, and nothing when it says nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Place:
    """Where this process stands: its rank among `world`, and its device."""

    rank: int
    world: int
    device: torch.device

    @classmethod
    def of(cls, device: str = "auto") -> Place:
        """Read it from the environment: `torchrun` sets RANK, WORLD_SIZE and LOCAL_RANK, a plain start is alone."""
        rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        if device == "auto":
            device = f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if torch.cuda.is_available() else "cpu"
        return cls(rank, world, torch.device(device))

    @property
    def writes(self) -> bool:
        """Whether this process is the one that validates, logs and writes files."""
        return self.rank == 0

    def share(self, network: nn.Module) -> nn.Module:
        """The module whose backward pass averages gradients over all processes."""
        if self.world == 1:
            return network
        # A batch without craft gives the box head no gradient.
        return DistributedDataParallel(network, find_unused_parameters=True)

    def agree(self, value: float) -> float:
        """Rank 0's value, in every process: clocks differ, and all must stop at the same step."""
        if self.world == 1:
            return value
        tensor = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.broadcast(tensor, 0)
        return float(tensor)


@contextmanager
def join(device: str = "auto") -> Iterator[Place]:
    """Take this process's place; all leave it together, so that what rank 0 wrote is there for every one of them."""
    place = Place.of(device)
    if place.device.type == "cuda":
        torch.cuda.set_device(place.device)
    if place.world > 1:
        distributed.init_process_group("nccl" if place.device.type == "cuda" else "gloo")
    try:
        yield place
        place.agree(0.0)
    finally:
        if place.world > 1:
            distributed.destroy_process_group()
