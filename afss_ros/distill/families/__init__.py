"""Every family of students behind one door: a recipe's `student.name` decides who trains and who exports."""

from __future__ import annotations

from pathlib import Path

from afss_ros.distill import recipe as recipes
from afss_ros.distill.data.validation_sets import settled
from afss_ros.distill.errors import DistillError
from afss_ros.distill.export.to_onnx import ExportOptions
from afss_ros.distill.families.efficientdet import EfficientDet
from afss_ros.distill.families.family import Family, Outcome
from afss_ros.distill.families.networks import Networks
from afss_ros.distill.families.rfdetr import RfDetr
from afss_ros.distill.families.yolo import Yolo
from afss_ros.distill.recipe import Recipe
from afss_ros.distill.training.conditions import alone
from afss_ros.distill.training.loop import Report
from afss_ros.distill.training.processes import Place

__all__ = ["FAMILIES", "Family", "Outcome", "export", "family_of", "find", "train"]

FAMILIES: tuple[Family, ...] = (Networks(), EfficientDet(), Yolo(), RfDetr())
"""All of them. Adding one is a line here."""


def find(name: str) -> Family:
    """The family that knows a student's name.

    Raises:
        DistillError: none does; lists all names.
    """
    for family in FAMILIES:
        if name in family.students:
            return family
    known = "\n".join(f"  {f.name} ({f.licence}): {', '.join(f.students)}" for f in FAMILIES)
    raise DistillError(f"student {name!r} is unknown; there are\n{known}")


def train(recipe: Recipe, run: Path, report: Report | None = None, *, device: str = "auto") -> Outcome:
    """Train, or continue, the run in directory `run` with the family that knows the recipe's student.

    Raises:
        DistillError, DatasetError: see `Family.train`.
    """
    family, chosen = find(recipe.student.name), settled(recipe)
    if not Place.of(device).writes:
        return family.train(chosen, run, report, device=device)
    with alone(run):
        return family.train(chosen, run, report, device=device)


def export(run: Path, out: Path, options: ExportOptions | None = None) -> Path:
    """Write the best weights of a run, whoever trained it, as a student.

    Raises:
        DistillError, ContractError: see `Family.export`.
    """
    return family_of(run).export(run, out, options or ExportOptions())


def family_of(run: Path) -> Family:
    """The family that trained a run.

    Raises:
        DistillError: `run` is no run of `afss train`.
    """
    if run.is_file():  # a `best.pt` by itself: only our own networks have one
        return FAMILIES[0]
    path = run / "recipe.yaml"
    try:
        recipe = recipes.load(path)
    except FileNotFoundError as err:
        raise DistillError(f"{path}: missing; is {path.parent} a run of `afss train`?") from err
    return find(recipe.student.name)
