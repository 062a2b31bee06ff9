"""Which student is worth its cost: many, trained alike, exported, measured as they would fly, and compared."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from afss_ros.datasets.files import write_atomically
from afss_ros.distill import families
from afss_ros.distill.errors import DistillError
from afss_ros.distill.export.to_onnx import ExportOptions
from afss_ros.distill.recipe import Recipe
from afss_ros.distill.search import pareto
from afss_ros.evaluation import run as evaluation

_LOG = logging.getLogger(__name__)

GRID = (
    "fpn-efficientnet-lite0",
    "segformer-efficientnet-lite0",
    "unet-efficientnet-lite0",
    "deeplabv3plus-efficientnet-lite0",
    "fpn-mobilenetv4",
    "unet-mobilenetv4",
    "segformer-mit-b0",
    "fpn-mit-b0",
    "fpn-regnety-002",
)
"""The students that are compared when nobody names others."""


def search(
    recipe: Recipe,
    out: Path,
    students: Sequence[str] = GRID,
    *,
    input_size: int = 512,
    limit: int | None = None,
    provider: str = "cpu",
    device: str = "auto",
    told: Callable[[dict[str, Any]], None] = lambda result: None,
) -> list[dict[str, Any]]:
    """Train every student by the same recipe, then evaluate each exported file on the validation set.

    A search that was killed goes on where it was: finished students are read back, an unfinished run resumes.

    Args:
        recipe: data and budget of every run; its student's name is replaced.
        out: gets a run and an `.onnx` a student, `results.json`, `pareto.png` and `pareto.md`.
        students: names of any family, see `families.FAMILIES`.
        input_size: of the exported students, pixels.
        limit: evaluate on so many images only.
        provider: of ONNX Runtime.
        device: to train on.
        told: called with each finished student's figures.

    Raises:
        DistillError: no student could be trained.
    """
    data = recipe.data.validation or recipe.data.train
    if len(data) != 1:
        raise DistillError(
            f"a search evaluates on one set, but the recipe names {len(data)}; set data.validation to one"
        )
    results: list[dict[str, Any]] = []
    for name in students:
        try:
            result = _one(recipe, out, name, data[0], input_size, limit, provider, device)
        except DistillError as err:
            _LOG.warning("%s is left out: %s", name, err)
            continue
        results.append(result)
        told(result)
        _write(out, results)
    if not results:
        raise DistillError(f"not one of {', '.join(students)} could be trained")
    return results


def _one(
    recipe: Recipe, out: Path, name: str, data: Path, input_size: int, limit: int | None, provider: str, device: str
) -> dict[str, Any]:
    run, student = out / name, out / f"{name}.onnx"
    figures = out / f"{name}.json"
    if figures.exists():
        known: dict[str, Any] = json.loads(figures.read_text())
        return known
    chosen = recipe.model_copy(update={"student": recipe.student.model_copy(update={"name": name})})
    families.train(chosen, run, device=device)
    families.export(run, student, ExportOptions((input_size, input_size), allow_unlearned=True))
    split = recipe.data.validation_split
    licence = families.find(name).licence
    result = {
        "student": name,
        "licence": licence,
        **evaluation.run(student, data, split=split, limit=limit, provider=provider),
    }
    evaluation.write_json(figures, result)
    return result


def _write(out: Path, results: Sequence[dict[str, Any]]) -> None:
    write_atomically(out / "results.json", json.dumps(list(results), indent=1).encode())
    write_atomically(out / "pareto.md", pareto.table(results).encode())
    pareto.draw(out / "pareto.png", results)
