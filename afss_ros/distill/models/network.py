"""The multi-task student: parts by segmentation, the main craft's box and presence by regression, its name if asked."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

_BOX_STRIDE = 16


class Prediction(NamedTuple):
    """What the network says of a batch.

    Attributes:
        logits: float (B, C, h, w), at the decoder's own stride (h = H / stride).
        boxes: float (B, 4) xyxy of the largest craft, in 0..1 of the image; None without that head.
        presence: float (B,), logit that there is a craft at all; None without the box head.
        craft: float (B, K), logits of the craft's name; None without that head.
    """

    logits: Tensor
    boxes: Tensor | None
    presence: Tensor | None
    craft: Tensor | None


class Sum(nn.Module):
    """Adds feature maps one to the next; stacking them first, as the library does, copies every one of them."""

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Maps (B, C, H, W), all of one shape, to their sum."""
        total = maps[0]
        for other in maps[1:]:
            total = total + other
        return total


class BoxHead(nn.Module):
    """Each side of the box is the expectation of a softmax over positions (integral regression, Sun et al., 2018).

    Global pooling forgets where things are; an expectation over positions keeps it, works at every image size, and
    needs only operators that every execution provider has.
    """

    def __init__(self, channels: int, width: int = 64) -> None:
        super().__init__()
        self.mix = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 5, padding=2, groups=width, bias=False), nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )  # fmt: skip
        self.sides = nn.Conv2d(width, 4, 1)
        self.presence = nn.Linear(width, 1)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, C, h, w) to boxes (B, 4) in 0..1 and presence logits (B,)."""
        mixed = self.mix(features)
        height, width = mixed.shape[-2:]
        heat = self.sides(mixed).float().flatten(2).softmax(2).reshape(-1, 4, height, width)
        # One cell of margin on both sides, so that a craft that fills the frame can reach its edge.
        xs = torch.linspace(-1.0 / width, 1 + 1.0 / width, width, device=heat.device)
        ys = torch.linspace(-1.0 / height, 1 + 1.0 / height, height, device=heat.device)
        x = (heat[:, 0::2].sum(2) * xs).sum(2)
        y = (heat[:, 1::2].sum(3) * ys).sum(2)
        boxes = torch.stack((x[:, 0], y[:, 0], x[:, 1], y[:, 1]), 1).clamp(0, 1)
        presence = self.presence(mixed.amax((2, 3))).squeeze(1)
        return boxes, presence


class Network(nn.Module):
    """Encoder, decoder and segmentation head of segmentation_models_pytorch, with our heads on the decoder's features.

    Args:
        body: a model of that library built without upsampling after its head.
        stride: pixels of the image per pixel of the decoder's output.
        box_head: whether to regress the main craft's box.
        craft_classes: number of craft names, 0 for no such head.
    """

    def __init__(self, body: Any, stride: int, *, box_head: bool = True, craft_classes: int = 0) -> None:
        super().__init__()
        self.encoder: nn.Module = body.encoder
        self.decoder: nn.Module = body.decoder
        self.head: nn.Module = body.segmentation_head
        self.stride = stride
        channels = next(m.in_channels for m in self.head.modules() if isinstance(m, nn.Conv2d))
        self.box = BoxHead(channels) if box_head else None
        self.craft = nn.Linear(int(body.encoder.out_channels[-1]), craft_classes) if craft_classes else None

    def forward(self, image: Tensor) -> Prediction:
        """Normalised images (B, 3, H, W), sides divisible by 32, to a `Prediction`."""
        features = self.encoder(image)
        decoded = self.decoder(features)
        boxes = presence = craft = None
        if self.box is not None:
            boxes, presence = self.box(F.avg_pool2d(decoded, _BOX_STRIDE // self.stride))
        if self.craft is not None:
            craft = self.craft(features[-1].mean((2, 3)))
        return Prediction(self.head(decoded), boxes, presence, craft)
