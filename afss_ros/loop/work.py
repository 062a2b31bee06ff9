"""What the steps of a loop do, each in the folder that it is given; returns plain JSON values for its `done.json`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from afss_ros import datasets
from afss_ros.distill import families
from afss_ros.distill.export.to_onnx import ExportOptions
from afss_ros.distill.recipe import Recipe
from afss_ros.distill.selection import Selection
from afss_ros.distill.selection import select as select_from
from afss_ros.labelling.assemble import assemble
from afss_ros.labelling.settings import LabelSettings
from afss_ros.loop import judge
from afss_ros.loop.config import LoopConfig, PicturesConfig, RenderConfig
from afss_ros.loop.pictures import divide
from afss_ros.loop.recordings import render, write_truth
from afss_ros.teacher.models.checkpoints import Access

_LOG = logging.getLogger(__name__)


def render_recordings(config: RenderConfig, folder: Path, *, judged: bool) -> dict[str, Any]:
    """Recordings to learn from; where they are `judged`, those of other craft too, as the set `truth`."""
    bags = render(config, folder, "train", config.recordings, config.frames)
    frames = 0
    if judged:
        held_out = render(config, folder, "test", config.held_out, config.held_out_frames or config.frames)
        frames = write_truth(held_out, folder / "truth")
    return {"recordings": [bag.name for bag in bags], "held_out_frames": frames}


def divide_pictures(config: PicturesConfig, folder: Path) -> dict[str, Any]:
    """See `pictures.divide`."""
    groups, held_out = divide(config, folder)
    return {"recordings": [group.name for group in groups], "held_out_frames": held_out}


def select(sets: Sequence[Path], against: Sequence[Path], settings: Selection, folder: Path) -> dict[str, Any]:
    """Select from labelled sets into `set`."""
    usable = [(s, i) for i, s in enumerate(sets) if len(datasets.load(s))]
    for path in sorted(set(sets) - {s for s, _ in usable}):
        _LOG.warning("%s: nothing was labelled in it", path)
    held = [against[i] for _, i in usable] if against else []
    selected = select_from([s for s, _ in usable], folder / "set", settings, against=held)
    return {"by_reason": selected.by_reason, "by_split": selected.by_split}


def train(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """Train with whatever family knows the student, into `run`."""
    outcome = families.train(recipe, folder / "run")
    return {"step": outcome.step, "metrics": outcome.metrics, "samples": outcome.samples}


def export(config: LoopConfig, run: Path, out: Path) -> dict[str, Any]:
    """Export the run's best weights."""
    size = config.export.size
    unlearned = config.export.allow_unlearned
    options = ExportOptions((size, size), config.export.labels_stride, allow_unlearned=unlearned)
    return {"student": families.export(run, out, options).name}


def judge_teacher(settings: LabelSettings, truth: Path, folder: Path, name: str) -> dict[str, Any]:
    """Figures of a teacher on the set `truth`."""
    teacher = assemble(settings, Access())
    unit = settings.video.chunk if teacher.propagator is not None else settings.batch
    return _keep(judge.judge_teacher(teacher, datasets.load(truth), unit, name), folder)


def judge_student(model: Path, truth: Path, folder: Path, name: str, *, whole_only: bool) -> dict[str, Any]:
    """Figures of a student on the set `truth`."""
    return _keep(judge.judge_student(model, datasets.load(truth), name, whole_only=whole_only), folder)


def _keep(judged: judge.Judged, folder: Path) -> dict[str, Any]:
    judge.write_objects(folder / judge.OBJECTS, judged.objects)
    return judged.document
