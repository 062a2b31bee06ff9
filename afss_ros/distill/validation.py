"""One pass over the validation images: scores, and the label maps of the few that are always shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

from afss_ros import datasets
from afss_ros.distill import precision
from afss_ros.distill.data import validation_example
from afss_ros.distill.models import Network
from afss_ros.distill.normalisation import Normalise
from afss_ros.evaluation.detection import box_iou
from afss_ros.evaluation.metrics import CLASSES, MEAN_PARTS, confusion, iou


class Shown(NamedTuple):
    """A validation image as people look at it: uint8 (H, W, 3), and truth and prediction uint8 (H, W)."""

    image: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    predicted: NDArray[np.uint8]


@torch.inference_mode()
def validate(
    network: Network,
    normalise: Normalise,
    samples: Sequence[datasets.Sample],
    *,
    size: int,
    dtype: torch.dtype,
    shown: int = 12,
) -> tuple[dict[str, float], list[Shown]]:
    """Score a network on whole images of `size`; label maps at full size, pooled over all pixels.

    Returns:
        Scores (`whole_iou`, `body_iou`, ..., `box_iou_head`, `box_iou_mask` on the largest craft, and `score`, their
        summary that picks the best checkpoint: the mean of whole, body and panel IoU), and evenly spaced pictures.
    """
    device = normalise.mean.device
    network.eval()
    counts = np.zeros((5, 5), np.int64)
    by_head: list[float] = []
    by_mask: list[float] = []
    pictures: list[Shown] = []
    picked = set(np.linspace(0, len(samples) - 1, min(shown, len(samples))).round().astype(int).tolist())
    for index, sample in enumerate(samples):
        example = validation_example(sample, size)
        with precision.autocast(dtype, device):
            found = network(normalise(example["image"][None].to(device)))
        logits = F.interpolate(found.logits.float(), size=(size, size), mode="bilinear")
        predicted = logits.argmax(1)[0].to(torch.uint8).cpu().numpy()
        truth, box = example["labels"].numpy(), example["box"].numpy()
        counts += confusion(truth, predicted)
        if not np.isnan(box).any():
            by_mask.append(box_iou(_bounds(predicted > 0), box))
            if found.boxes is not None:
                by_head.append(box_iou(found.boxes[0].float().cpu().numpy(), box))
        if index in picked:
            pictures.append(Shown(example["image"].numpy(), truth, predicted))
    return _summary(counts, by_head, by_mask), pictures


def _summary(counts: NDArray[np.int64], by_head: list[float], by_mask: list[float]) -> dict[str, float]:
    by_class = {f"{name}_iou": float(iou(counts, ids)) for name, ids in CLASSES.items()}
    scores = {name: value for name, value in by_class.items() if np.isfinite(value)}
    parts = [scores[f"{name}_iou"] for name in MEAN_PARTS if f"{name}_iou" in scores]
    if parts:
        scores["mean_part_iou"] = float(np.mean(parts))
    if by_head:
        scores["box_iou_head"] = float(np.mean(by_head))
    if by_mask:
        scores["box_iou_mask"] = float(np.mean(by_mask))
    chosen = [scores[k] for k in ("whole_iou", "body_iou", "panel_iou") if k in scores]
    scores["score"] = float(np.mean(chosen or by_head or [0.0]))
    return scores


def _bounds(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The box around all true pixels (H, W), in 0..1 of the image; empty, at the corner, when there are none."""
    if not mask.any():
        return np.zeros(4, np.float32)
    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    height, width = mask.shape
    return np.array([xs[0] / width, ys[0] / height, (xs[-1] + 1) / width, (ys[-1] + 1) / height], np.float32)
