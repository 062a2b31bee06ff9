"""Instance segmentation as the student contract wants it: suppression and mask assembly inside the graph.

Everything has a fixed shape and consists of operators that ONNX Runtime and TensorRT have on a GPU: no
NonMaxSuppression node, whose output is as long as it likes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

from afss_ros.distill.errors import DistillError
from afss_ros.distill.models.suppression import unsuppressed
from afss_ros.distill.recipe import Recipe
from afss_ros.labels import CLASS_IDS, CLASS_NAMES, PART_IDS, SPACECRAFT

CLASSES = (CLASS_NAMES[SPACECRAFT], *(CLASS_NAMES[i] for i in PART_IDS))
"""What an instance network tells apart, in its numbering: whole craft, and parts, each piece an object of its own."""

CLASS_ID = tuple(CLASS_IDS[name] for name in CLASSES)
"""Our label id of each."""

_MASK = 0.5


def require_parts(recipe: Recipe) -> None:
    """Refuse a recipe that asks an instance network for other parts, or for a teaching student.

    Raises:
        DistillError: names what it asks for.
    """
    if tuple(recipe.student.parts) != CLASSES[1:]:
        raise DistillError(f"{recipe.student.name} tells {', '.join(CLASSES[1:])} apart, not {recipe.student.parts}")
    if recipe.distillation.teacher is not None:
        raise DistillError(f"{recipe.student.name} learns no label maps; set distillation.teacher to null")


class InstanceGraph(nn.Module):
    """Normalisation, network, suppression, boxes of whole craft, and the label map that the parts' masks add up to.

    Args:
        network: image (1, 3, H, W) in 0..1 to rows (1, 4 + classes + masks, A) of corners in pixels, class chances
            and mask coefficients, and mask prototypes (1, masks, h, w) that these mix to logits; without
            coefficients, to logits (1, A, h, w), a mask a row.
        class_ids: our label id of each of its classes.
        input_size: (H, W) of the image.
        labels_stride: input pixels per pixel of the label map.
        confidence: parts with a lower score do not enter the label map.
        suppress: boxes of one class that overlap more than this are one object; None for a network that says each
            object once.
        crafts, pieces: at most so many whole craft, and pieces of parts.
    """

    output_names = ("labels", "confidence", "boxes", "scores", "classes")

    def __init__(
        self,
        network: nn.Module,
        class_ids: Sequence[int],
        input_size: tuple[int, int],
        labels_stride: int,
        *,
        confidence: float,
        suppress: float | None = 0.7,
        crafts: int = 20,
        pieces: int = 60,
    ) -> None:
        super().__init__()
        self.network = network
        self.craft_classes = [i for i, known in enumerate(class_ids) if known == SPACECRAFT]
        self.part_classes = [i for i, known in enumerate(class_ids) if known != SPACECRAFT]
        self.classes = len(class_ids)
        self.input_size = input_size
        self.labels_size = (input_size[0] // labels_stride, input_size[1] // labels_stride)
        self.confidence, self.suppress = confidence, suppress
        self.crafts, self.pieces = crafts, pieces
        self.label_ids: Tensor
        self.register_buffer("label_ids", torch.tensor([0, *(class_ids[i] for i in self.part_classes)]))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """image uint8 (1, H, W, 3) to the outputs of `output_names`; see the student contract."""
        rows, prototypes = self.network(image.permute(0, 3, 1, 2).float() / 255)
        boxes, chances, coefficients = rows[0, :4], rows[0, 4 : 4 + self.classes], rows[0, 4 + self.classes :]
        craft, craft_scores, _ = self._best(boxes, chances[self.craft_classes], self.crafts)
        pieces, scores, kinds, chosen = self._best_pieces(boxes, chances[self.part_classes])
        logits = prototypes[0, chosen] if not coefficients.shape[0] else mix(coefficients[:, chosen], prototypes[0])
        masks = self._masks(logits, pieces)
        labels, confidence = self._label_map(masks, scores, kinds)
        height, width = self.input_size
        limit = boxes.new_tensor([width, height, width, height])
        craft = torch.minimum(craft.clamp(min=0), limit).unsqueeze(0)
        craft_scores = craft_scores.unsqueeze(0)
        # A constant would lose its name as an output in the exporter, so the class is made from a value.
        classes = (craft_scores >= 0).to(torch.int64) * SPACECRAFT
        return labels, confidence, craft, craft_scores, classes

    def _best_pieces(self, boxes: Tensor, chances: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        found, scores, index = self._best(boxes, chances, self.pieces)
        anchors = boxes.shape[1]
        return found, scores, index // anchors, index % anchors

    def _best(self, boxes: Tensor, chances: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """The `count` best pairs of place and class, each object once.

        Args:
            boxes: (4, A), corners.
            chances: (C, A).

        Returns:
            Boxes (count, 4); scores (count,), descending but for the suppressed, which are 0; indices (count,) into
            chances, flattened.
        """
        anchors = boxes.shape[1]
        scores, index = chances.reshape(-1).topk(min(count, chances.shape[0] * anchors))
        found = boxes.t()[index % anchors]
        if self.suppress is not None:
            scores = scores * unsuppressed(found, index // anchors, self.suppress)
        return found, scores, index

    def _masks(self, logits: Tensor, boxes: Tensor) -> Tensor:
        """Mask probabilities (K, h, w) of logits, 0 outside of each one's box."""
        height, width = logits.shape[1:]
        x = (torch.arange(width, dtype=torch.float32, device=boxes.device) + 0.5) * (self.input_size[1] / width)
        y = (torch.arange(height, dtype=torch.float32, device=boxes.device) + 0.5) * (self.input_size[0] / height)
        inside_x = (x >= boxes[:, 0:1]) & (x < boxes[:, 2:3])
        inside_y = (y >= boxes[:, 1:2]) & (y < boxes[:, 3:4])
        return logits.sigmoid() * (inside_y[:, :, None] & inside_x[:, None, :]).float()

    def _label_map(self, masks: Tensor, scores: Tensor, kinds: Tensor) -> tuple[Tensor, Tensor]:
        """Where masks of parts overlap, the piece with the best score decides; where there is none, background.

        Returns:
            labels and confidence, uint8 (1, h, w).
        """
        masks = masks * (scores > self.confidence).float()[:, None, None]
        sure = masks * scores[:, None, None]
        parts = [(sure * (kinds == kind).float()[:, None, None]).amax(0) for kind in range(len(self.part_classes))]
        stack = torch.stack([masks.amax(0), *parts]).unsqueeze(0)
        smooth = F.interpolate(stack, size=self.labels_size, mode="bilinear", align_corners=False)
        covered, by_part = smooth[:, :1], smooth[:, 1:]
        # A map that is positive where a mask covers the pixel, and beats every part where none does.
        background = (covered <= _MASK).float() * 2
        best, chosen = torch.cat((background, by_part), 1).max(1)
        confidence = torch.where(chosen == 0, 1 - covered[:, 0], best)
        return self.label_ids[chosen].to(torch.uint8), (confidence.clamp(0, 1) * 255).to(torch.uint8)


def mix(coefficients: Tensor, prototypes: Tensor) -> Tensor:
    """Mask logits (K, h, w) from coefficients (M, K) and prototypes (M, h, w)."""
    count, height, width = prototypes.shape
    return (coefficients.t() @ prototypes.reshape(count, -1)).reshape(-1, height, width)
