"""What the training loop leaves open: the network, the crops it learns from, its losses, and what it is judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

from afss_ros import datasets
from afss_ros.distill.data.batches import Example, training_example
from afss_ros.distill.data.normalisation import Normalise
from afss_ros.distill.losses import noise
from afss_ros.distill.losses import segmentation as losses
from afss_ros.distill.losses.boxes import box_losses
from afss_ros.distill.losses.partial import pooled, remembered
from afss_ros.distill.models import Network, Prediction, build, own_statistics
from afss_ros.distill.recipe import Recipe, StudentRecipe
from afss_ros.distill.training.validation import Shown, validate

Statistics = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation per channel, 8-bit counts."""


class Task(Protocol):
    """One kind of student. Loader processes get a pickled copy, so it holds no network."""

    @property
    def learns_label_maps(self) -> bool:
        """Whether its label maps come from those of the data: of parts that these do not tell, it learns nothing."""

    def build(self, student: StudentRecipe) -> nn.Module:
        """The network before its first step; parameters under `encoder.` get the encoder's learning rate.

        Raises:
            DistillError: there is no such student.
        """

    def own_statistics(self, student: StudentRecipe) -> Statistics | None:
        """The normalisation that the network's pretrained weights expect; None when there are none."""

    def example(self, rng: np.random.Generator, sample: datasets.Sample, recipe: Recipe) -> Mapping[str, Any]:
        """One training crop: `image` uint8 (H, W, 3), and whatever `losses` needs, of one shape for every sample.

        Raises:
            DatasetError: the sample cannot be read; it is skipped.
        """

    def losses(
        self, found: Any, batch: Mapping[str, Any], recipe: Recipe, soft: Tensor | None, before: Tensor | None
    ) -> dict[str, Tensor]:
        """Every loss of one batch, weighted, by name.

        Args:
            found: what the network said.
            batch: the examples, stacked.
            soft: logits of a teaching student, where the recipe has one.
            before: logits of the weights that the run goes on from, where they are wanted (see `remembered`).
        """

    def validate(
        self,
        network: nn.Module,
        normalise: Normalise,
        samples: Sequence[datasets.Sample],
        recipe: Recipe,
        dtype: torch.dtype,
    ) -> tuple[dict[str, float], list[Shown]]:
        """Scores, among them `score`, which picks the best weights, and a few pictures to look at."""


@dataclass(frozen=True)
class Segmentation:
    """Label maps, with boxes of craft and a name of the main one: any `models.Network`."""

    learns_label_maps = True

    def build(self, student: StudentRecipe) -> Network:
        """See `Task`."""
        return build(student)

    def own_statistics(self, student: StudentRecipe) -> Statistics | None:
        """See `Task`."""
        return own_statistics(student)

    def example(self, rng: np.random.Generator, sample: datasets.Sample, recipe: Recipe) -> Example:
        """See `Task`."""
        return training_example(rng, sample, recipe)

    def losses(
        self,
        found: Prediction,
        batch: Mapping[str, Any],
        recipe: Recipe,
        soft: Tensor | None = None,
        before: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """See `Task`."""
        weights, device = recipe.loss, found.logits.device
        weight = batch["weight"].to(device) if recipe.distillation.weight_by else None
        stride = weights.label_stride
        labels = batch["labels"][:, ::stride, ::stride].to(device).long()
        logits = F.interpolate(found.logits.float(), size=labels.shape[-2:], mode="bilinear")
        rest = batch["rest"].to(device)
        sure, decided = pooled(logits, labels, rest)
        terms = losses.segmentation_loss(sure, decided, weights, weight)
        terms |= noise.noise_losses(sure, decided, recipe.distillation, weight)
        terms |= noise.soft_losses(logits, recipe.distillation, soft)
        if before is not None:
            terms["remember"] = recipe.distillation.remember * remembered(logits, before, labels, rest)
        known = batch["known"].to(device)
        if found.boxes is not None:
            shape, quality = box_losses(found.boxes, batch["boxes"].to(device), known, weight)
            terms |= {"box": weights.box * shape, "presence": weights.presence * quality}
        if found.craft is not None:
            terms["craft"] = weights.craft * losses.craft_loss(found.craft.float(), batch["craft"].to(device))
        return terms

    def validate(
        self,
        network: nn.Module,
        normalise: Normalise,
        samples: Sequence[datasets.Sample],
        recipe: Recipe,
        dtype: torch.dtype,
    ) -> tuple[dict[str, float], list[Shown]]:
        """See `Task`."""
        return validate(
            network, normalise, samples, size=recipe.data.validation_size, dtype=dtype,
            tiled=recipe.data.validation_tiled, parts=recipe.student.parts,
        )  # fmt: skip
