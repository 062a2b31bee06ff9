"""SAM 2 of Meta's own package, where that is installed, with Meta's checkpoint files. See `network.Sam2`."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from afss_ros.datasets.files import write_atomically
from afss_ros.geo.sam2.network import Answer
from afss_ros.teacher.models.checkpoints import Checkpoint
from afss_ros.teacher.models.sam2_native import Sam2NativeSegmenter


class Native:
    """`SAM2Base` of the package sam2. See `network.Sam2`."""

    parts: Mapping[str, tuple[str, ...]] = {
        "decoder": ("sam_mask_decoder.",),
        "prompt": ("sam_prompt_encoder.",),
        "image": ("image_encoder.", "no_mem_embed", "sam_mask_decoder.conv_s0.", "sam_mask_decoder.conv_s1."),
    }
    projections: tuple[str, ...] = ("sam_mask_decoder.conv_s0.", "sam_mask_decoder.conv_s1.")
    attention = r"image_encoder\.trunk\..*\.attn\.(qkv|proj)"
    library = "sam2"

    def __init__(self, checkpoint: Checkpoint) -> None:
        segmenter = Sam2NativeSegmenter(checkpoint)
        self.file = checkpoint.path.name
        self._shown = segmenter._predictor._transforms
        self.module: Any = segmenter._predictor.model
        self.side = int(self.module.image_size)
        self.provenance = dict(segmenter.provenance)

    def pixels(self, picture: NDArray[np.uint8]) -> Tensor:
        """See `Sam2.pixels`."""
        shown: Tensor = self._shown(picture)
        return shown[None].float()

    def embed(self, pixels: Tensor) -> list[Tensor]:
        """See `Sam2.embed`."""
        maps = list(self.module.forward_image(pixels)["backbone_fpn"][-self.module.num_feature_levels :])
        if self.module.directly_add_no_mem_embed:
            maps[-1] = maps[-1] + self.module.no_mem_embed.reshape(1, -1, 1, 1)
        return maps

    def ask(
        self, features: Sequence[Tensor], points: Tensor, labels: Tensor, masks: Tensor | None, several: bool
    ) -> Answer:
        """See `Sam2.ask`."""
        count = len(points)
        sparse, dense = self.module.sam_prompt_encoder(points=(points, labels), boxes=None, masks=masks)
        *fine, coarse = (f.expand(count, -1, -1, -1) for f in features)
        logits, ious, _, objects = self.module.sam_mask_decoder(
            image_embeddings=coarse,
            image_pe=self.module.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=several,
            repeat_image=False,
            high_res_features=fine,
        )
        return Answer(logits, ious, objects.reshape(count))

    def save(self, folder: Path, module: nn.Module) -> None:
        """See `Sam2.save`: one file of Meta's form, under the name that tells its configuration."""
        folder.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        torch.save({"model": module.state_dict()}, content)
        write_atomically(folder / self.file, content.getbuffer())
