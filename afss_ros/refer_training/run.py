"""A run on disk: all that its next step depends on, written whole or not at all."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from afss_ros.refer.errors import ReferError
from afss_ros.refer.vocabulary import Vocabulary
from afss_ros.refer_training.network import ReferNetwork
from afss_ros.refer_training.recipe import Recipe, parse
from afss_ros.refer_training.saved import read, write
from afss_ros.refer_training.sight import Foundation

LAST, BEST = "last.pt", "best.pt"


@dataclass
class Run:
    """All that the next step depends on."""

    recipe: Recipe
    nouns: tuple[str, ...]
    vocabulary: Vocabulary
    network: ReferNetwork
    optimiser: torch.optim.Optimizer
    data: str
    part: str = "eyes"
    step: int = 0
    foundation: Foundation | None = None
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def steps(self) -> int:
        return self.recipe.eyes.steps if self.part == "eyes" else self.recipe.reader.steps

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        write(
            path,
            {
                "recipe": self.recipe.model_dump(mode="json"),
                "nouns": list(self.nouns),
                "vocabulary": self.vocabulary.to_json(),
                "network": self.network.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "data": self.data,
                "part": self.part,
                "step": self.step,
                "history": self.history,
                "foundation": None if self.foundation is None else asdict(self.foundation),
            },
        )


def load(path: Path) -> dict[str, Any]:
    """What `Run.save` wrote.

    Raises:
        ReferError: it is missing or broken.
    """
    return read(path, {"recipe", "network", "vocabulary", "nouns"}, "referring network", "train")


def fill(network: ReferNetwork, saved: dict[str, Any], path: Path) -> None:
    """Put saved weights into a network.

    Raises:
        ReferError: they are of a network of another form.
    """
    try:
        network.load_state_dict(saved["network"])
    except RuntimeError as err:
        raise ReferError(f"{path}: weights of another version of this network; train it again") from err


def founded(saved: dict[str, Any], path: Path) -> Foundation | None:
    """The student that saved eyes stand on.

    Raises:
        ReferError: what is said of it is none.
    """
    told = saved.get("foundation")  # runs from before there was one have none
    if told is None:
        return None
    try:
        return Foundation(**{**told, "mean": tuple(told["mean"]), "std": tuple(told["std"])})
    except (TypeError, KeyError) as err:
        raise ReferError(f"{path}: says nothing of the student that its eyes stand on ({err}); train it again") from err


def restored(path: Path) -> tuple[ReferNetwork, tuple[str, ...], Vocabulary, Recipe, dict[str, Any]]:
    """A trained network in evaluation mode, its names, words and recipe, and all that was saved with it.

    Raises:
        ReferError: see `load`.
    """
    saved = load(path)
    recipe = parse(saved["recipe"], str(path))
    vocabulary, nouns = Vocabulary.from_json(saved["vocabulary"]), tuple(saved["nouns"])
    network = ReferNetwork(recipe, nouns, vocabulary, founded(saved, path))
    fill(network, saved, path)
    return network.eval(), nouns, vocabulary, recipe, saved
