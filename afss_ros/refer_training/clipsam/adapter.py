"""What an adaptation learned, on disk, without the checkpoints that it stands on."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import torch

from afss_ros.datasets.files import write_atomically
from afss_ros.refer.errors import ReferError
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
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(path, buffer.getvalue())


def read(path: Path) -> dict[str, Any]:
    """What `save` wrote.

    Raises:
        ReferError: it is missing or broken.
    """
    if path.exists() and not path.is_file():
        raise ReferError(f"{path}: is no regular file; give a run of `afss refer tune`")
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        if lacking := {"recipe", "learned", "base", "step", "history"} - set(saved):
            raise KeyError(*lacking)
    except FileNotFoundError as err:
        raise ReferError(f"{path}: missing; make one with `afss refer tune CONFIG --out {path.parent}`") from err
    except Exception as err:  # torch raises many kinds for a file that is none of its own
        raise ReferError(f"{path}: is no adaptation ({type(err).__name__}); tune it again") from err
    return dict(saved)


def fill(network: ClipSam, saved: dict[str, Any], path: Path) -> None:
    """Put what was learned into a network.

    Raises:
        ReferError: it was learned beside other weights, or for a network of another form.
    """
    if (own := base_sha256(network)) != saved["base"]:
        raise ReferError(
            f"{path}: was learned beside checkpoints with the hash {str(saved['base'])[:12]}, these have {own[:12]};"
            " give those that its recipe names"
        )
    ours = learned(network)
    weights = saved["learned"]
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
    saved = read(run / LAST)
    recipe = parse(saved["recipe"], str(run / LAST))
    network, tokeniser = build(recipe)
    fill(network, saved, run / LAST)
    return network.eval(), tokeniser, recipe, saved
