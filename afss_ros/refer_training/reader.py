"""The part of the network that weighs facts against words: a token transformer, and rounds over the things.

In every round the things look at the words (cross-attention), at each other through how they lie (attention with a
bias), and rank themselves among those that they take for rivals: "the second largest" is a rank.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from afss_ros.refer_training.facts import PAIR, SINGLE, Facts

_HEADS = 4
_RANKS = 8
_FAR = -1e4


class Verdict(NamedTuple):
    """What the reader says of S sentences about each picture.

    Attributes:
        things: float (B, S, K), logits of each thing being meant.
        presence: float (B, S), logits of there being what is meant.
    """

    things: Tensor
    presence: Tensor


class Attention(nn.Module):
    """Multi-head attention with a bias; what is attended to may have fewer leading dimensions of its own."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)

    def forward(self, to: Tensor, of: Tensor, bias: Tensor) -> Tensor:
        """From `of` (N, M, D) to `to` (N, K, D), with a bias that fits (N, heads, K, M)."""
        query, key, value = (
            layer(x).unflatten(2, (_HEADS, -1)).transpose(1, 2)
            for layer, x in ((self.query, to), (self.key, of), (self.value, of))
        )
        weights = (query @ key.transpose(2, 3) / math.sqrt(int(query.shape[3])) + bias).softmax(3)
        mixed: Tensor = self.out((weights @ value).transpose(1, 2).flatten(2))
        return mixed


def _feed_forward(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))


class Words(nn.Module):
    """A token transformer of two layers: int64 (N, L), 0 for no word, to float (N, L, D)."""

    def __init__(self, words: int, length: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words + 1, width, padding_idx=0)
        self.places = nn.Parameter(torch.randn(length, width) * 0.1)
        self.attention = nn.ModuleList(Attention(width) for _ in range(2))
        self.forwards = nn.ModuleList(_feed_forward(width) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(4))

    def forward(self, tokens: Tensor, unread: Tensor) -> Tensor:
        """With `unread`, float (N, 1, 1, L): very negative where there is no word."""
        h: Tensor = self.embedding(tokens) + self.places[: tokens.shape[1]]
        for layer in range(2):
            n = self.norms[2 * layer](h)
            h = h + self.attention[layer](n, n, unread)
            h = h + self.forwards[layer](self.norms[2 * layer + 1](h))
        return h


class Ranks(nn.Module):
    """How many rivals are ahead of each thing, in several orders that are learned; and how many rivals there are."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.value, self.rival = nn.Linear(width, _RANKS), nn.Linear(width, _RANKS)
        self.sharpness = nn.Parameter(torch.full((_RANKS,), 1.5))
        self.out = nn.Linear(3 * _RANKS, width)

    def forward(self, h: Tensor, valid: Tensor) -> Tensor:
        """Of things float (N, K, D), where `valid` (N, K) is 1."""
        value, rival = self.value(h) * self.sharpness.exp(), self.rival(h).sigmoid() * valid[..., None]
        ahead = (value[:, None] - value[:, :, None]).sigmoid()  # (N, i, j, ranks): j is ahead of i
        apart = 1 - torch.eye(h.shape[1], device=h.device, dtype=h.dtype)[None, :, :, None]
        before = (ahead * rival[:, None] * apart).sum(2)
        rivals = (rival[:, None] * apart).sum(2)
        ranked: Tensor = self.out(torch.cat((before.clamp(max=6.0), rivals.clamp(max=6.0), rival), 2))
        return ranked


class Round(nn.Module):
    """Words, each other, ranks, and a thought about it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.words, self.others = Attention(width), Attention(width)
        self.ranks, self.thought = Ranks(width), _feed_forward(width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(4))
        self.gate = nn.Linear(width, width)

    def forward(self, h: Tensor, said: Tensor, unread: Tensor, bias: Tensor, valid: Tensor) -> Tensor:
        """Things float (N, K, D) after one more round."""
        heard = self.words(self.norms[0](h), said, unread)
        h = h + heard
        n = self.norms[1](h)
        h = h + self.others(n, n, bias) * self.gate(heard).sigmoid()
        h = h + self.ranks(self.norms[2](h), valid)
        thought: Tensor = self.thought(self.norms[3](h))
        return h + thought


class Reader(nn.Module):
    """Facts and sentences to a verdict.

    Args:
        classes: how many names things have.
        words: how many words it knows.
        length: of the tokens.
    """

    def __init__(self, classes: int, words: int, length: int, width: int, rounds: int) -> None:
        super().__init__()
        self.words = Words(words, length, width)
        self.named = nn.Embedding(classes, width)
        self.single = nn.Sequential(nn.Linear(SINGLE, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.pair = nn.Sequential(nn.Linear(PAIR, 32), nn.ReLU(), nn.Linear(32, rounds * _HEADS))
        self.rounds = nn.ModuleList(Round(width) for _ in range(rounds))
        self.norm = nn.LayerNorm(width)
        self.things = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, 1))
        self.presence = nn.Sequential(nn.Linear(2 * width + 2, width), nn.ReLU(), nn.Linear(width, 1))
        self.shift: Tensor
        self.register_buffer("shift", torch.zeros(()))  # of presence, so that it is even where it decides

    def forward(self, facts: Facts, tokens: Tensor) -> Verdict:
        """Judge sentences int64 (B, S, L) about the pictures of which the facts are."""
        pictures, sentences, _ = tokens.shape
        flat = tokens.flatten(0, 1)
        read = (flat > 0).to(facts.single.dtype)
        unread = (1 - read)[:, None, None] * _FAR
        said = self.words(flat, unread)
        summary = (said * read[..., None]).sum(1) / read.sum(1, keepdim=True).clamp(min=1.0)
        h = self.named(facts.classes) + self.single(facts.single)
        h = _each(h, sentences)
        valid = _each(facts.valid, sentences)
        bias = self.pair(facts.pair).permute(0, 3, 1, 2)
        hidden = ((1 - facts.valid) * _FAR)[:, None, None]
        bias = _each(bias + hidden, sentences)
        for place, layer in enumerate(self.rounds):
            h = layer(h, said, unread, bias[:, place * _HEADS : (place + 1) * _HEADS], valid)
        h = self.norm(h)
        text = summary[:, None].expand(-1, h.shape[1], -1)
        things = self.things(torch.cat((h, text), 2))[..., 0] + (1 - valid) * _FAR
        best = (h + ((1 - valid) * _FAR)[..., None]).amax(1).clamp(min=-20.0)
        count, likeliest = things.sigmoid().sum(1), things.amax(1)
        told = torch.stack((count.clamp(max=8.0), likeliest.clamp(-8.0, 8.0)), 1)
        presence = self.presence(torch.cat((best, summary, told), 1))[..., 0] - self.shift
        return Verdict(things.unflatten(0, (pictures, sentences)), presence.unflatten(0, (pictures, sentences)))


def _each(x: Tensor, sentences: int) -> Tensor:
    """What is of a picture, once for each of its sentences: (B, ...) to (B * S, ...)."""
    return x[:, None].expand(-1, sentences, *x.shape[1:]).flatten(0, 1)
