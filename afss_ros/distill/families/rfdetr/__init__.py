"""RF-DETR-Seg (Robinson et al., Roboflow, 2025): instances by a transformer, licensed as freely as this package.

Network and losses are rfdetr's (Apache-2.0); crops, schedule, averaging, checkpoints and resuming are our own training
loop's. Its backbone is a vision transformer of 20 million parameters that means little without its pretrained weights:
give the file of its authors as `student.options.weights`, or a very long training.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from afss_ros.distill.errors import DistillError
from afss_ros.distill.export import lineage
from afss_ros.distill.export.to_onnx import ExportOptions
from afss_ros.distill.families.family import Outcome
from afss_ros.distill.families.instances import require_parts
from afss_ros.distill.recipe import Recipe, StudentRecipe
from afss_ros.distill.training import loop as training
from afss_ros.distill.training.loop import Report

LICENCE = "Apache-2.0"
_RATE = 1e-4


def is_installed() -> bool:
    """Whether rfdetr can be imported, without importing it."""
    return find_spec("rfdetr") is not None


@dataclass(frozen=True)
class RfDetr:
    """The family; it has no state."""

    name: str = "rfdetr"
    licence: str = LICENCE
    students: tuple[str, ...] = ("rfdetr-seg-nano", "rfdetr-seg-small", "rfdetr-seg-medium")

    def train(self, recipe: Recipe, run: Path, report: Report | None, *, device: str) -> Outcome:
        """See `Family.train`. Of a recipe, `loss` and `distillation` have no effect, and the rate is `options.lr`.

        Ours are rates for small convolutional networks, at which a transformer diverges.
        """
        _require_rfdetr()
        require_parts(recipe)
        from afss_ros.distill.families.rfdetr.network import unit
        from afss_ros.distill.families.rfdetr.task import Instances

        for side, what in ((recipe.data.size, "data.size"), (recipe.data.validation_size, "data.validation_size")):
            require_multiple(side, unit(recipe.student), what)
        rate = float(recipe.student.options.get("lr", _RATE))
        optimiser = recipe.optimiser.model_copy(update={"lr": rate, "encoder_lr": None})
        trained = training.train(
            recipe.model_copy(update={"optimiser": optimiser}), run, report, device=device, task=Instances()
        )
        return Outcome(trained.step, trained.samples, trained.metrics)

    def export(self, run: Path, out: Path, options: ExportOptions) -> Path:
        """See `Family.export`."""
        _require_rfdetr()
        from afss_ros.distill.families.rfdetr.export import export

        return export(run, out, options)


def start(student: StudentRecipe) -> str:
    """What its weights begin with, in words."""
    weights = student.options.get("weights")
    return f"started from {Path(weights).name}" if weights is not None else lineage.NOISE


def require_multiple(side: int, unit: int, what: str) -> None:
    """Refuse a side that does not divide into windows of patches.

    Raises:
        DistillError: names `what`, and a side that would do.
    """
    if side % unit:
        near = max(1, round(side / unit)) * unit
        raise DistillError(f"this RF-DETR needs multiples of {unit}, got {side} for {what}; take {near}")


def _require_rfdetr() -> None:
    if not is_installed():
        raise DistillError("RF-DETR needs rfdetr, which is not installed; get it with `pip install rfdetr`")
