"""The network as the student contract wants it: camera pixels in, label map and boxes out, all inside one graph."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

from afss_ros.distill.data.normalisation import Normalise
from afss_ros.distill.models import Network
from afss_ros.distill.models.suppression import best
from afss_ros.labels import SPACECRAFT


class ContractGraph(nn.Module):
    """Normalisation, network, upsampling, arg max and confidence.

    Args:
        network: the trained student.
        normalise: with the statistics that it was trained with.
        input_size: (H, W) of the image.
        labels_stride: input pixels per pixel of the label map; logits are upsampled to it before the arg max, which
            places edges between the decoder's cells.
        craft_id: class id of the whole craft.
    """

    def __init__(
        self,
        network: Network,
        normalise: Normalise,
        input_size: tuple[int, int],
        labels_stride: int,
        craft_id: int = SPACECRAFT,
    ) -> None:
        super().__init__()
        self.craft_id = craft_id
        self.network = network
        self.normalise = normalise
        self.labels_size = (input_size[0] // labels_stride, input_size[1] // labels_stride)
        self.extent: Tensor
        self.register_buffer("extent", torch.tensor([input_size[1], input_size[0]] * 2, dtype=torch.float32))

    @property
    def output_names(self) -> list[str]:
        """Names of the outputs, in order."""
        return ["labels", "confidence"] + (["boxes", "scores", "classes"] if self.network.box is not None else [])

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """image uint8 (1, H, W, 3) to the outputs of `output_names`.

        labels uint8 (1, h, w), ids; confidence uint8 (1, h, w), probability of the chosen label x 255; and with a box
        head, each craft once, best first, boxes float32 (1, 20, 4) xyxy in input pixels, scores float32 (1, 20), 0 in
        unused rows, classes int64 (1, 20).
        """
        found = self.network(self.normalise(image))
        logits = F.interpolate(found.logits, size=self.labels_size, mode="bilinear", align_corners=False)
        largest, labels = logits.max(1, keepdim=True)
        # The softmax of the largest logit alone: a whole softmax over a strided axis costs a tenth of the network.
        chance = 1 / (logits - largest).exp().sum(1)
        out = (labels[:, 0].to(torch.uint8), (chance * 255).to(torch.uint8))
        if found.boxes is None:
            return out
        corners, scores = found.boxes.peaks()
        boxes, scores = best(corners[0] * self.extent, scores[0])
        # A constant would lose its name as an output in the exporter, so the class is made from a value.
        classes = (scores >= 0).to(torch.int64) * self.craft_id
        return (*out, boxes.unsqueeze(0), scores.unsqueeze(0), classes.unsqueeze(0))
