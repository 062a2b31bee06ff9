"""Modules that keep the weights and the statistics that they start with.

The first layers of an encoder see the largest maps, so that their gradients cost most, and change least once they have
learned: without those of its first three stages, a step of fpn-efficientnet-lite0 takes three quarters of the time.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from afss_ros.distill.errors import DistillError


def freeze(network: nn.Module, names: Sequence[str]) -> tuple[nn.Module, ...]:
    """Take the named modules out of training, and return them: `hold` them after every `network.train()`.

    Args:
        names: as `network.named_modules()` has them; what is below a module goes with it.

    Raises:
        DistillError: there is no such module; the message lists what there is beside it.
    """
    frozen = []
    for name in names:
        try:
            module = network.get_submodule(name)
        except AttributeError as err:
            raise DistillError(f"optimiser.frozen: {name!r} is no module; there are {_beside(network, name)}") from err
        module.requires_grad_(False)
        frozen.append(module)
    return tuple(frozen)


def hold(frozen: Sequence[nn.Module]) -> None:
    """Keep the running statistics of frozen modules, too, as they are."""
    for module in frozen:
        module.eval()


def _beside(network: nn.Module, name: str) -> str:
    """The modules under the longest part of a dotted name that exists."""
    above, prefix = network, ""
    for part in name.split("."):
        below = dict(above.named_children()).get(part)
        if below is None:
            break
        above, prefix = below, f"{prefix}{part}."
    return ", ".join(prefix + child for child, _ in above.named_children()) or "none"
