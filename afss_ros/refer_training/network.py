"""Eyes, facts and reader as one network: a picture and a sentence in, a mask and a presence out."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

from afss_ros.refer.vocabulary import Vocabulary
from afss_ros.refer_training.eyes import MASK_STRIDE, Eyes, Finder, Seen
from afss_ros.refer_training.facts import Facts, measure
from afss_ros.refer_training.reader import Reader, Verdict
from afss_ros.refer_training.recipe import Recipe
from afss_ros.refer_training.sight import Foundation, Sight
from afss_ros.refer_training.student_eyes import StudentEyes


class Said(NamedTuple):
    """What the network answers.

    Attributes:
        mask: uint8 (B, H, W), how sure each pixel is meant, of 255; 0 everywhere where nothing is.
        presence: float (B,), how sure there is such a thing, 0..1.
        scores: float (B, K), of each thing being meant, 0..1; 0 where it is not.
        classes: int64 (B, K).
        masks: uint8 (B, K, H / 2, W / 2), of each thing that is meant, of 255.
    """

    mask: Tensor
    presence: Tensor
    scores: Tensor
    classes: Tensor
    masks: Tensor


class ReferNetwork(nn.Module):
    """The whole of it.

    Args:
        foundation: the student that the eyes stand on; None for eyes of their own.
    """

    def __init__(
        self, recipe: Recipe, nouns: tuple[str, ...], vocabulary: Vocabulary, foundation: Foundation | None = None
    ) -> None:
        super().__init__()
        self.foundation = foundation
        dimensions = (len(nouns), recipe.eyes.width, recipe.eyes.slots)
        self.eyes: Finder = Eyes(*dimensions) if foundation is None else StudentEyes(Sight(foundation), *dimensions)
        reader = recipe.reader
        self.reader = Reader(len(nouns), len(vocabulary.words), vocabulary.length, reader.width, reader.rounds)

    def see(self, image: Tensor, levels: list[Tensor] | None = None) -> tuple[Seen, Facts]:
        """Things and facts of images uint8 (B, H, W, 3).

        Args:
            levels: what the student that the eyes stand on makes of them, where that is known.
        """
        picture = scaled(image)
        if levels is not None and isinstance(self.eyes, StudentEyes):
            seen = self.eyes.find(self.eyes.maps_on(levels))
        else:
            seen = self.eyes(picture)
        return seen, measure(seen, F.avg_pool2d(picture, MASK_STRIDE))

    def forward(self, image: Tensor, tokens: Tensor) -> Said:
        """Answer one sentence int64 (B, L) about each image uint8 (B, H, W, 3)."""
        seen, facts = self.see(image)
        verdict = self.reader(facts, tokens[:, None])
        chosen, presence = choose(verdict)
        scores = chosen[:, 0] * facts.valid
        masks = seen.masks * (scores > 0).to(seen.masks.dtype)[..., None, None]
        mask = F.interpolate(masks.amax(1, keepdim=True), scale_factor=float(MASK_STRIDE), mode="bilinear")[:, 0]
        return Said(_grey(mask), presence[:, 0], scores, seen.classes, _grey(masks))


def scaled(image: Tensor) -> Tensor:
    """Images uint8 (B, H, W, 3) as float (B, 3, H, W), 0..1."""
    return image.permute(0, 3, 1, 2).to(torch.float32) / 255


def _grey(x: Tensor) -> Tensor:
    return (x * 255).round().clamp(0, 255).to(torch.uint8)


def choose(verdict: Verdict) -> tuple[Tensor, Tensor]:
    """The things that are meant, and how sure there is one.

    Those that are rather meant than not; if none is and yet something is meant, the likeliest one.

    Returns:
        Scores float (B, S, K), 0 for what is not meant, and presence float (B, S).
    """
    scores, presence = verdict.things.sigmoid(), verdict.presence.sigmoid()
    likeliest = scores.amax(2, keepdim=True)
    meant = (scores > 0.5) | ((scores >= likeliest) & (likeliest > 0))
    meant = meant & (presence > 0.5)[..., None]
    return scores * meant.to(scores.dtype), presence
