"""The network of effdet with the sizes of its maps left open, its anchors, and boxes out of both.

Importing this module imports effdet.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import torch
from effdet import get_efficientdet_config
from effdet.anchors import AnchorLabeler, Anchors
from effdet.efficientdet import EfficientDet, Interpolate2d
from torch import Tensor, nn

from afss_ros.distill.models.build import ENCODERS
from afss_ros.distill.models.padding import settle_padding
from afss_ros.distill.models.pretrained import Pretrained, load_into
from afss_ros.distill.recipe import StudentRecipe

CONFIGS = {"efficientdet-lite0": ("tf_efficientdet_lite0", "efficientnet-lite0")}
"""Student -> effdet's name, and ours of the encoder that holds its pretrained weights."""

LEVELS = (3, 7)
"""First and last level of the pyramid; level n has one cell for 2 ** n pixels."""


class Found(NamedTuple):
    """What the network says of a batch, a tensor a level, finest first.

    Attributes:
        classes: float (B, anchors, h, w), logits of a whole craft at every anchor.
        boxes: float (B, anchors x 4, h, w), y, x, height and width in units of the anchor.
    """

    classes: list[Tensor]
    boxes: list[Tensor]


class Detector(nn.Module):
    """EfficientDet of one class, for images whose sides 128 divides. Its encoder is called so for the learning rate."""

    def __init__(self, student: StudentRecipe) -> None:
        super().__init__()
        config = config_of(student.name)
        # Padding of torch and one bias a layer: the head is ours to train, and no weights of TensorFlow must fit it.
        config.update(num_classes=1, image_size=(512, 512), pad_type="", redundant_bias=False)
        # effdet remembers statistics over hundreds of steps, for trainings of days.
        config.norm_kwargs.momentum = 0.1
        body = EfficientDet(config, pretrained_backbone=False)
        settle_padding(body)
        _leave_sizes_open(body)
        self.encoder: nn.Module = body.backbone
        self.pyramid: nn.Module = body.fpn
        self.class_head: nn.Module = body.class_net
        self.box_head: nn.Module = body.box_net
        source = pretrained(student)
        if source is not None:
            load_into(self.encoder, source)

    def forward(self, image: Tensor) -> Found:
        """Normalised images (B, 3, H, W) to logits and boxes at every anchor."""
        levels = self.pyramid(self.encoder(image))
        return Found(self.class_head(levels), self.box_head(levels))


def pretrained(student: StudentRecipe) -> Pretrained | None:
    """Where the encoder's weights come from; None when the recipe wants it to start from noise."""
    return ENCODERS[CONFIGS[student.name][1]].pretrained if student.encoder_weights else None


def _leave_sizes_open(body: nn.Module) -> None:
    """Let every map be enlarged by two, whatever its size: effdet writes the size of each into the network."""
    for module in body.modules():
        if isinstance(module, Interpolate2d):
            module.size, module.scale_factor = None, 2.0


def config_of(name: str) -> Any:
    """Effdet's configuration of a student: anchors, and the constants of its loss."""
    return get_efficientdet_config(CONFIGS[name][0])


@lru_cache(maxsize=8)
def anchors(name: str, size: tuple[int, int], device: torch.device) -> Anchors:
    """The anchors of an image of (H, W): `boxes` float (A, 4), y_min, x_min, y_max, x_max in pixels."""
    config = config_of(name)
    return Anchors(*LEVELS, config.num_scales, config.aspect_ratios, config.anchor_scale, size).to(device)


def labeler(name: str, size: tuple[int, int], device: torch.device) -> AnchorLabeler:
    """What matches true boxes to anchors."""
    return AnchorLabeler(anchors(name, size, device), 1, match_threshold=0.5)


def decode(found: Found, places: Tensor) -> tuple[Tensor, Tensor]:
    """Corners and scores at every anchor of one image.

    Args:
        found: of a batch of one.
        places: the anchors, float (A, 4), y_min, x_min, y_max, x_max in pixels.

    Returns:
        Boxes float (A, 4) xyxy in pixels, and scores (A,) in 0..1.
    """
    scores = torch.cat([level.permute(0, 2, 3, 1).reshape(-1) for level in found.classes]).sigmoid()
    offsets = torch.cat([level.permute(0, 2, 3, 1).reshape(-1, 4) for level in found.boxes])
    sides = places[:, 2:] - places[:, :2]
    centre = offsets[:, :2] * sides + (places[:, :2] + places[:, 2:]) / 2
    # exp overflows for a network that has not learned yet; no box is 400 times as large as its anchor.
    half = offsets[:, 2:].clamp(max=6.0).exp() * sides / 2
    yxyx = torch.cat((centre - half, centre + half), 1)
    return yxyx[:, [1, 0, 3, 2]], scores
