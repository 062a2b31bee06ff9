"""EfficientDet as the student contract wants it: camera bytes to boxes, suppression included, every shape fixed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from afss_ros.distill.families.efficientdet.network import Detector, anchors, decode
from afss_ros.distill.families.instances import unsuppressed
from afss_ros.distill.normalisation import Normalise
from afss_ros.labels import SPACECRAFT

ROWS = 20
"""Craft that one frame can show at most."""
_CANDIDATES = 256
_OVERLAP = 0.5
_LEAST_SCORE = 0.01
"""What scores less is noise, of which the last digit decides the order."""


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


def best(boxes: Tensor, scores: Tensor, rows: int = ROWS) -> tuple[Tensor, Tensor]:
    """Each craft once: the `rows` best boxes that no better one overlaps by half, best first; score 0 where none is.

    Args:
        boxes: float (A, 4) xyxy.
        scores: float (A,).
    """
    chances, index = scores.topk(min(_CANDIDATES, scores.shape[0]))
    candidates = boxes[index]
    stays = unsuppressed(candidates, torch.zeros_like(index), _OVERLAP)
    chances = chances * stays * (chances >= _LEAST_SCORE).float()
    chances, order = chances.topk(rows)
    return candidates[order], chances
