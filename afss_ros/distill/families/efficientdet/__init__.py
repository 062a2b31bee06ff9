"""EfficientDet (Tan, Pang and Le, 2020): boxes of whole craft, and nothing else, at the least cost of all students.

The network, its anchors, their matching and its loss are those of effdet (Ross Wightman, Apache-2.0); crops, schedule,
averaging, checkpoints and resuming are our own training loop's.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from afss_ros.distill.errors import DistillError
from afss_ros.distill.export import lineage
from afss_ros.distill.export.to_onnx import ExportOptions
from afss_ros.distill.families.family import Outcome
from afss_ros.distill.recipe import Recipe, StudentRecipe
from afss_ros.distill.training import loop as training
from afss_ros.distill.training.loop import Report

LICENCE = "Apache-2.0"
STRIDE = 128
"""Of the coarsest level: sides that it divides make every level twice the next, and one network fits all of them."""


@dataclass(frozen=True)
class EfficientDet:
    """The family; it has no state."""

    name: str = "efficientdet"
    licence: str = LICENCE
    students: tuple[str, ...] = ("efficientdet-lite0",)

    def train(self, recipe: Recipe, run: Path, report: Report | None, *, device: str) -> Outcome:
        """See `Family.train`. Of a recipe, `loss`, `student.decoder` and the heads of label maps have no effect."""
        _require_effdet()
        for name in ("size", "validation_size"):
            require_stride(getattr(recipe.data, name), f"data.{name}")
        if recipe.distillation.teacher is not None:
            raise DistillError(f"{recipe.student.name} learns from boxes alone; set distillation.teacher to null")
        from afss_ros.distill.families.efficientdet.detection import Detection

        trained = training.train(recipe, run, report, device=device, task=Detection())
        return Outcome(trained.step, trained.samples, trained.metrics)

    def export(self, run: Path, out: Path, options: ExportOptions) -> Path:
        """See `Family.export`."""
        _require_effdet()
        for side in options.input_size:
            require_stride(side, "the input size")
        from afss_ros.distill.families.efficientdet.export import export

        return export(run, out, options)


def start(student: StudentRecipe) -> str:
    """What its weights begin with, in words."""
    return lineage.IMAGENET if student.encoder_weights else lineage.NOISE


def require_stride(side: int, what: str) -> None:
    """Refuse a side that the coarsest level does not divide.

    Raises:
        DistillError: names `what`, and a side that would do.
    """
    if side % STRIDE:
        near = max(1, round(side / STRIDE)) * STRIDE
        raise DistillError(f"EfficientDet needs multiples of {STRIDE}, got {side} for {what}; take {near}")


def _require_effdet() -> None:
    if find_spec("effdet") is None:
        raise DistillError("EfficientDet needs effdet, which is not installed; get it with `pip install effdet`")
