"""The real model classes of the teacher, small and random, saved as the Hub's folders are: what tests load.

Nothing is downloaded: vocabularies are written here. Random weights say nothing useful, but they take the same way
through processors, heads and post-processing as the real ones.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import torch

from afss_ros.teacher.models.untrained import bert_tokenizer

hf: Any = importlib.import_module("transformers")  # its lazy module confuses type checkers


def save_grounding_dino(folder: Path, kind: str = "GroundingDino") -> Path:
    """A Grounding DINO (or, with `MMGroundingDino`, what LLMDet is too) of under a million parameters."""
    torch.manual_seed(0)
    backbone = hf.SwinConfig(
        image_size=64, embed_dim=16, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1], window_size=4, out_indices=[2, 3, 4]
    )
    text = hf.BertConfig(
        vocab_size=1030, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    small = {
        "d_model": 64, "encoder_layers": 1, "decoder_layers": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64,
        "encoder_attention_heads": 2, "decoder_attention_heads": 2, "num_queries": 12, "num_feature_levels": 4,
    }  # fmt: skip
    config = getattr(hf, f"{kind}Config")(backbone_config=backbone, text_config=text, **small)
    model = getattr(hf, f"{kind}ForObjectDetection")(config)
    model.save_pretrained(folder)
    pictures = hf.GroundingDinoImageProcessor(size={"shortest_edge": 64, "longest_edge": 96})
    hf.GroundingDinoProcessor(pictures, bert_tokenizer()).save_pretrained(folder)
    return folder


def clip_tokenizer() -> tuple[Any, int]:
    """A CLIP tokenizer of single letters, and how many tokens it knows."""
    letters = [chr(c) for c in range(97, 123)]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {t: i for i, t in enumerate(tokens)}
    made = hf.CLIPTokenizerFast(vocab=vocabulary, merges=[], pad_token="<|endoftext|>", model_max_length=32)
    return made, len(tokens)


def save_owlv2(folder: Path) -> Path:
    """A small OWLv2."""
    torch.manual_seed(0)
    tokenizer, tokens = clip_tokenizer()
    text = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = hf.Owlv2Config(
        text_config={**text, "vocab_size": tokens, "max_position_embeddings": 32, "eos_token_id": tokens - 1},
        vision_config={**text, "image_size": 64, "patch_size": 16},
        projection_dim=32,
    )
    hf.Owlv2ForObjectDetection(config).save_pretrained(folder)
    pictures = hf.Owlv2ImageProcessor(size={"height": 64, "width": 64})
    hf.Owlv2Processor(image_processor=pictures, tokenizer=tokenizer).save_pretrained(folder)
    return folder


def save_sam2(folder: Path, side: int = 128) -> Path:
    """A SAM 2.1 video model, as the Hub's folders of SAM 2.1 hold; images and videos are segmented with it."""
    torch.manual_seed(0)
    backbone = hf.Sam2HieraDetConfig(
        hidden_size=8, image_size=[side, side], blocks_per_stage=[1, 1, 2, 1], embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 2, 2], window_size_per_stage=[4, 4, 4, 4], global_attention_blocks=[3],
    )  # fmt: skip
    vision = hf.Sam2VisionConfig(
        backbone_config=backbone, backbone_channel_list=[64, 32, 16, 8], fpn_hidden_size=128,
        backbone_feature_sizes=[[side // 4, side // 4], [side // 8, side // 8], [side // 16, side // 16]],
    )  # fmt: skip
    config = hf.Sam2VideoConfig(
        vision_config=vision,
        prompt_encoder_config={"hidden_size": 128, "image_size": side},
        mask_decoder_config={"hidden_size": 128, "mlp_dim": 64, "num_attention_heads": 2, "iou_head_hidden_dim": 32},
        image_size=side, memory_attention_hidden_size=128, memory_attention_num_layers=1,
        memory_attention_feed_forward_hidden_size=64, memory_attention_rope_feat_sizes=[side // 16, side // 16],
        memory_encoder_hidden_size=128, memory_encoder_output_channels=64, mask_downsampler_embed_dim=128,
        memory_fuser_embed_dim=128, memory_fuser_intermediate_dim=64, memory_fuser_num_layers=1,
    )  # fmt: skip
    hf.Sam2VideoModel(config).save_pretrained(folder)
    size = {"height": side, "width": side}
    pictures, videos = hf.Sam2ImageProcessor(size=size), hf.Sam2VideoVideoProcessor(size=size)
    hf.Sam2VideoProcessor(image_processor=pictures, video_processor=videos, target_size=side).save_pretrained(folder)
    return folder


def save_sam3(folder: Path, side: int = 112) -> Path:
    """A SAM 3 that finds concepts; `save_sam3_tracker` makes the one that is asked with boxes."""
    torch.manual_seed(0)
    tokenizer, tokens = clip_tokenizer()
    layers = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 32}
    config = hf.Sam3Config(
        vision_config=_sam3_vision(side),
        text_config={
            **layers, "model_type": "clip_text_model", "vocab_size": tokens, "num_hidden_layers": 1,
            "max_position_embeddings": 32, "projection_dim": 32, "eos_token_id": tokens - 1,
        },
        geometry_encoder_config={**layers, "num_layers": 1},
        detr_encoder_config={**layers, "num_layers": 1},
        detr_decoder_config={**layers, "num_layers": 1, "num_queries": 8},
        mask_decoder_config={"hidden_size": 32, "num_attention_heads": 2},
    )  # fmt: skip
    hf.Sam3Model(config).save_pretrained(folder)
    pictures = hf.Sam3ImageProcessor(size={"height": side, "width": side})
    hf.Sam3Processor(pictures, tokenizer, target_size=side).save_pretrained(folder)
    return folder


def save_sam3_tracker(folder: Path, side: int = 112) -> Path:
    """The half of SAM 3 that turns boxes into masks."""
    torch.manual_seed(0)
    config = hf.Sam3TrackerConfig(
        vision_config=_sam3_vision(side),
        prompt_encoder_config={"hidden_size": 32, "image_size": side, "patch_size": 14},
        mask_decoder_config={"hidden_size": 32, "mlp_dim": 32, "num_attention_heads": 2, "iou_head_hidden_dim": 32},
    )
    hf.Sam3TrackerModel(config).save_pretrained(folder)
    pictures = hf.Sam3ImageProcessor(size={"height": side, "width": side})
    hf.Sam3TrackerProcessor(pictures, target_size=side).save_pretrained(folder)
    return folder


def save_sam3_tracker_video(folder: Path, side: int = 112) -> Path:
    """The tracker of SAM 3 with its memory, for video."""
    torch.manual_seed(0)
    patches = side // 14
    config = hf.Sam3TrackerVideoConfig(
        vision_config=_sam3_vision(side, 128),
        prompt_encoder_config={"hidden_size": 128, "image_size": side, "patch_size": 14},
        mask_decoder_config={"hidden_size": 128, "mlp_dim": 32, "num_attention_heads": 2, "iou_head_hidden_dim": 32},
        image_size=side, memory_attention_hidden_size=128, memory_attention_num_layers=1,
        memory_attention_feed_forward_hidden_size=32, memory_attention_rope_feat_sizes=[patches, patches],
        memory_encoder_hidden_size=128, memory_encoder_output_channels=64, mask_downsampler_embed_dim=128,
        memory_fuser_embed_dim=128, memory_fuser_intermediate_dim=32, memory_fuser_num_layers=1,
    )  # fmt: skip
    hf.Sam3TrackerVideoModel(config).save_pretrained(folder)
    size = {"height": side, "width": side}
    pictures, videos = hf.Sam3ImageProcessor(size=size), hf.Sam2VideoVideoProcessor(size=size)
    made = hf.Sam3TrackerVideoProcessor(image_processor=pictures, video_processor=videos, target_size=side)
    made.save_pretrained(folder)
    return folder


def _sam3_vision(side: int, width: int = 32) -> Any:
    patches = side // 14
    backbone = hf.Sam3ViTConfig(
        hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=side,
        window_size=4, global_attn_indexes=[1], pretrain_image_size=56,
    )  # fmt: skip
    sizes = [[4 * patches, 4 * patches], [2 * patches, 2 * patches], [patches, patches]]
    return hf.Sam3VisionConfig(backbone_config=backbone, fpn_hidden_size=width, backbone_feature_sizes=sizes)
