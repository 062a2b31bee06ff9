"""What an adaptation learned, on disk, without the checkpoints that it stands on."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch

from afss_ros.refer.errors import ReferError
from afss_ros.refer_training import saved
from afss_ros.refer_training.clipsam.files import load
from afss_ros.refer_training.clipsam.network import ClipSam, Options
from afss_ros.refer_training.clipsam.recipe import Large, parse

LAST = "adapter.pt"


def build(recipe: Large) -> tuple[ClipSam, Any]:
    """The network of a recipe before it learned, and its tokeniser.

    Raises:
        ReferError: a checkpoint cannot be loaded.
    """
    learn = recipe.learn
    return load(recipe.base.siglip, recipe.base.sam, Options(learn.rank, learn.alpha, learn.decoder))


def learned(network: ClipSam) -> dict[str, torch.Tensor]:
    """All that an adaptation may change."""
    weights = {name: p.detach() for name, p in network.named_parameters() if p.requires_grad}
    return {**weights, "shift": network.shift}


def autocast(recipe: Large, device: torch.device) -> torch.autocast:
    """The precision that a recipe asks for."""
    return torch.autocast(device.type, torch.bfloat16, enabled=recipe.learn.precision == "bfloat16")


def base_sha256(network: ClipSam) -> str:
    """Hash of all that an adaptation leaves as it is: a low-rank term means nothing beside other weights."""
    digest = hashlib.sha256()
    for name, weight in sorted(network.named_parameters()):
        if not weight.requires_grad:
            digest.update(name.encode())
            digest.update(weight.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def save(path: Path, state: dict[str, Any]) -> None:
    """Write it, whole or not at all."""
    saved.write(path, state)


def read(path: Path) -> dict[str, Any]:
    """What `save` wrote.

    Raises:
        ReferError: it is missing or broken.
    """
    return saved.read(path, {"recipe", "learned", "base", "step", "history"}, "adaptation", "tune")


def fill(network: ClipSam, state: dict[str, Any], path: Path) -> None:
    """Put what was learned into a network.

    Raises:
        ReferError: it was learned beside other weights, or for a network of another form.
    """
    if (own := base_sha256(network)) != state["base"]:
        raise ReferError(
            f"{path}: was learned beside checkpoints with the hash {str(state['base'])[:12]}, these have {own[:12]};"
            " give those that its recipe names"
        )
    ours = learned(network)
    weights = state["learned"]
    if {n: w.shape for n, w in ours.items()} != {n: w.shape for n, w in weights.items()}:
        raise ReferError(f"{path}: weights of another version of this network; tune it again")
    with torch.no_grad():
        for name, weight in ours.items():
            weight.copy_(weights[name])


def restored(run: Path) -> tuple[ClipSam, Any, Large, dict[str, Any]]:
    """The network of a run in evaluation mode, its tokeniser and recipe, and all that was saved with it.

    Raises:
        ReferError: see `read`, `build` and `fill`.
    """
    state = read(run / LAST)
    recipe = parse(state["recipe"], str(run / LAST))
    network, tokeniser = build(recipe)
    fill(network, state, run / LAST)
    return network.eval(), tokeniser, recipe, state
