"""What EfficientDet learns from and is judged by: the boxes of all craft in a crop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from effdet.loss import loss_fn
from numpy.typing import NDArray
from torch import Tensor, nn

from afss_ros import datasets
from afss_ros.datasets import Instance
from afss_ros.datasets.form import WHOLE
from afss_ros.distill.data import augment
from afss_ros.distill.data.crops import craft_boxes, fit, place
from afss_ros.distill.data.normalisation import Normalise
from afss_ros.distill.families.efficientdet.network import (
    Detector,
    anchors,
    config_of,
    decode,
    labeler,
    pretrained,
)
from afss_ros.distill.models.suppression import best
from afss_ros.distill.recipe import Recipe, StudentRecipe
from afss_ros.distill.training import precision
from afss_ros.distill.training.task import Statistics
from afss_ros.distill.training.validation import Shown
from afss_ros.evaluation.metrics.detection import ImageObjects, average_precision, top_box_iou
from afss_ros.labels import SPACECRAFT, UNLABELLED
from afss_ros.spacing import evenly_spaced

_MOST = 16
"""Craft of one crop that are learned from."""
_LEAST_SIDE = 2.0
"""Pixels; what a crop shows less of is nothing that could be recognised."""
_SHOWN = 12


@dataclass(frozen=True)
class Detection:
    """Boxes of whole craft, of any number; see `distill.training.task.Task`."""

    learns_label_maps = False

    def build(self, student: StudentRecipe) -> Detector:
        """See `Task`."""
        return Detector(student)

    def own_statistics(self, student: StudentRecipe) -> Statistics | None:
        """See `Task`."""
        source = pretrained(student)
        return None if source is None else (source.mean, source.std)

    def example(self, rng: np.random.Generator, sample: datasets.Sample, recipe: Recipe) -> dict[str, Tensor]:
        """One crop.

        Returns:
            `image` uint8 (S, S, 3); `boxes` float32 (16, 4), y_min, x_min, y_max, x_max in pixels, and `kinds` int64
            (16,), 1 for a craft and -1 for an unused row; `known`, whether anybody looked for craft.
        """
        crop = place(rng, sample, recipe)
        boxes, kinds = np.zeros((_MOST, 4), np.float32), np.full(_MOST, -1, np.int64)
        visible = craft_boxes(crop)
        sides = visible[:, 2:] - visible[:, :2]
        visible = visible[(sides >= _LEAST_SIDE).all(1)][:_MOST]
        augment.cut_out(rng, recipe.augment, crop.image, crop.labels)
        boxes[: len(visible)], kinds[: len(visible)] = visible[:, [1, 0, 3, 2]], 1
        return {
            "image": torch.from_numpy(crop.image),
            "boxes": torch.from_numpy(boxes),
            "kinds": torch.from_numpy(kinds),
            "known": torch.tensor(sample.searched),
        }

    def losses(
        self,
        found: Any,
        batch: Mapping[str, Any],
        recipe: Recipe,
        soft: Tensor | None = None,
        before: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Focal loss of every anchor and Huber loss of those that match a craft, weighted as in the paper."""
        device = found.classes[0].device
        height, width = batch["image"].shape[1:3]
        match = labeler(recipe.student.name, (height, width), device)
        kinds, boxes, matched = match.batch_label_anchors(batch["boxes"].to(device), batch["kinds"].to(device))
        unknown = ~batch["known"].to(device)
        for level in kinds:
            level[unknown] = -2  # counts as neither craft nor sky
        options = config_of(recipe.student.name)
        _, classes, corners = loss_fn(
            [level.float() for level in found.classes], [level.float() for level in found.boxes],
            kinds, boxes, matched, num_classes=1, alpha=options.alpha, gamma=options.gamma, delta=options.delta,
            box_loss_weight=options.box_loss_weight,
        )  # fmt: skip
        return {"class": classes, "box": options.box_loss_weight * corners}

    def validate(
        self,
        network: nn.Module,
        normalise: Normalise,
        samples: Sequence[datasets.Sample],
        recipe: Recipe,
        dtype: torch.dtype,
    ) -> tuple[dict[str, float], list[Shown]]:
        """Average precision of boxes, and IoU of the best one where there is one craft, on whole images.

        Returns:
            `box_ap`, `box_ap50`, `mean_box_iou`; `score` is the mean of the first two, since `box_ap` alone is 0 for
            long. The pictures show label maps and, filled, the boxes with a score of 0.3 or more.
        """
        network.eval()
        size = recipe.data.validation_size
        picked = evenly_spaced(len(samples), _SHOWN)
        judged: list[ImageObjects] = []
        pictures: list[Shown] = []
        for index, sample in enumerate(samples):
            crop = fit(sample, size)
            boxes, scores = _look(network, normalise, crop.image, recipe.student.name, dtype)
            if sample.searched:
                truth = tuple(Instance(WHOLE, box) for box in craft_boxes(crop))
                seen = zip(boxes, scores.tolist(), strict=True)
                judged.append(ImageObjects(size, size, truth, tuple(Instance(WHOLE, b, None, s) for b, s in seen if s)))
            if index in picked:
                truth_map = np.where(crop.labels == UNLABELLED, np.uint8(0), crop.labels)
                pictures.append(Shown(crop.image, truth_map, _filled(boxes[scores >= 0.3], size)))
        return _summary(judged), pictures


@torch.inference_mode()
def _look(
    network: nn.Module, normalise: Normalise, image: NDArray[np.uint8], name: str, dtype: torch.dtype
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boxes (20, 4) xyxy in pixels and their scores (20,), best first."""
    device = normalise.mean.device
    with precision.autocast(dtype, device):
        found = network(normalise(torch.from_numpy(image)[None].to(device)))
    height, width = image.shape[:2]
    found = type(found)(*([level.float() for level in levels] for levels in found))
    boxes, scores = decode(found, anchors(name, (height, width), device).boxes)
    boxes, scores = best(boxes.clamp(0, max(height, width)), scores)
    return boxes.cpu().numpy(), scores.cpu().numpy()


def _summary(judged: Sequence[ImageObjects]) -> dict[str, float]:
    precision_of = average_precision(judged, "bbox")
    scores = {f"box_{name}": value for name, value in precision_of.items() if name != "ap75" and value is not None}
    alone = [iou for iou in map(top_box_iou, judged) if iou is not None]
    if alone:
        scores["mean_box_iou"] = float(np.mean(alone))
    return {**scores, "score": (scores.get("box_ap", 0.0) + scores.get("box_ap50", 0.0)) / 2}


def _filled(boxes: NDArray[np.float32], size: int) -> NDArray[np.uint8]:
    """A label map (size, size) with every box painted as a craft."""
    canvas = np.zeros((size, size), np.uint8)
    for x0, y0, x1, y1 in boxes.round().astype(int).tolist():
        cv2.rectangle(canvas, (x0, y0), (x1 - 1, y1 - 1), SPACECRAFT, -1)
    return canvas
