"""What a student's weights have seen, in words, and what they started from: the `training_data` of the contract.

5000 labelled images: round_2; before that 80000 labelled images: rendered; encoder from ImageNet weights
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from afss_ros.datasets import DatasetError
from afss_ros.datasets.files import read_json
from afss_ros.distill.errors import DistillError
from afss_ros.distill.recipe import Recipe, StudentRecipe
from afss_ros.distill.training import checkpoint

NOISE = "started from noise"
IMAGENET = "encoder from ImageNet weights"


def described(samples: int, recipe: Recipe, start: str, earlier: Callable[[Path], str]) -> str:
    """What the weights of one run have seen, and those that it started from.

    Args:
        samples: number of training images.
        start: what weights begin with that no earlier run gave.
        earlier: the same description of a run by its path; raises DistillError or OSError when that is gone.
    """
    seen = f"{samples} labelled images: " + ", ".join(p.name for p in recipe.data.train)
    before = recipe.student.initial
    if before is None:
        return f"{seen}; {start}"
    try:
        return f"{seen}; before that {earlier(before)}"
    except (DistillError, OSError):
        return f"{seen}; started from the run {before.name}"


def of_checkpoint(trained: checkpoint.Trained, start: Callable[[StudentRecipe], str]) -> str:
    """What the weights of a checkpoint have seen, the runs that they started from included.

    Args:
        start: what the weights of such a student begin with, by its recipe.
    """
    if trained.seen:
        return trained.seen
    recipe = trained.parsed_recipe()
    return described(
        trained.samples,
        recipe,
        start(recipe.student),
        lambda run: of_checkpoint(checkpoint.load_best(run), start),
    )


def of_maps(sets: Iterable[Path]) -> dict[str, Any]:
    """`{"geo": {...}}`, how pixels of maps became the 8 bits that a student learned from; {} for other sets.

    Without it nobody could show the student another raster as it saw the first ones.
    """
    for root in sets:
        try:
            document = read_json(root / "dataset.json")
        except (DatasetError, OSError):
            continue
        provenance = document.get("provenance") if isinstance(document, dict) else None
        if isinstance(provenance, dict) and isinstance(provenance.get("geo"), dict):
            return {"geo": provenance["geo"]}
    return {}
