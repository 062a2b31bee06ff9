"""Losses on label maps and names, and the overlap of boxes: pure functions of tensors; pixels labelled 255 never count.

`logits` are float (B, C, H, W), `labels` int64 (B, H, W) of 0..C-1 or 255. Every function returns a scalar.
`weight`, where there is one, is float (B,): how much each image counts beside the others.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows it by
from torch import Tensor

from afss_ros.distill.recipe import LossRecipe
from afss_ros.labels import BACKGROUND, UNLABELLED

_SMALL, _MOST = 0.05, 8.0
_BESIDE = 4


def dice_loss(logits: Tensor, labels: Tensor, weight: Tensor | None = None, *, smooth: float = 1.0) -> Tensor:
    """Soft Dice of the foreground classes over the whole batch (Milletari et al., 2016), averaged over those present.

    Pooled over the batch and not per image: a craft of 20 pixels beside one of 20,000 would swing a per-image Dice.
    """
    classes = logits.shape[1]
    known = (labels != UNLABELLED).unsqueeze(1)
    counts = known if weight is None else known * weight[:, None, None, None]
    truth = F.one_hot(labels.clamp(max=classes - 1), classes).permute(0, 3, 1, 2) * known
    chance = logits.softmax(1) * known
    overlap = (chance * truth * counts).sum((0, 2, 3))[1:]
    total = ((chance + truth) * counts).sum((0, 2, 3))[1:]
    present = (truth.sum((0, 2, 3))[1:] > 0).to(logits.dtype)
    dice = (2 * overlap + smooth) / (total + smooth)
    return ((1 - dice) * present).sum() / present.sum().clamp(min=1)


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    class_weights: tuple[float, ...] = (),
    weight: Tensor | None = None,
    emphasis: Tensor | None = None,
) -> Tensor:
    """Pixelwise cross-entropy, averaged over labelled pixels; 0 where no pixel is labelled.

    Args:
        emphasis: float (B, H, W), how many times a pixel's loss counts, without counting as more pixels.
    """
    weights = logits.new_tensor(class_weights) if class_weights else None
    if weight is None and emphasis is None:
        total = F.cross_entropy(logits, labels, weight=weights, ignore_index=UNLABELLED, reduction="sum")
        return total / (labels != UNLABELLED).sum().clamp(min=1)
    each = F.cross_entropy(logits, labels, weight=weights, ignore_index=UNLABELLED, reduction="none")
    return weighted_mean(each if emphasis is None else each * emphasis, labels, weight)


def small_craft_emphasis(labels: Tensor, exponent: float) -> Tensor:
    """How many times the pixels of a small craft, and those beside it, count: float (B, H, W), 1 elsewhere.

    By pixels, a craft of ten to a side is a thousandth of one that fills a third of the crop, and as little worth
    learning. (5 % / share of the image that is craft) ** exponent, from 1 to 8: 0 counts pixels, 1 craft.
    """
    craft = (labels != BACKGROUND) & (labels != UNLABELLED)
    share = craft.float().mean((1, 2)).clamp(min=1e-6)
    times = (_SMALL / share).pow(exponent).clamp(1.0, _MOST)
    near = F.max_pool2d(craft.float().unsqueeze(1), 2 * _BESIDE + 1, 1, _BESIDE).squeeze(1)
    return 1 + near * (times - 1)[:, None, None]


def false_alarm_emphasis(logits: Tensor, labels: Tensor, most: float) -> Tensor:
    """How many times pixels of background count: 1 where a student sees none of a craft, 1 + `most` where it is sure.

    Hard negatives are rare: on most of a planet any student is right, and the mean over its pixels hides the patch that
    became a detection. The chance of craft is taken as it is; no gradient runs through it. Float (B, H, W), 1 on craft.
    """
    seen = 1 - logits.detach().softmax(1)[:, BACKGROUND]
    return 1 + most * seen * (labels == BACKGROUND)


def lovasz_softmax(logits: Tensor, labels: Tensor, weight: Tensor | None = None) -> Tensor:
    """Lovász-softmax (Berman, Rannen Triki and Blaschko, CVPR 2018) over the batch, averaged over the classes present.

    The surrogate of 1 - IoU, an image's pixels counting `weight` times in intersection and union: weight 2 is the image
    seen twice, weight 0 an image that is not there. 0 where no pixel is labelled.
    """
    counts = torch.ones_like(labels, dtype=logits.dtype)
    if weight is not None:
        counts = counts * weight[:, None, None]
    used = (labels != UNLABELLED) & (counts > 0)
    chance, truth, counts = logits.softmax(1).permute(0, 2, 3, 1)[used], labels[used], counts[used]
    terms = []
    for label in torch.unique(truth).tolist():
        is_it = (truth == label).to(chance.dtype)
        error, order = (is_it - chance[:, label]).abs().sort(descending=True)
        is_it, count = is_it[order], counts[order]
        # The loss (1 - IoU) if the n worst pixels are wrong and all others right, for every n; its steps are the slope.
        inside, outside = (count * is_it).cumsum(0), (count * (1 - is_it)).cumsum(0)
        loss = 1 - (inside[-1] - inside) / (inside[-1] + outside)
        terms.append((error * loss.diff(prepend=loss.new_zeros(1))).sum())
    return torch.stack(terms).mean() if terms else logits.sum() * 0


def weighted_mean(each: Tensor, labels: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean of `each` (B, H, W) over labelled pixels, an image counting `weight` times; 0 where nothing counts."""
    counts = (labels != UNLABELLED).to(each.dtype)
    if weight is not None:
        counts = counts * weight[:, None, None]
    return (each * counts).sum() / counts.sum().clamp(min=1e-6)


def boundary_band(labels: Tensor, width: int = 2) -> Tensor:
    """Where another label lies within `width` pixels: bool (B, H, W). Unlabelled neighbours make no boundary."""
    high = labels.where(labels != UNLABELLED, labels.new_tensor(0)).float().unsqueeze(1)
    side = 2 * width + 1
    largest = F.max_pool2d(high, side, 1, width)
    smallest = -F.max_pool2d(-high, side, 1, width)
    return ((largest != smallest).squeeze(1)) & (labels != UNLABELLED)


def boundary_loss(logits: Tensor, labels: Tensor, width: int = 2, weight: Tensor | None = None) -> Tensor:
    """Cross-entropy on the pixels near a change of label, where a small network loses its intersection over union."""
    band = boundary_band(labels, width)
    return cross_entropy(logits, labels.where(band, labels.new_tensor(UNLABELLED)), weight=weight)


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of paired boxes float (N, 4) xyxy: float (N,), 0..1."""
    overlap, union = _overlap_and_union(a, b)
    return overlap / (union + torch.finfo(a.dtype).eps)


def giou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised IoU of paired boxes float (N, 4) xyxy (Rezatofighi et al., 2019): float (N,), -1..1."""
    overlap, union = _overlap_and_union(a, b)
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).clamp(min=0).prod(1)
    tiny = torch.finfo(a.dtype).eps
    return overlap / (union + tiny) - (hull - union) / (hull + tiny)


def _overlap_and_union(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    overlap = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(1)
    area = (a[:, 2:] - a[:, :2]).clamp(min=0).prod(1) + (b[:, 2:] - b[:, :2]).clamp(min=0).prod(1)
    return overlap, area - overlap


def craft_loss(logits: Tensor, craft: Tensor) -> Tensor:
    """Cross-entropy of the craft's name, logits (B, K) against int64 (B,); -1 is unknown and does not count."""
    total = F.cross_entropy(logits, craft, ignore_index=-1, reduction="sum")
    return total / (craft >= 0).sum().clamp(min=1)


def segmentation_loss(
    logits: Tensor, labels: Tensor, weights: LossRecipe, weight: Tensor | None = None
) -> dict[str, Tensor]:
    """The weighted segmentation losses that are switched on, by name."""
    out: dict[str, Tensor] = {}
    if weights.cross_entropy:
        emphasis = small_craft_emphasis(labels, weights.small_craft) if weights.small_craft else None
        if weights.false_alarms:
            alarming = false_alarm_emphasis(logits, labels, weights.false_alarms)
            emphasis = alarming if emphasis is None else emphasis * alarming
        out["cross_entropy"] = weights.cross_entropy * cross_entropy(
            logits, labels, weights.class_weights, weight, emphasis
        )
    if weights.dice:
        out["dice"] = weights.dice * dice_loss(logits, labels, weight)
    if weights.lovasz:
        out["lovasz"] = weights.lovasz * lovasz_softmax(logits, labels, weight)
    if weights.boundary:
        out["boundary"] = weights.boundary * boundary_loss(logits, labels, weight=weight)
    return out
