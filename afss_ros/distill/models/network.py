"""The multi-task student: parts by segmentation, boxes of craft by regression, the main craft's name if asked."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor, nn

from afss_ros.distill.models.box_head import Boxes, BoxHead


class Prediction(NamedTuple):
    """What the network says of a batch.

    Attributes:
        logits: float (B, C, h, w), at the decoder's own stride (h = H / stride).
        boxes: one guess a cell; None without that head.
        craft: float (B, K), logits of the craft's name; None without that head.
    """

    logits: Tensor
    boxes: Boxes | None
    craft: Tensor | None


class Sum(nn.Module):
    """Adds feature maps one to the next; stacking them first, as the library does, copies every one of them."""

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Maps (B, C, H, W), all of one shape, to their sum."""
        total = maps[0]
        for other in maps[1:]:
            total = total + other
        return total


class Network(nn.Module):
    """Encoder, decoder and segmentation head of segmentation_models_pytorch, with our heads on the decoder's features.

    Args:
        body: a model of that library built without upsampling after its head.
        stride: pixels of the image per pixel of the decoder's output.
        box_head: whether to regress the boxes of craft.
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
        boxes = None if self.box is None else self.box(decoded, self.stride)
        craft = None if self.craft is None else self.craft(features[-1].mean((2, 3)))
        return Prediction(self.head(decoded), boxes, craft)
