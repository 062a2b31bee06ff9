"""RF-DETR-Seg from its configuration. Importing this module imports rfdetr (Apache-2.0)."""

from __future__ import annotations

import logging
import math
from functools import cache
from pathlib import Path
from typing import Any

import rfdetr.config as configs
import torch
from pydantic import ValidationError
from rfdetr.models import build_criterion_from_config, build_model_from_config, load_pretrain_weights
from torch import Tensor, nn

from afss_ros.distill.data.normalisation import Normalise
from afss_ros.distill.errors import DistillError
from afss_ros.distill.families.instances import CLASS_ID
from afss_ros.distill.recipe import StudentRecipe

CONFIGS = {
    "rfdetr-seg-nano": "RFDETRSegNanoConfig",
    "rfdetr-seg-small": "RFDETRSegSmallConfig",
    "rfdetr-seg-medium": "RFDETRSegMediumConfig",
}
OWN_OPTIONS = ("lr", "weights")
"""Of `student.options`, those that are not rfdetr's."""
_DECIDED = ("num_classes", "pretrain_weights", "resolution", "segmentation_head", "device", "num_channels")


def configuration(student: StudentRecipe, size: int | None = None) -> Any:
    """The configuration of a student of `CONFIGS`, with what its recipe's options change.

    Args:
        size: side of the image, pixels; matters to a graph for export alone.

    Raises:
        DistillError: an option is none of rfdetr's, or has the wrong value.
    """
    # rfdetr fetches weights for a backbone without any; every name keeps it from that.
    chosen = {k: v for k, v in student.options.items() if k not in OWN_OPTIONS}
    if taken := sorted(set(chosen) & set(_DECIDED)):
        raise DistillError(f"student.options: {', '.join(taken)} cannot be set there; the recipe decides")
    kind = getattr(configs, CONFIGS[student.name])
    grid = chosen.pop("positional_encoding_size", kind.model_fields["positional_encoding_size"].default)
    fixed = {"num_classes": len(CLASS_ID), "pretrain_weights": str(student.options.get("weights") or "none")}
    try:
        config = kind(**chosen, **fixed, device="cpu", positional_encoding_size=grid)
        return config if size is None else config.model_copy(update={"resolution": size})
    except ValidationError as err:
        raise DistillError(f"student.options: {'; '.join(fault['msg'] for fault in err.errors())}") from err


def build(student: StudentRecipe, size: int | None = None) -> nn.Module:
    """The network with random weights, or with those of the file that `options.weights` names.

    Raises:
        DistillError: the options are wrong, or the file cannot be read.
    """
    logging.getLogger("rf-detr").setLevel(logging.ERROR)
    config = configuration(student, size)
    network: nn.Module = build_model_from_config(config, _losses(config))
    weights = student.options.get("weights")
    if weights is not None:
        if not Path(weights).is_file():
            raise DistillError(f"student.options.weights: {weights} is no file; get RF-DETR's from its authors")
        load_pretrain_weights(network, config)
    return network


def unit(student: StudentRecipe) -> int:
    """What sides of images must be a multiple of: of 32, and of a window of patches."""
    config = configuration(student)
    return math.lcm(32, config.patch_size * config.num_windows)


@cache
def _criterion(name: str, options: tuple[tuple[str, Any], ...]) -> Any:
    config = configuration(StudentRecipe.model_validate({"name": name, "options": dict(options)}))
    return build_criterion_from_config(config, _losses(config))[0]


def criterion(student: StudentRecipe) -> Any:
    """RF-DETR's own losses; the weights of their sum are its `weight_dict`."""
    # Made from sets of numbers, and without parameters: once is enough.
    return _criterion(student.name, tuple(sorted(student.options.items())))


def _losses(config: Any) -> Any:
    kind = configs.SegmentationTrainConfig if config.segmentation_head else configs.TrainConfig
    return kind(dataset_dir=".", output_dir=".")


class Rows(nn.Module):
    """RF-DETR in evaluation as `InstanceGraph` wants it.

    Args:
        network: after `export()` or not.
        normalise: what the network was trained with.
    """

    def __init__(self, network: nn.Module, normalise: Normalise) -> None:
        super().__init__()
        self.network, self.normalise = network, normalise

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Image (1, 3, H, W) in 0..1 to rows (1, 4 + classes, Q) and mask logits (1, Q, h, w)."""
        height, width = image.shape[-2:]
        found = self.network((image * 255 - self.normalise.mean) * self.normalise.gain)
        if isinstance(found, dict):
            found = found["pred_boxes"], found["pred_logits"], found["pred_masks"]
        boxes, logits, masks = found
        centre, half = boxes[..., :2], boxes[..., 2:] / 2
        corners = torch.cat((centre - half, centre + half), -1) * image.new_tensor([width, height, width, height])
        return torch.cat((corners, logits[..., : len(CLASS_ID)].sigmoid()), -1).transpose(1, 2), masks
