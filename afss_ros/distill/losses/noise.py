"""Losses for labels that may be wrong: each a pure function of tensors, as in `segmentation`."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 - the name everybody knows it by
from torch import Tensor

from afss_ros.distill.losses.segmentation import weighted_mean
from afss_ros.distill.recipe import DistillationRecipe
from afss_ros.labels import UNLABELLED


def generalised_cross_entropy(logits: Tensor, labels: Tensor, q: float, weight: Tensor | None = None) -> Tensor:
    """(1 - p^q) / q of the labelled class, averaged over labelled pixels (Zhang and Sabuncu, NeurIPS 2018).

    Between cross-entropy (q -> 0), which a wrong label can pull without bound, and the mean absolute error (q = 1),
    which forgives it and learns slowly.
    """
    chance = logits.softmax(1).gather(1, labels.where(labels != UNLABELLED, labels.new_tensor(0)).unsqueeze(1))
    # Away from 0, where the slope of p^q has no bound.
    each = (1 - chance.squeeze(1).clamp(min=1e-6) ** q) / q
    return weighted_mean(each, labels, weight)


def soft_targets(logits: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Divergence of a student's label probabilities from a teacher's, both softened (Hinton, Vinyals and Dean, 2015).

    Every pixel counts, also the unlabelled ones: the teacher has an opinion where nobody decided.

    Args:
        logits: float (B, C, H, W).
        teacher: float (B, C, h, w), logits; brought to the student's size.
        temperature: divides the logits; the square of it keeps the gradients' scale.
    """
    wanted = F.interpolate(teacher.to(logits.dtype), size=logits.shape[-2:], mode="bilinear")
    wanted = (wanted / temperature).log_softmax(1)
    found = (logits / temperature).log_softmax(1)
    return (wanted.exp() * (wanted - found)).sum(1).mean() * temperature**2


def noise_losses(
    logits: Tensor, labels: Tensor, recipe: DistillationRecipe, weight: Tensor | None = None
) -> dict[str, Tensor]:
    """The weighted loss of labels that is switched on, by name."""
    if not recipe.robust:
        return {}
    return {"robust": recipe.robust * generalised_cross_entropy(logits, labels, recipe.robust_q, weight)}


def soft_losses(logits: Tensor, recipe: DistillationRecipe, soft: Tensor | None) -> dict[str, Tensor]:
    """The weighted loss against a teacher's logits, by name, if there is one and it counts."""
    if soft is None or not recipe.soft:
        return {}
    return {"soft": recipe.soft * soft_targets(logits, soft, recipe.temperature)}
