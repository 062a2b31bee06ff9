"""YOLO11 and YOLO26 instance segmentation, trained by ultralytics (AGPL-3.0), which is optional.

Whoever installs ultralytics to train one of these takes its licence on, for the weights as well; this package calls it
and has none of its code.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afss_ros.distill import recipe as recipes
from afss_ros.distill.errors import DistillError
from afss_ros.distill.export import lineage
from afss_ros.distill.export.to_onnx import ExportOptions
from afss_ros.distill.families import run_directory
from afss_ros.distill.families.family import Outcome
from afss_ros.distill.families.instances import require_parts
from afss_ros.distill.families.yolo import data
from afss_ros.distill.families.yolo.library import LICENCE, ultralytics
from afss_ros.distill.recipe import Recipe
from afss_ros.distill.training.loop import Report
from afss_ros.threads import limited

_SIZES = ("n", "s", "m", "l", "x")
_ENDLESS = 1_000_000
FIXED = {
    "task": "segment",
    "mode": "train",
    "epochs": _ENDLESS,
    "patience": _ENDLESS,
    "close_mosaic": 1,
    "time": None,
    "warmup_epochs": 0.0,
    "exist_ok": True,
    "verbose": False,
    "plots": False,
    "val": True,
    "save": True,
    "deterministic": False,
    # Otherwise the parts would be cut out of the craft that they belong to.
    "overlap_mask": False,
}
"""Arguments of ultralytics that a recipe's `student.options` cannot change; `YoloTrainer` sees to budget and rate."""
_FREE = {"nbs", "fliplr", "flipud", "degrees", "max_det", "optimizer", "lr0", "momentum"}


@dataclass(frozen=True)
class Yolo:
    """The family; it has no state."""

    name: str = "yolo"
    licence: str = LICENCE
    students: tuple[str, ...] = tuple(f"yolo{version}{size}-seg" for version in (11, 26) for size in _SIZES)

    def train(self, recipe: Recipe, run: Path, report: Report | None, *, device: str) -> Outcome:
        """See `Family.train`. Of a recipe, `loss`, `distillation` and the optimiser's rates have no effect."""
        require_parts(recipe)
        progress = run_directory.begin(recipe, run)
        if progress.done < 1:
            with limited(), ultralytics(run):
                from afss_ros.distill.families.yolo.trainer import YoloTrainer

                yolo_set = data.write(recipe.data, run / "data")
                progress.samples = yolo_set.samples
                overrides = arguments(recipe, run, device)
                trainer = YoloTrainer(recipe, run, yolo_set, progress, report or (lambda _: None), overrides)
                trainer.train()
        return Outcome(progress.step, progress.samples, progress.best)

    def export(self, run: Path, out: Path, options: ExportOptions) -> Path:
        """See `Family.export`."""
        with ultralytics(run):
            from afss_ros.distill.families.yolo.export import export

            return export(run, out, options)


def arguments(recipe: Recipe, run: Path, device: str) -> dict[str, Any]:
    """The arguments of ultralytics that a recipe stands for.

    Raises:
        DistillError: `student.options` holds one that the recipe decides.
    """
    chosen: dict[str, Any] = {
        "model": f"{recipe.student.name}.yaml",
        "pretrained": False,
        "imgsz": recipe.data.size,
        "batch": recipe.batch,
        "nbs": recipe.batch,
        "workers": recipe.data.workers,
        "seed": recipe.seed,
        "device": ultralytics_device(device),
        "amp": {"auto": "bf16", "fp32": False, "bf16": "bf16", "fp16": True}[recipe.precision],
        "project": str(run.resolve()),
        "name": "ultralytics",
        "fliplr": 0.5,
        "flipud": 0.5 if recipe.augment.rotate else 0.0,
        "degrees": recipe.augment.tilt_degrees,
        "max_det": 100,
        # What ultralytics chooses for trainings of up to 10,000 steps and four classes.
        "optimizer": "AdamW",
        "lr0": 0.00125,
        "momentum": 0.9,
    }
    if chosen["device"] == "cpu":
        chosen["amp"] = False
    if recipe.student.initial is not None:
        chosen["pretrained"] = str(weights(recipe.student.initial))
    if (last := run / "ultralytics/weights/last.pt").exists():
        chosen |= {"model": str(last), "resume": str(last)}
    if taken := sorted(set(recipe.student.options) & (set(chosen) - _FREE | set(FIXED))):
        raise DistillError(f"student.options: {', '.join(taken)} cannot be set there; the recipe decides")
    return chosen | recipe.student.options


def weights(run: Path) -> Path:
    """The best weights of a run.

    Raises:
        DistillError: there are none.
    """
    path = run / "ultralytics/weights/best.pt"
    if not path.exists():
        raise DistillError(f"{path}: missing; is {run} a run of `afss train` with a YOLO student?")
    return path


def seen(run: Path) -> str:
    """What the weights of a run have seen, the runs that they started from included.

    Raises:
        OSError, DistillError: it is no run.
    """
    samples = run_directory.read_progress(run).samples
    return lineage.described(samples, recipes.load(run / "recipe.yaml"), lineage.NOISE, seen)


def ultralytics_device(device: str) -> str:
    """A device in ultralytics' words: "cpu", or the number of a GPU.

    >>> ultralytics_device("cuda:1")
    '1'
    """
    import torch

    if device == "auto":
        return "0" if torch.cuda.is_available() else "cpu"
    return device.removeprefix("cuda").removeprefix(":") or ("0" if device == "cuda" else device)
