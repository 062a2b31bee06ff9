"""Ultralytics' trainer under a recipe's budget and schedule. Importing this module imports ultralytics (AGPL-3.0).

Its own trainer counts in epochs: learning rate, validation, checkpoints, and, with a time limit, what an epoch costs.
A budget for two cores is a few epochs long, which is too coarse for all of these; here they follow the share of the
budget that is used up, as in our own training. Losses, augmentation, optimiser and validation are ultralytics'.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from ultralytics.models.yolo.segment import SegmentationTrainer

from afss_ros.distill.families.instances import CLASSES
from afss_ros.distill.families.run_directory import Progress
from afss_ros.distill.families.yolo import FIXED
from afss_ros.distill.families.yolo.data import YoloSet
from afss_ros.distill.recipe import Recipe
from afss_ros.distill.training import loop as training
from afss_ros.distill.training import schedule

_MOSAIC = 0.85  # share of the budget after which pictures are no longer put together from four


class YoloTrainer(SegmentationTrainer):  # type: ignore[misc]
    """One run; `train()` does it, or the rest of it.

    Args:
        recipe: budget, schedule and how often to validate; the rest is in `overrides`.
        run: its directory.
        data: the set.
        progress: where the run stands.
        report: told after every batch.
        overrides: arguments of ultralytics.
    """

    def __init__(
        self,
        recipe: Recipe,
        run: Path,
        data: YoloSet,
        progress: Progress,
        report: training.Report,
        overrides: dict[str, Any],
    ) -> None:
        self.recipe, self.run, self.yolo_set, self.progress, self.report = recipe, run, data, progress, report
        self.last: Path
        self.best: Path
        self._steps_per_epoch = max(1, data.samples // recipe.batch)
        self._ends_at = 0
        self._since = 0.0
        self._recent: list[float] = []
        threads = torch.get_num_threads()
        super().__init__(overrides={**overrides, **FIXED})
        # Ultralytics leaves a core to its loader processes, of which it starts none on a CPU.
        torch.set_num_threads(threads)
        self.add_callback("on_train_epoch_start", YoloTrainer._begin_round)
        self.add_callback("on_train_batch_start", YoloTrainer._set_rate)
        self.add_callback("on_train_batch_end", YoloTrainer._count)
        self.add_callback("on_train_epoch_end", YoloTrainer._end_round)

    def get_dataset(self) -> dict[str, Any]:
        """The set, without ultralytics' search for it, which ends in downloads."""
        names = dict(enumerate(CLASSES))
        train, validation = str(self.yolo_set.train), str(self.yolo_set.validation)
        return {"train": train, "val": validation, "names": names, "nc": len(names), "channels": 3}

    def _begin_round(self) -> None:
        """What ultralytics takes for an epoch ends at the next validation."""
        every = max(1, round(self.recipe.validate_every * self._steps_per_epoch))
        self._ends_at = (self.progress.step // every + 1) * every
        if self.progress.done > _MOSAIC:
            self.args.close_mosaic = self.epochs
        self._since = time.perf_counter()

    def _set_rate(self) -> None:
        options = self.recipe.optimiser
        factor = schedule.rate(self.progress.done, warmup=options.warmup, floor=options.floor)
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor

    def _count(self) -> None:
        now = time.perf_counter()
        taken, self._since = now - self._since, now
        progress = self.progress
        progress.step += 1
        progress.seconds += taken
        progress.done = schedule.progress(
            self.recipe.budget, step=progress.step, steps_per_epoch=self._steps_per_epoch, seconds=progress.seconds
        )
        self._recent = [*self._recent[-49:], float(self.loss.detach()) / self.recipe.batch]
        loss = sum(self._recent) / len(self._recent)
        self.report(training.Progress(progress.done, progress.step, loss, self.recipe.batch / taken, progress.best))
        self.stop = progress.done >= 1 or progress.step >= self._ends_at

    def _end_round(self) -> None:
        self.stop = self.progress.done >= 1

    def save_model(self) -> bool:
        """Write `last` and, if it is better than all before, `best`; each whole or not at all."""
        if self.best_fitness == self.fitness:
            self.progress.best, self.progress.confidence = self._scores()
        targets: tuple[Path, Path] = (self.last, self.best)
        self.last, self.best = (path.with_name(f".{path.name}") for path in targets)
        try:
            super().save_model()
            for written, path in zip((self.last, self.best), targets, strict=True):
                if written.exists():
                    written.replace(path)
        finally:
            self.last, self.best = targets
        self.progress.save(self.run)
        return True

    def final_eval(self) -> None:
        """Nothing: the best weights were validated when they were saved."""

    def _scores(self) -> tuple[dict[str, float], float]:
        """Box and mask AP over all classes, and the confidence with the best F1 of masks, as ultralytics reports it."""
        found = self.validator.metrics
        scores = {"box_ap": found.box.map, "box_ap50": found.box.map50, "mask_ap": found.seg.map}
        curve = found.seg.f1_curve  # (classes, confidences), or [] before anything was found
        confidence = float(found.seg.px[curve.mean(0).argmax()]) if len(curve) else 0.25
        return {name: float(value) for name, value in scores.items()}, confidence
