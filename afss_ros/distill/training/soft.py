"""A trained student as the teacher of another: its logits for the very crops that the other one learns from."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from afss_ros.distill.data.normalisation import Normalise
from afss_ros.distill.models import build
from afss_ros.distill.recipe import Recipe
from afss_ros.distill.training import checkpoint, precision


class SoftTeacher:
    """The best (averaged) weights of a run, with that run's own normalisation."""

    def __init__(self, run: Path, device: torch.device) -> None:
        """Load them.

        Raises:
            DistillError: the run has none.
        """
        trained = checkpoint.load_best(run)
        # The weights come from the run: asking for pretrained ones again would need a network.
        student = trained.parsed_recipe().student.model_copy(update={"encoder_weights": None})
        network = build(student)
        network.load_state_dict(trained.weights)
        layout = torch.channels_last
        self._network = network.eval().requires_grad_(False).to(device, memory_format=layout)  # type: ignore[call-overload]
        self._normalise = Normalise(tuple(trained.mean), tuple(trained.std)).to(device)
        self._device = device

    @classmethod
    def of(cls, recipe: Recipe, device: torch.device) -> SoftTeacher | None:
        """The teacher that a recipe asks for; None when it asks for none."""
        options = recipe.distillation
        return cls(options.teacher, device) if options.teacher is not None and options.soft else None

    @classmethod
    def before(cls, recipe: Recipe, device: torch.device) -> SoftTeacher | None:
        """The weights that a run goes on from, where the recipe wants them remembered and they know every part."""
        initial = recipe.student.initial
        if initial is None or not recipe.distillation.remember or checkpoint.load_best(initial).unlearned:
            return None
        return cls(initial, device)

    @torch.no_grad()
    def __call__(self, image: Tensor, dtype: torch.dtype) -> Tensor:
        """Images uint8 (B, H, W, 3) to logits float (B, C, h, w)."""
        with precision.autocast(dtype, self._device):
            found = self._network(self._normalise(image.to(self._device)))
        logits: Tensor = found.logits.float()
        return logits
