"""Our own students: any decoder on any encoder, trained by `distill.training.loop`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from afss_ros.distill.errors import DistillError
from afss_ros.distill.export.to_onnx import ExportOptions
from afss_ros.distill.export.to_onnx import export as export_network
from afss_ros.distill.families.family import Outcome
from afss_ros.distill.models import known_students
from afss_ros.distill.recipe import Recipe
from afss_ros.distill.training import loop as training
from afss_ros.distill.training.loop import Report

ALIASES = {
    "segformer-b0": "segformer-mit-b0",
    "deeplabv3plus": "deeplabv3plus-mobilenetv4",
    "fpn": "fpn-mobilenetv4",
    "linknet": "linknet-mobilenetv4",
    "unet": "unet-mobilenetv4",
}
"""Names that people use for some of them."""


@dataclass(frozen=True)
class Networks:
    """The family; it has no state."""

    name: str = "networks"
    licence: str = "Apache-2.0"

    @property
    def students(self) -> tuple[str, ...]:
        """Every pair of decoder and encoder, and the aliases."""
        return (*ALIASES, *known_students())

    def train(self, recipe: Recipe, run: Path, report: Report | None, *, device: str) -> Outcome:
        """See `Family.train`; the run keeps the full name, never the alias."""
        if recipe.student.options:
            raise DistillError(
                f"student.options is for students of other libraries; {recipe.student.name} has no use for"
                f" {', '.join(recipe.student.options)}"
            )
        name = ALIASES.get(recipe.student.name, recipe.student.name)
        chosen = recipe.model_copy(update={"student": recipe.student.model_copy(update={"name": name})})
        trained = training.train(chosen, run, report, device=device)
        return Outcome(trained.step, trained.samples, trained.metrics)

    def export(self, run: Path, out: Path, options: ExportOptions) -> Path:
        """See `Family.export`."""
        return export_network(run, out, options)
