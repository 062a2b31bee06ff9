"""Checkpoints in, one `.onnx` out."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from afss_ros.datasets.files import write_atomically
from afss_ros.refer.errors import ReferError, SentenceError
from afss_ros.refer_training.clipsam.lora import merge
from afss_ros.refer_training.clipsam.network import TOKENS, ClipSam, Options

_APART = 1e-3
_MOST_BYTES = 2_000_000_000
"""Of weights in one `.onnx`: protobuf holds 2 GiB."""


def load(siglip: str, sam: str, options: Options | None = None) -> tuple[ClipSam, Any]:
    """The network from two checkpoints, by name on the Hub or by path, and SigLIP's tokeniser.

    `google/siglip2-so400m-patch16-512` with `facebook/sam-vit-base` or `facebook/sam2.1-hiera-large` are what it was
    designed for. Which of SAM and SAM 2 a checkpoint is says its configuration.

    Raises:
        ReferError: one cannot be loaded; it is named.
    """
    from transformers import AutoConfig, AutoTokenizer, Sam2Model, SamModel, SiglipModel

    name = siglip
    try:
        looking, tokeniser = SiglipModel.from_pretrained(siglip), AutoTokenizer.from_pretrained(siglip)
        name = sam
        # Checkpoints of SAM 2 that follow objects through a video hold what draws one picture, and more.
        of_two = str(AutoConfig.from_pretrained(sam).model_type).startswith("sam2")
        drawing = (Sam2Model if of_two else SamModel).from_pretrained(sam)
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise ReferError(f"{name}: cannot be loaded ({str(err)[:200]}); give a name on the Hub or a folder") from err
    if tokeniser.pad_token_id is None:
        raise ReferError(f"{siglip}: its tokeniser fills texts up with nothing; give a SigLIP with its own tokeniser")
    # What a configuration says of it is the first SigLIP's, also where SigLIP 2 has another tokeniser.
    looking.config.text_config.pad_token_id = int(tokeniser.pad_token_id)
    return ClipSam(looking, drawing, options), tokeniser


def encode(tokeniser: Any, text: str) -> NDArray[np.int64]:
    """Tokens of a sentence, int64 (64,), filled up as SigLIP was trained.

    Raises:
        SentenceError: it has more; cutting it would change what it means.
    """
    numbers = tokeniser(text.lower(), padding="max_length", max_length=TOKENS, truncation=False)["input_ids"]
    if len(numbers) > TOKENS:
        raise SentenceError(
            f"{text[:60]!r} has {len(numbers)} tokens, SigLIP reads {TOKENS}; say it in fewer words", ""
        )
    return np.asarray(numbers, np.int64)


class _Flat(torch.nn.Module):
    def __init__(self, network: ClipSam) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        drawn = self.network(image, tokens)
        return drawn.mask.sigmoid(), drawn.presence.sigmoid()


def to_onnx(network: ClipSam, out: Path, side: int) -> Path:
    """Merge LoRA, and write the network for pictures of `side` x `side`; it appears only if it answers as torch does.

    By the older exporter: the newer one fails on the vision encoder of the first SAM.

    Raises:
        ReferError: ONNX Runtime and torch disagree, or the weights do not fit into one file.
    """
    if (size := sum(p.numel() * p.element_size() for p in network.parameters())) > _MOST_BYTES:
        raise ReferError(
            f"{out}: {size / 1e9:.1f} GB of weights do not fit into one .onnx, which holds 2; tune smaller checkpoints,"
            " such as google/siglip2-base-patch16-512 with facebook/sam2.1-hiera-small"
        )
    merge(network)
    flat = _Flat(network).eval()
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (1, side, side, 3), np.uint8)
    tokens = rng.integers(1, int(network.siglip.config.text_config.vocab_size), (1, TOKENS), np.int64)
    buffer: Any = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            flat, (torch.from_numpy(image), torch.from_numpy(tokens)), buffer, input_names=["image", "tokens"],
            output_names=["mask", "presence"], opset_version=18, dynamo=False,
        )  # fmt: skip
    session = onnxruntime.InferenceSession(buffer.getvalue(), providers=["CPUExecutionProvider"])
    found = session.run(["mask", "presence"], {"image": image, "tokens": tokens})
    with torch.inference_mode():
        wanted = [value.numpy() for value in flat(torch.from_numpy(image), torch.from_numpy(tokens))]
    apart = max(float(np.abs(np.asarray(a) - b).max()) for a, b in zip(found, wanted, strict=True))
    if apart > _APART:
        raise ReferError(f"{out}: ONNX Runtime and torch give answers that differ by {apart:.5f}")
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, buffer.getvalue())
    return out
