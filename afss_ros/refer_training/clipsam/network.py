"""SigLIP's similarities of tokens and patches, and its tokens, as prompts for SAM's mask decoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

from afss_ros.refer.errors import ReferError
from afss_ros.refer_training.clipsam.drawing import drawing_of
from afss_ros.refer_training.clipsam.lora import adapt

SIGLIP_LAYERS = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
TOKENS = 64
"""What SigLIP was trained with: it pools the last position, so every text must be filled up to here."""
HEARD = 4
"""Prompts that the words of a sentence make."""
_SAM_MEAN, _SAM_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


@dataclass(frozen=True)
class Options:
    """What is adapted, and how much.

    Attributes:
        rank, alpha: of LoRA, in both encoders.
        decoder: whether SAM's prompt encoder and mask decoder learn too.
    """

    rank: int = 16
    alpha: float = 16.0
    decoder: bool = True


class Drawn(NamedTuple):
    """What the network says.

    Attributes:
        mask: float (B, h, w), logits, at SAM's own resolution.
        presence: float (B,), logits of there being what is meant.
    """

    mask: Tensor
    presence: Tensor


class Looked(NamedTuple):
    """What is computed once of a picture, whatever is asked.

    Attributes:
        patches: float (B, N, D), SigLIP's.
        features: float (B, C, h, w), what SAM's decoder looks at.
        finer: more of these, by the decoder's names.
    """

    patches: Tensor
    features: Tensor
    finer: dict[str, Any]


class Hearing(nn.Module):
    """The words of a sentence, what fills it up left out, as a few prompts.

    SigLIP's own pooled text is that of the last of 64 places, nearly all of them filled up: two short sentences that
    differ in a word are all but one to whoever has not learned to read them apart, and the masks of both stay one too.

    Args:
        depth: of SigLIP's tokens.
        prompt: of SAM's prompts.
    """

    def __init__(self, depth: int, prompt: int) -> None:
        super().__init__()
        self.asked = nn.Parameter(torch.randn(HEARD, prompt) / prompt**0.25)
        self.keys, self.values = nn.Linear(depth, prompt), nn.Linear(depth, prompt)

    def forward(self, tokens: Tensor, read: Tensor) -> Tensor:
        """Of tokens float (B, L, D) where `read` (B, L) is 1, to (B, HEARD, P)."""
        keys = self.keys(tokens)
        fit = self.asked @ keys.transpose(1, 2) / keys.shape[2] ** 0.5
        fit = fit.masked_fill(read[:, None] == 0, -1e4)
        heard: Tensor = fit.softmax(2) @ self.values(tokens)
        return heard


class Prompter(nn.Module):
    """Similarities and features of patches to sparse and dense prompts.

    Args:
        depth: of SigLIP's features.
        prompt: of SAM's.
        side: patches along a side of SigLIP's picture.
    """

    def __init__(self, depth: int, prompt: int, side: int) -> None:
        super().__init__()
        self.side = side
        # Normalised over channels and places of one picture: its batch-mates change nothing.
        self.mix = nn.Sequential(nn.Conv2d(3 * depth, prompt, 1, bias=False), nn.GroupNorm(1, prompt), nn.GELU())
        self.place = nn.Parameter(torch.randn(1, prompt, side, side) * 0.02)
        strided = [nn.Conv2d(prompt, prompt, 3, 2, 1), nn.GELU()]
        self.sparse = nn.Sequential(
            *strided, nn.Conv2d(prompt, prompt, 3, 2, 1), nn.GELU(), nn.Conv2d(prompt, prompt, 1)
        )
        # SigLIP's similarities are given; these are learned, and tell places apart by what was said at once.
        self.look = nn.Conv2d(prompt, prompt, 1)
        self.dense = nn.Conv2d(2 + HEARD, 1, 1)
        self.hear = Hearing(depth, prompt)
        self.presence = nn.Linear(2 * depth + prompt + 1, 1)

    def forward(
        self, patches: Tensor, tokens: Tensor, read: Tensor, pooled: Tensor, sharp: Tensor, bias: Tensor
    ) -> Any:
        """Prompts of patches float (B, N, D), tokens (B, L, D) where `read` (B, L) is 1, and a pooled text (B, D).

        Returns:
            Sparse prompts (B, n, P), a dense one (B, 1, side, side), and the presence (B,).
        """
        near = F.normalize(patches, dim=2)
        each = (sharp * near @ F.normalize(tokens, dim=2).transpose(1, 2) + bias) * read[:, None]
        whole = sharp * near @ F.normalize(pooled, dim=1)[..., None] + bias
        count = read.sum(1).clamp(min=1)[:, None, None]
        weight = (each.sigmoid() * read[:, None]).sum(2, keepdim=True) / count
        local = (patches * weight + patches) / 2
        around = (patches * whole.sigmoid() + patches) / 2
        grid = (patches.shape[0], -1, self.side, self.side)
        features = torch.cat((local, around, patches), 2).transpose(1, 2).reshape(grid)
        mixed = self.mix(features) + self.place
        sparse = self.sparse(mixed).flatten(2).transpose(1, 2)
        heard = self.hear(tokens, read)
        learned = heard @ self.look(mixed).flatten(2) / heard.shape[2] ** 0.5
        sparse = torch.cat((sparse, heard), 1)
        logits = torch.cat((whole, each.sum(2, keepdim=True) / count), 2).transpose(1, 2)
        best = whole.amax(1)
        presence = self.presence(torch.cat((pooled, patches.mean(1), heard.mean(1), best), 1))[:, 0]
        maps = torch.cat((logits, learned), 1).reshape(grid)
        return sparse, self.dense(maps), presence


class ClipSam(nn.Module):
    """Pictures and tokens to masks.

    Args:
        siglip: a `SiglipModel`; SigLIP 2 of a fixed size is one.
        sam: a `SamModel` or a `Sam2Model`.

    Raises:
        ReferError: it reads another number of tokens, or `sam` is of neither family.
    """

    def __init__(self, siglip: Any, sam: Any, options: Options | None = None) -> None:
        super().__init__()
        options = options or Options()
        length = int(siglip.config.text_config.max_position_embeddings)
        if length != TOKENS:
            raise ReferError(f"this SigLIP reads {length} tokens and not {TOKENS}; take one of a fixed size")
        self.siglip, self.draw = siglip, drawing_of(sam)
        adapt(siglip, SIGLIP_LAYERS, options.rank, options.alpha)
        adapt(sam.vision_encoder, self.draw.layers, options.rank, options.alpha)
        for part in (sam.prompt_encoder, sam.mask_decoder, sam.shared_image_embedding):
            part.requires_grad_(options.decoder)
        vision = siglip.config.vision_config
        self.side = int(vision.image_size) // int(vision.patch_size)
        prompt = int(sam.config.prompt_encoder_config.hidden_size)
        self.prompter = Prompter(int(vision.hidden_size), prompt, self.side)
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(_SAM_MEAN)[None, :, None, None])
        self.register_buffer("std", torch.tensor(_SAM_STD)[None, :, None, None])
        self.shift: Tensor
        self.register_buffer("shift", torch.zeros(()))  # of presence, so that it is even where it decides

    def forward(self, image: Tensor, tokens: Tensor) -> Drawn:
        """Of images uint8 (B, H, W, 3) of any size, and tokens int64 (B, 64), filled up with the padding's number."""
        return self.answer(self.look(image), tokens)

    def look(self, image: Tensor) -> Looked:
        """Of images uint8 (B, H, W, 3) of any size."""
        picture = image.permute(0, 3, 1, 2).float()
        small = int(self.siglip.config.vision_config.image_size)
        patches = self.siglip.vision_model(pixel_values=self._at(picture, small) / 127.5 - 1).last_hidden_state
        features, finer = self.draw.seen((self._at(picture, self.draw.side) - self.mean) / self.std)
        return Looked(patches, features, finer)

    def answer(self, looked: Looked, tokens: Tensor) -> Drawn:
        """Of as many pictures as there are rows of tokens int64 (B, 64)."""
        siglip, patches = self.siglip, looked.patches
        text = siglip.text_model(input_ids=tokens)
        read = (tokens != int(siglip.config.text_config.pad_token_id)).to(patches.dtype)
        sparse, dense, presence = self.prompter(
            patches, text.last_hidden_state, read, text.pooler_output, siglip.logit_scale.exp(), siglip.logit_bias
        )
        return Drawn(self.draw(looked.features, looked.finer, sparse, dense), presence - self.shift)

    @staticmethod
    def _at(picture: Tensor, side: int) -> Tensor:
        if tuple(picture.shape[2:]) == (side, side):
            return picture
        return F.interpolate(picture, size=(side, side), mode="bilinear", align_corners=False)


def losses(drawn: Drawn, masks: Tensor, dice: float = 0.5) -> Tensor:
    """Cross-entropy and Dice of each mask by itself, and of presence; masks float (B, h, w) are scaled to the logits'.

    Where nothing is meant the mask is empty, and Dice says nothing of it.
    """
    true = F.interpolate(masks[:, None], size=drawn.mask.shape[1:], mode="area")[:, 0]
    entropy = F.binary_cross_entropy_with_logits(drawn.mask, true)
    p, there = drawn.mask.sigmoid(), (masks.flatten(1).amax(1) > 0.5).to(true.dtype)
    both, sums = (p * true).sum((1, 2)), p.sum((1, 2)) + true.sum((1, 2))
    overlap = ((1 - (2 * both + 1) / (sums + 1)) * there).sum() / there.sum().clamp(min=1)
    presence = F.binary_cross_entropy_with_logits(drawn.presence, there)
    return (1 - dice) * entropy + dice * overlap + presence
