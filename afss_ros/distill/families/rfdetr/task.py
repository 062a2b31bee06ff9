"""What RF-DETR learns from: every craft of a crop and every piece of a part, with their masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

from afss_ros import datasets
from afss_ros.distill.data import augment, crops
from afss_ros.distill.data.batches import validation_example
from afss_ros.distill.data.classes import ANY_PART, OPEN, rest_of
from afss_ros.distill.data.normalisation import Normalise
from afss_ros.distill.families.instances import CLASS_ID, CLASSES, InstanceGraph
from afss_ros.distill.families.rfdetr import network as networks
from afss_ros.distill.recipe import Recipe, StudentRecipe
from afss_ros.distill.training import precision
from afss_ros.distill.training.task import Statistics
from afss_ros.distill.training.validation import Shown
from afss_ros.evaluation.metrics.detection import box_iou
from afss_ros.evaluation.metrics.segmentation import CLASSES as MEASURED
from afss_ros.evaluation.metrics.segmentation import Confusion, confusion, iou
from afss_ros.labels import PART_IDS, UNLABELLED

_CRAFTS, _PIECES = 8, 48
_SMALLEST = 16
_SILENT = -30.0
"""A logit whose chance is 0 in the losses, and whose products with 0 are finite."""
CONFIDENCE = 0.3
"""Parts with a lower score do not enter the label map."""


@dataclass(frozen=True)
class Instances:
    """The task of RF-DETR; see `distill.training.task.Task`."""

    learns_label_maps = False

    def build(self, student: StudentRecipe) -> nn.Module:
        """See `Task`."""
        return networks.build(student)

    def own_statistics(self, student: StudentRecipe) -> Statistics | None:
        """See `Task`; RF-DETR's own weights expect ImageNet's."""
        return ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)) if student.options.get("weights") else None

    def example(self, rng: np.random.Generator, sample: datasets.Sample, recipe: Recipe) -> dict[str, Tensor]:
        """One crop.

        Returns:
            image: uint8 (H, W, 3).
            crafts, pieces: uint8 (H, W), the number of the craft, of the piece of a part, 0 for none.
            kinds: int64 (48,), the class of every piece; 0, the craft's, for numbers that are not used.
            told: bool (4,), the classes of which every object that there is is among these.
        """
        crop = crops.place(rng, sample, recipe)
        pieces, kinds = numbered_pieces(crop.labels)
        whole = bool((crop.labels == ANY_PART).any())
        return {
            "image": torch.from_numpy(np.ascontiguousarray(crop.image)),
            "crafts": torch.from_numpy(numbered_crafts(crop)),
            "pieces": torch.from_numpy(pieces),
            "kinds": torch.from_numpy(kinds),
            "told": torch.tensor([sample.searched, *(not whole and tells(sample, part) for part in CLASSES[1:])]),
        }

    def losses(
        self,
        found: Any,
        batch: Mapping[str, Any],
        recipe: Recipe,
        soft: Tensor | None = None,
        before: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """RF-DETR's own losses of all its decoder layers, summed by kind."""
        device = batch["image"].device if "pred_logits" not in found else found["pred_logits"].device
        rule = networks.criterion(recipe.student)
        terms: dict[str, Tensor] = {}
        for name, value in rule(unasked(found, batch["told"].to(device)), targets(batch, device)).items():
            if name in rule.weight_dict:
                kind = name.removeprefix("loss_").removesuffix("_enc").rstrip("0123456789").rstrip("_")
                terms[kind] = terms.get(kind, 0) + rule.weight_dict[name] * value
        return terms

    @torch.inference_mode()
    def validate(
        self,
        network: nn.Module,
        normalise: Normalise,
        samples: Sequence[datasets.Sample],
        recipe: Recipe,
        dtype: torch.dtype,
    ) -> tuple[dict[str, float], list[Shown]]:
        """IoU of the label map that the masks add up to, and of the best craft's box."""
        size = recipe.data.validation_size
        rows = networks.Rows(network.eval(), normalise)
        graph = InstanceGraph(rows, CLASS_ID, (size, size), 1, confidence=CONFIDENCE, suppress=None).eval()
        graph.to(normalise.mean.device)
        counts = np.zeros((len(PART_IDS) + 1,) * 2, np.int64)
        boxes: list[float] = []
        shown: list[Shown] = []
        for sample in samples:
            example = validation_example(sample, size)
            with precision.autocast(dtype, normalise.mean.device):
                labels, _, crafts, _, _ = graph(example["image"][None].to(normalise.mean.device))
            picture = Shown(example["image"].numpy(), example["labels"].numpy(), labels[0].cpu().numpy())
            told = np.where(picture.truth >= OPEN, np.uint8(UNLABELLED), picture.truth)
            counts += confusion(told, picture.predicted, len(counts))
            if not bool((main := example["boxes"][0]).isnan().any()):
                boxes.append(box_iou(crafts[0, 0].float().cpu().numpy() / size, main.numpy()))
            shown = [*shown, picture][:12]
        return summary(counts, boxes), shown


def tells(sample: datasets.Sample, part: str) -> bool:
    """Whether a sample's label map shows every piece of a part that there is: it has one, and the part was sought.

    Body is what is left of a craft, so it is told where every other part is.
    """
    if sample.labels is None or sample.parts is None:
        return sample.labels is not None
    return part in sample.parts or (part == CLASSES[1] and len(rest_of(sample.parts, CLASSES[1:])) == 1)


def unasked(found: Mapping[str, Any], told: Tensor) -> dict[str, Any]:
    """What the network said, but without a word, and without a gradient, on classes that an image does not tell.

    A query that found a panel where nobody looked for panels is matched with nothing, and would be taught that there is
    none. At a chance of 0 such a class costs nothing, in all decoder layers.

    Args:
        found: `pred_logits` float (B, Q, K), and mappings or lists of mappings that have them too.
        told: bool (B, k), the first k classes of each image.
    """
    silent = ~told[:, None, :]
    out: dict[str, Any] = {}
    for name, value in found.items():
        if name == "pred_logits":
            hidden = silent if value.shape[2] == told.shape[1] else F.pad(silent, (0, value.shape[2] - told.shape[1]))
            value = value.masked_fill(hidden, _SILENT)
        elif isinstance(value, Mapping):
            value = unasked(value, told)
        elif isinstance(value, (list, tuple)) and value and isinstance(value[0], Mapping):
            value = [unasked(layer, told) for layer in value]
        out[name] = value
    return out


def numbered_pieces(labels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Connected pieces of parts, the largest 48: their numbers uint8 (H, W), and their classes int64 (48,).

    Pieces of fewer than 16 pixels are left out.
    """
    found: list[tuple[int, int, NDArray[np.bool_]]] = []
    for part in PART_IDS:
        number, pieces, facts, _ = cv2.connectedComponentsWithStats((labels == part).astype(np.uint8))
        areas = facts[:, cv2.CC_STAT_AREA]
        found += [(int(areas[i]), part, pieces == i) for i in range(1, number) if areas[i] >= _SMALLEST]
    numbers, kinds = np.zeros(labels.shape, np.uint8), np.zeros(_PIECES, np.int64)
    found.sort(key=lambda piece: -piece[0])
    for number, (_, part, mask) in enumerate(found[:_PIECES], 1):
        numbers[mask] = number
        kinds[number - 1] = CLASS_ID.index(part)
    return numbers, kinds


def numbered_crafts(crop: crops.Crop) -> NDArray[np.uint8]:
    """The craft that every pixel of a crop shows, uint8 (H, W): by the label map when there is one, else by masks."""
    here = (crop.labels != 0) & (crop.labels != UNLABELLED)
    if len(crop.crafts) < 2:
        return np.asarray(here, np.uint8)
    numbers = np.zeros(crop.labels.shape, np.uint8)
    for number, craft in enumerate(crop.crafts[:_CRAFTS], 1):
        mask = craft.mask()
        if mask is not None:
            numbers[augment.warp_labels(mask.astype(np.uint8), crop.placement, crop.labels.shape[0]) > 0] = number
    return numbers


def targets(batch: Mapping[str, Any], device: torch.device) -> list[dict[str, Tensor]]:
    """What every image of a batch shows, as DETR's losses want it: classes, boxes (N, 4) centre and size, masks."""
    out = []
    for crafts, pieces, kinds in zip(batch["crafts"], batch["pieces"], batch["kinds"], strict=True):
        masks = [crafts == n for n in range(1, int(crafts.max()) + 1)] + [
            pieces == n for n in range(1, int(pieces.max()) + 1)
        ]
        classes = [0] * int(crafts.max()) + kinds[: int(pieces.max())].tolist()
        seen = [(kind, mask) for kind, mask in zip(classes, masks, strict=True) if bool(mask.any())]
        stack = torch.stack([m for _, m in seen]) if seen else torch.zeros((0, *crafts.shape), dtype=torch.bool)
        labels = torch.tensor([kind for kind, _ in seen], dtype=torch.int64)
        out.append({"labels": labels.to(device), "boxes": boxes_of(stack).to(device), "masks": stack.to(device)})
    return out


def boxes_of(masks: Tensor) -> Tensor:
    """Boxes (N, 4) of masks bool (N, H, W), none empty: centre x, centre y, width, height in 0..1 of the image."""
    if not len(masks):
        return torch.zeros(0, 4)
    sides = []
    for line in (masks.any(1), masks.any(2)):
        length = line.shape[1]
        place = torch.arange(length)
        low = torch.where(line, place, length).amin(1) / length
        high = (torch.where(line, place, -1).amax(1) + 1) / length
        sides.append(((low + high) / 2, high - low))
    (x, width), (y, height) = sides
    return torch.stack((x, y, width, height), 1)


def summary(counts: Confusion, boxes: Sequence[float]) -> dict[str, float]:
    """Scores by name; `score`, their mean, picks the best weights."""
    scores: dict[str, float] = {}
    for name, ids in MEASURED.items():
        value = float(iou(counts, ids))
        if np.isfinite(value):
            scores[f"{name}_iou"] = value
    if boxes:
        scores["box_iou_head"] = float(np.mean(boxes))
    scores["score"] = float(np.mean(list(scores.values()))) if scores else 0.0
    return scores
