"""SAM 2 as training and refinement see it: pictures to embeddings, embeddings and points to masks.

The classes of `transformers` and of Meta's package differ in names and in what they take; behind `Sam2` they are one.
Neither library's own call is used for training: `transformers` computes embeddings without gradients, and gives all
objects of a picture one mask prompt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from afss_ros.geo.sam2.prompts import Prompts
from afss_ros.teacher.models.checkpoints import Access, Checkpoint, find_folder
from afss_ros.teacher.models.loading import load_model, load_processor

OFFLINE = Access()
"""Nothing is downloaded."""
META = (".pt", ".pth")
"""How the names of Meta's own checkpoint files end."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What SAM 2 says to P questions.

    Attributes:
        logits: float (P, M, h, w), M masks each, at a quarter of the network's resolution; above 0 is object.
        ious: float (P, M), its own estimate of each mask's IoU.
        objects: float (P,), logits of there being an object at all.
    """

    logits: Tensor
    ious: Tensor
    objects: Tensor

    def at(self, size: tuple[int, int]) -> Tensor:
        """The logits in a picture's size (height, width), float32 (P, M, H, W)."""
        return functional.interpolate(self.logits.float(), size, mode="bilinear", align_corners=False)


class Sam2(Protocol):
    """A SAM 2 of either library.

    Attributes:
        module: all of its weights.
        parts: `decoder`, `prompt` and `image` -> how the names of their weights begin.
        projections: how the names of the decoder's weights begin that work on the picture alone, before any prompt.
        attention: a regular expression of the image encoder's layers that LoRA adapts.
        side: of the square picture that it sees, pixels.
        provenance: of its checkpoint, plain JSON values.
        library: that it comes from.
    """

    module: nn.Module
    parts: Mapping[str, tuple[str, ...]]
    projections: tuple[str, ...]
    attention: str
    side: int
    provenance: dict[str, object]
    library: str

    def pixels(self, picture: NDArray[np.uint8]) -> Tensor:
        """A picture uint8 (H, W, 3), stretched to the network's square and normalised: float32 (1, 3, side, side)."""
        ...

    def embed(self, pixels: Tensor) -> list[Tensor]:
        """Three maps of features, finest first, each (1, C, h, w). Gradients flow."""
        ...

    def ask(
        self, features: Sequence[Tensor], points: Tensor, labels: Tensor, masks: Tensor | None, several: bool
    ) -> Answer:
        """Masks for each question.

        Args:
            features: of one picture.
            points, labels: float (P, N, 2) in pixels of the square, of which 0 is the middle of the first; int (P, N).
            masks: logits of an earlier answer, float (P, 1, h, w), or None.
            several: three masks each, else one.
        """
        ...

    def save(self, folder: Path, module: nn.Module) -> None:
        """Write `module`, which is this one's or a copy, so that `load` and the teacher's segmenters read it."""
        ...


def question(
    sam2: Sam2, features: Sequence[Tensor], prompts: Prompts, size: tuple[int, int], masks: Tensor | None = None,
    several: bool = False,
) -> Answer:  # fmt: skip
    """Ask about a picture of `size` (height, width) in its own pixels."""
    scale = torch.tensor([sam2.side / size[1], sam2.side / size[0]], device=features[0].device)
    # Both libraries add half a pixel, taking a point for the number of a pixel.
    points = torch.from_numpy(prompts.points).to(features[0].device) * scale - 0.5
    return sam2.ask(features, points, torch.from_numpy(prompts.labels).to(features[0].device), masks, several)


def load(name: str, revision: str = "", access: Access = OFFLINE) -> Sam2:
    """SAM 2 by Hub name, folder, or file of Meta's package; on a GPU where there is one, ready for inference.

    Raises:
        TeacherError: it is not on this machine, is no SAM 2, or its library is missing; says the cure.
    """
    if name.endswith(META):
        from afss_ros.geo.sam2.native import Native
        from afss_ros.teacher.models.sam2_native import find_checkpoint

        return Native(find_checkpoint(name))
    return Transformers(find_folder(name, revision, access))


class Transformers:
    """`Sam2Model` of transformers. See `Sam2`."""

    parts: Mapping[str, tuple[str, ...]] = {
        "decoder": ("mask_decoder.",),
        "prompt": ("prompt_encoder.",),
        "image": ("vision_encoder.", "no_memory_embedding", "mask_decoder.conv_s0.", "mask_decoder.conv_s1."),
    }
    projections: tuple[str, ...] = ("mask_decoder.conv_s0.", "mask_decoder.conv_s1.")
    attention = r"vision_encoder\.backbone\..*\.attn\.(qkv|proj)"
    library = "transformers"

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.processor = load_processor("Sam2Processor", checkpoint)
        self.module: Any = load_model("Sam2Model", checkpoint)
        self.side = int(self.module.prompt_encoder.input_image_size)
        self.provenance = {"segmenter": "sam2", **checkpoint.provenance}

    def pixels(self, picture: NDArray[np.uint8]) -> Tensor:
        """See `Sam2.pixels`."""
        pixels: Tensor = self.processor(images=picture, return_tensors="pt")["pixel_values"]
        return pixels.float()

    def embed(self, pixels: Tensor) -> list[Tensor]:
        """See `Sam2.embed`."""
        maps = list(self.module.get_image_features(pixels, return_dict=True).fpn_hidden_states)
        maps[-1] = maps[-1] + self.module.no_memory_embedding
        sizes = self.module.backbone_feature_sizes
        return [m.permute(1, 2, 0).reshape(1, -1, *size) for m, size in zip(maps, sizes, strict=True)]

    def ask(
        self, features: Sequence[Tensor], points: Tensor, labels: Tensor, masks: Tensor | None, several: bool
    ) -> Answer:
        """See `Sam2.ask`. Objects are the batch, so that each has a mask prompt of its own."""
        count = len(points)
        sparse, dense = self.module.prompt_encoder(
            input_points=points[:, None], input_labels=labels[:, None], input_boxes=None, input_masks=masks
        )
        *fine, coarse = (f.expand(count, -1, -1, -1) for f in features)
        place = self.module.get_image_wide_positional_embeddings().expand(count, -1, -1, -1)
        logits, ious, _, objects = self.module.mask_decoder(
            image_embeddings=coarse,
            image_positional_embeddings=place,
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=several,
            high_resolution_features=fine,
        )
        return Answer(logits[:, 0], ious[:, 0], objects.reshape(count))

    def save(self, folder: Path, module: nn.Module) -> None:
        """See `Sam2.save`."""
        written: Any = module
        written.save_pretrained(folder)
        self.processor.save_pretrained(folder)
