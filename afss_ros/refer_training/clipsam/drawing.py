"""SAM and SAM 2 behind two calls: a picture to features; these, sparse prompts and a dense one to a mask."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

from afss_ros.refer.errors import ReferError


class Drawing(nn.Module):
    """SAM (Kirillov et al. 2023): one map of features.

    Args:
        sam: a `SamModel`.

    Attributes:
        layers: names of the linear layers of its vision encoder that LoRA adapts.
        side: of the square pictures that it sees.
    """

    layers: ClassVar[tuple[str, ...]] = ("qkv", "proj", "lin1", "lin2")

    def __init__(self, sam: Any) -> None:
        super().__init__()
        self.sam = sam
        self.side = int(sam.config.prompt_encoder_config.image_size)

    def forward(self, features: Tensor, finer: dict[str, Any], sparse: Tensor, dense: Tensor) -> Tensor:
        """Of what was seen of pictures, and prompts (B, n, P) and (B, 1, h, w), to logits (B, H, W)."""
        height = 4 * int(features.shape[2])
        asked = F.interpolate(dense, size=(height, height), mode="bilinear", align_corners=False)
        _, dense = self.sam.prompt_encoder(input_points=None, input_labels=None, input_boxes=None, input_masks=asked)
        places = self.sam.get_image_wide_positional_embeddings().expand(features.shape[0], -1, -1, -1)
        masks = self.sam.mask_decoder(
            image_embeddings=features,
            image_positional_embeddings=places,
            sparse_prompt_embeddings=sparse[:, None],
            dense_prompt_embeddings=dense,
            multimask_output=False,
            **finer,
        )[0]
        return torch.as_tensor(masks[:, 0, 0])

    def seen(self, picture: Tensor) -> tuple[Tensor, dict[str, Any]]:
        """What the decoder looks at, of pictures float (B, 3, side, side), normalised, and what else it is given."""
        return self.sam.vision_encoder(picture).last_hidden_state, {}


class Drawing2(Drawing):
    """SAM 2 (Ravi et al. 2024): features of three sizes, the finer two for the outline.

    Its way of putting another mask in place of one that it finds unstable is switched off: one mask is learned here.
    """

    layers = ("qkv", "proj", "proj_in", "proj_out")

    def __init__(self, sam: Any) -> None:
        super().__init__(sam)
        sam.mask_decoder.dynamic_multimask_via_stability = False

    def seen(self, picture: Tensor) -> tuple[Tensor, dict[str, Any]]:
        """As above, with the finer features as the decoder wants them."""
        finest, fine, coarse = self.sam.vision_encoder(picture).fpn_hidden_states
        decoder = self.sam.mask_decoder
        coarse = coarse + self.sam.no_memory_embedding.transpose(1, 2)[..., None]
        return coarse, {"high_resolution_features": [decoder.conv_s0(finest), decoder.conv_s1(fine)]}


def drawing_of(sam: Any) -> Drawing:
    """What draws with a model of the SAM family.

    Raises:
        ReferError: it is no `SamModel` and no `Sam2Model`.
    """
    kinds = {"sam": Drawing, "sam2": Drawing2}
    kind = str(getattr(getattr(sam, "config", None), "model_type", type(sam).__name__))
    if kind not in kinds:
        raise ReferError(f"a {kind} is no model that draws here; give one of {' or '.join(kinds)}")
    return kinds[kind](sam)
