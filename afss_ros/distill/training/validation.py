"""One pass over the validation images: scores, and the label maps of the few that are always shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

from afss_ros import datasets
from afss_ros.distill import tiled as tiles
from afss_ros.distill.data.batches import Example, native_example, validation_example
from afss_ros.distill.data.classes import ANY_PART, OPEN, PARTS, REST
from afss_ros.distill.data.normalisation import Normalise
from afss_ros.distill.training import precision
from afss_ros.evaluation.metrics.detection import box_iou
from afss_ros.evaluation.metrics.segmentation import CLASSES, MEAN_PARTS, Confusion, confusion, iou
from afss_ros.labels import SPACECRAFT, UNLABELLED
from afss_ros.spacing import evenly_spaced


class Shown(NamedTuple):
    """A validation image as people look at it: uint8 (H, W, 3), and truth and prediction uint8 (H, W)."""

    image: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    predicted: NDArray[np.uint8]


@torch.inference_mode()
def validate(
    network: nn.Module,
    normalise: Normalise,
    samples: Sequence[datasets.Sample],
    *,
    size: int,
    dtype: torch.dtype,
    shown: int = 12,
    tiled: bool = False,
    parts: Sequence[str] = PARTS,
) -> tuple[dict[str, float], list[Shown]]:
    """Score a network on whole images of `size`; label maps at full size, pooled over all pixels.

    Args:
        tiled: score it at the images' own size instead, by tiles of `size`; see `tiled.label_frame`.
        parts: names of the label ids 1, 2, ...

    Returns:
        Scores (`whole_iou`, `body_iou`, ..., `box_iou_head`, `box_iou_mask` on the largest craft, and `score`, their
        summary that picks the best checkpoint: the mean of whole, body and panel IoU, or of whole and every part in
        another table of parts), and evenly spaced pictures.
    """
    network.eval()
    counts = np.zeros((len(parts) + 2, len(parts) + 2), np.int64)  # the last row: craft of unknown part
    by_head: list[float] = []
    by_mask: list[float] = []
    pictures: list[Shown] = []
    picked = evenly_spaced(len(samples), shown)
    for index, sample in enumerate(samples):
        example = native_example(sample, parts) if tiled else validation_example(sample, size, parts)
        head: NDArray[np.float32] | None = None
        if tiled:
            predicted = tiles.label_frame(network, normalise, example["image"].numpy(), tile=size, dtype=dtype)
        else:
            predicted, head = _look(network, normalise, example, size, dtype)
        truth, box = example["labels"].numpy(), example["boxes"][0].numpy()
        counts += confusion(*settled(truth, predicted, example["rest"].numpy(), parts), len(counts))
        if not np.isnan(box).any():
            by_mask.append(box_iou(_bounds(predicted > 0), box))
            if head is not None:
                by_head.append(box_iou(head, box))
        if index in picked:
            drawn = np.where((truth == ANY_PART) | (truth == REST), np.uint8(SPACECRAFT), truth)
            drawn = np.where(drawn == OPEN, np.uint8(0), drawn)
            pictures.append(Shown(example["image"].numpy(), drawn, predicted))
    return _summary(counts, parts, by_head, by_mask), pictures


def settled(
    truth: NDArray[np.uint8], predicted: NDArray[np.uint8], rest: NDArray[np.bool_], parts: Sequence[str]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Truth and prediction as a confusion counts them, where the truth says less than a class.

    Craft of unknown part is a row of its own, behind those of the parts, which only the whole craft has a figure from.
    Where nothing but a part is hidden that is not judged (an antenna), whatever body may be is right where body is.

    Args:
        truth: uint8 (H, W), may hold `ANY_PART`, `REST` and `OPEN`.
        rest: bool (C,), what `REST` and `OPEN` may be.
    """
    is_open = truth == OPEN
    truth = np.where(is_open, np.uint8(0), truth)
    predicted = np.where(is_open & rest[predicted], np.uint8(0), predicted)
    hidden = [parts[i - 1] for i in np.flatnonzero(rest)[1:]]
    judged = MEAN_PARTS if tuple(parts) == PARTS else tuple(parts)
    unknown = truth == ANY_PART
    is_rest = truth == REST
    if any(name in judged for name in hidden):
        unknown |= is_rest
    else:
        first = np.uint8(np.flatnonzero(rest)[0]) if rest.any() else np.uint8(UNLABELLED)
        truth = np.where(is_rest, first, truth)
        predicted = np.where(is_rest & rest[predicted], first, predicted)
    return np.where(unknown, np.uint8(len(parts) + 1), truth), predicted


def _look(
    network: nn.Module, normalise: Normalise, example: Example, size: int, dtype: torch.dtype
) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
    """Label ids uint8 (size, size), and the head's box (4,) in 0..1 of the image, if there is one."""
    device = normalise.mean.device
    with precision.autocast(dtype, device):
        found = network(normalise(example["image"][None].to(device)))
    logits = F.interpolate(found.logits.float(), size=(size, size), mode="bilinear")
    labels = logits.argmax(1)[0].to(torch.uint8).cpu().numpy()
    if found.boxes is None:
        return labels, None
    best = int(found.boxes.quality[0].argmax())
    return labels, found.boxes.corners[0, best].clamp(0, 1).cpu().numpy()


def _summary(counts: Confusion, parts: Sequence[str], by_head: list[float], by_mask: list[float]) -> dict[str, float]:
    by_class = {"whole_iou": float(iou(counts, CLASSES["whole"]))}
    told = counts.copy()
    told[-1] = 0
    shows = told.sum(1) > 0
    by_class |= {
        f"{name}_iou": float(iou(told, slice(i, i + 1)))
        for i, name in enumerate(parts, 1)
        if shows[i] or not counts[-1].any()
    }
    scores = {name: value for name, value in by_class.items() if np.isfinite(value)}
    # Our antennas are few, thin, and labelled differently from set to set; of other parts nothing is known.
    judged = MEAN_PARTS if tuple(parts) == PARTS else parts
    part_scores = [scores[f"{name}_iou"] for name in judged if f"{name}_iou" in scores]
    if part_scores:
        scores["mean_part_iou"] = float(np.mean(part_scores))
    if by_head:
        scores["box_iou_head"] = float(np.mean(by_head))
    if by_mask:
        scores["box_iou_mask"] = float(np.mean(by_mask))
    chosen = ([scores["whole_iou"]] if "whole_iou" in scores else []) + part_scores
    scores["score"] = float(np.mean(chosen or by_head or [0.0]))
    return scores


def _bounds(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The box around all true pixels (H, W), in 0..1 of the image; empty, at the corner, when there are none."""
    if not mask.any():
        return np.zeros(4, np.float32)
    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    height, width = mask.shape
    return np.array([xs[0] / width, ys[0] / height, (xs[-1] + 1) / width, (ys[-1] + 1) / height], np.float32)
