"""What a family of students must offer: its names, its licence, a way to train and a way to export."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from afss_ros.distill.export.to_onnx import ExportOptions
from afss_ros.distill.recipe import Recipe
from afss_ros.distill.training.loop import Report


@dataclass(frozen=True)
class Outcome:
    """How a training ended: optimiser steps, scores of the weights that were kept, number of training images."""

    step: int
    samples: int
    metrics: dict[str, float] = field(default_factory=dict)


class Family(Protocol):
    """Students that one library trains. Its module is imported before anybody wants it: that library comes later.

    Attributes:
        name: of the family.
        licence: SPDX name, of the code that trains and of the weights that come out.
        students: the names that a recipe may ask for.
    """

    @property
    def name(self) -> str: ...

    @property
    def licence(self) -> str: ...

    @property
    def students(self) -> tuple[str, ...]: ...

    def train(self, recipe: Recipe, run: Path, report: Report | None, *, device: str) -> Outcome:
        """Train, or continue, the run in directory `run`, and leave `recipe.yaml` and the best weights there.

        Raises:
            DistillError: the run belongs to another recipe, the recipe cannot be carried out, or the library is
                missing.
            DatasetError: a data set cannot be read.
        """

    def export(self, run: Path, out: Path, options: ExportOptions) -> Path:
        """Write the best weights of a run as a student that keeps the contract, and return `out`.

        Raises:
            DistillError: the run has no weights, ONNX Runtime and torch disagree, or the library is missing.
            ContractError: the graph breaks the student contract.
        """
