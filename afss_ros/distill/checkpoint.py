"""What a run leaves on disk, written whole or not at all.

`last.pt` holds everything that decides the next step, so a killed run that resumes gives the same result as one that
was never killed. `best.pt` holds the weights to export, with all that is needed to rebuild the network around them.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from afss_ros.distill.errors import DistillError
from afss_ros.distill.recipe import Recipe, parse


@dataclass
class Trained:
    """Weights with their meaning.

    Attributes:
        recipe: the run's recipe, as plain data.
        weights: state dict of the `Network`, averaged if the recipe averages.
        mean, std: normalisation, 8-bit counts per channel.
        metrics: of the validation that chose these weights.
        step: at which they were taken.
        samples: number of training images.
        provenance: of each training set, by its path.
    """

    recipe: dict[str, Any]
    weights: dict[str, torch.Tensor]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    metrics: dict[str, float] = field(default_factory=dict)
    step: int = 0
    samples: int = 0
    provenance: dict[str, Any] = field(default_factory=dict)

    def parsed_recipe(self) -> Recipe:
        """The recipe, validated again: a checkpoint of another version of this package may not fit."""
        return parse(self.recipe, where="the checkpoint's recipe")


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint of plain data and tensors, atomically."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    torch.save(state, temporary)
    temporary.replace(path)


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU. Only tensors and plain data are unpickled, so a foreign file runs no code.

    Raises:
        DistillError: it is missing or no checkpoint.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as err:
        raise DistillError(f"{path}: missing; is {path.parent} a run of `afss train`?") from err
    except Exception as err:
        raise DistillError(f"{path}: no checkpoint of ours ({type(err).__name__}: {err})") from err
    return state


def save_best(run: Path, trained: Trained) -> None:
    """Write `best.pt`."""
    save(run / "best.pt", asdict(trained))


def load_best(run: Path) -> Trained:
    """Read the weights to export from a run directory, or from a `best.pt` itself.

    Raises:
        DistillError: there are none.
    """
    path = run if run.is_file() else run / "best.pt"
    state = load(path)
    try:
        return Trained(**state)
    except TypeError as err:
        raise DistillError(f"{path}: not a best.pt of this version ({err})") from err
