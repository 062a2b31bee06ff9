"""What a run of another library has in common with ours: the recipe that it belongs to, and how far it got."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from afss_ros.datasets.files import write_atomically
from afss_ros.distill import recipe as recipes
from afss_ros.distill.errors import DistillError
from afss_ros.distill.recipe import Recipe

_ADJUSTABLE = ("checkpoint_minutes", "note")


@dataclass
class Progress:
    """`progress.json`: where `last` stands, and what is known of the best weights.

    Attributes:
        done: share of the budget that is used up.
        step: optimiser steps.
        seconds: of training alone; validation and saving do not count.
        samples: number of training images.
        best: scores of the best weights, by name.
        confidence: the score above which detections of the best weights are most often right (largest F1).
    """

    done: float = 0.0
    step: int = 0
    seconds: float = 0.0
    samples: int = 0
    best: dict[str, float] = field(default_factory=dict)
    confidence: float = 0.25

    def save(self, run: Path) -> None:
        """Write it, whole or not at all."""
        write_atomically(run / "progress.json", (json.dumps(asdict(self), indent=1) + "\n").encode())


def begin(recipe: Recipe, run: Path) -> Progress:
    """Claim a run directory for a recipe, and say how far the run in it got.

    Raises:
        DistillError: it holds a run of another recipe.
    """
    run.mkdir(parents=True, exist_ok=True)
    path = run / "recipe.yaml"
    if path.exists():
        ours, theirs = recipe.model_dump(mode="json"), recipes.load(path).model_dump(mode="json")
        changed = [k for k in ours if ours[k] != theirs[k] and k not in _ADJUSTABLE]
        if changed:
            raise DistillError(
                f"{run}: holds a run of another recipe ({', '.join(changed)} differ); choose another --out"
            )
    write_atomically(path, recipes.dump(recipe).encode())
    return read_progress(run)


def read_progress(run: Path) -> Progress:
    """The progress of a run; that of the start when there is none yet."""
    path = run / "progress.json"
    return Progress(**json.loads(path.read_text())) if path.exists() else Progress()
