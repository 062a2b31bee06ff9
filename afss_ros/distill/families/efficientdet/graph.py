"""EfficientDet as the student contract wants it: camera bytes to boxes, suppression included, every shape fixed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from afss_ros.distill.data.normalisation import Normalise
from afss_ros.distill.families.efficientdet.network import Detector, anchors, decode
from afss_ros.distill.models.suppression import best
from afss_ros.labels import SPACECRAFT


class BoxGraph(nn.Module):
    """Normalisation, network, anchors and suppression.

    Args:
        detector: the trained network.
        normalise: with the statistics that it was trained with.
        name: of the student.
        input_size: (H, W) of the image.
    """

    output_names = ("boxes", "scores", "classes")

    def __init__(self, detector: Detector, normalise: Normalise, name: str, input_size: tuple[int, int]) -> None:
        super().__init__()
        self.detector = detector
        self.normalise = normalise
        self.places: Tensor
        self.extent: Tensor
        self.register_buffer("places", anchors(name, input_size, torch.device("cpu")).boxes.clone())
        self.register_buffer("extent", torch.tensor([input_size[1], input_size[0]] * 2, dtype=torch.float32))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """image uint8 (1, H, W, 3) to boxes float32 (1, 20, 4), scores float32 (1, 20) and classes int64 (1, 20)."""
        boxes, scores = decode(self.detector(self.normalise(image)), self.places)
        boxes, scores = best(torch.minimum(boxes.clamp(min=0), self.extent), scores)
        # A constant would lose its name as an output in the exporter, so the class is made from a value.
        classes = (scores >= 0).to(torch.int64) * SPACECRAFT
        return boxes.unsqueeze(0), scores.unsqueeze(0), classes.unsqueeze(0)
