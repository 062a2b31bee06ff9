"""SigLIP, SAM and SAM 2 of their real classes, small and with random weights."""

from __future__ import annotations

from typing import Any

import torch
from transformers import Sam2Config, Sam2Model, SamConfig, SamModel, SiglipConfig, SiglipModel

SIDE = 64
TOKENS = 64


def tiny(seed: int = 0, tokens: int = TOKENS, draws: str = "sam") -> tuple[Any, Any]:
    torch.manual_seed(seed)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {**shape, "vocab_size": 50, "max_position_embeddings": tokens, "projection_size": 32, "pad_token_id": 1}
    siglip = SiglipModel(SiglipConfig(text_config=text, vision_config={**shape, "image_size": 32, "patch_size": 4}))
    sam = one_map() if draws == "sam" else three_maps()
    for weights in [*siglip.parameters(), *sam.parameters()]:
        if weights.ndim > 1:  # as they are born, all sentences are all but the same to both
            torch.nn.init.normal_(weights, std=0.2)
    return siglip.eval(), sam.eval()


def one_map() -> Any:
    """A small SAM."""
    return SamModel(
        SamConfig(
            vision_config={
                "hidden_size": 32, "output_channels": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
                "image_size": SIDE, "patch_size": 8, "window_size": 4, "global_attn_indexes": [1], "num_pos_feats": 16,
                "mlp_dim": 64, "initializer_range": 0.02,
            },
            prompt_encoder_config={"hidden_size": 32, "image_size": SIDE, "patch_size": 8},
            mask_decoder_config={"hidden_size": 32, "mlp_dim": 64, "num_attention_heads": 2, "iou_head_hidden_dim": 32},
        )
    )  # fmt: skip


def three_maps() -> Any:
    """A small SAM 2."""
    hiera = {
        "model_type": "sam2_hiera_det_model", "hidden_size": 16, "image_size": [SIDE, SIDE],
        "blocks_per_stage": [1, 1, 2, 1], "embed_dim_per_stage": [16, 32, 64, 128],
        "num_attention_heads_per_stage": [1, 1, 2, 2], "window_size_per_stage": [4, 4, 2, 2],
        "window_positional_embedding_background_size": [4, 4], "global_attention_blocks": [3],
    }  # fmt: skip
    return Sam2Model(
        Sam2Config(
            vision_config={
                "model_type": "sam2_vision_model", "backbone_config": hiera, "fpn_hidden_size": 32,
                "backbone_channel_list": [128, 64, 32, 16], "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
            },
            prompt_encoder_config={"hidden_size": 32, "image_size": SIDE, "patch_size": 16},
            mask_decoder_config={"hidden_size": 32, "mlp_dim": 64, "num_attention_heads": 2, "iou_head_hidden_dim": 32},
        )
    )  # fmt: skip
