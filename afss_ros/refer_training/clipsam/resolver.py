"""The adapted network behind the protocol that every resolver has."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

from afss_ros.perception import Detection
from afss_ros.refer.resolver import FOUND, NONE, Answer
from afss_ros.refer_training.clipsam import adapter
from afss_ros.refer_training.clipsam.files import encode
from afss_ros.refer_training.clipsam.network import TOKENS, Looked
from afss_ros.refer_training.clipsam.sentences import fitted
from afss_ros.student.letterbox import Letterbox

NAME = "referred"
"""Of what it finds, which it has no class for."""


class LargeResolver:
    """Answers sentences with a run of `afss refer tune`, on a GPU where there is one; looks at each picture once.

    Raises:
        ReferError: the run holds no network, or its checkpoints cannot be loaded.
    """

    def __init__(self, run: Path) -> None:
        network, self._tokeniser, self.recipe, _ = adapter.restored(run)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._network = network.to(self._device)
        self._seen: tuple[bytes, Looked, Letterbox] | None = None

    def encode(self, text: str) -> NDArray[np.int64]:
        """Tokens of a sentence, int64 (64,).

        Raises:
            SentenceError: it has more.
        """
        return encode(self._tokeniser, text)

    @property
    def blind(self) -> NDArray[np.int64]:
        """The tokens of no words at all."""
        return np.full(TOKENS, int(self._network.siglip.config.text_config.pad_token_id), np.int64)

    def resolve(self, image: NDArray[np.uint8], text: str) -> Answer:
        """Answer a sentence about an image, uint8 (H, W, 3) RGB.

        Raises:
            SentenceError: it has more words than SigLIP reads.
        """
        return self.answer(image, self.encode(text))

    def answer(self, image: NDArray[np.uint8], tokens: NDArray[np.int64]) -> Answer:
        """Answer tokens int64 (64,) about an image, uint8 (H, W, 3) RGB."""
        with torch.inference_mode(), adapter.autocast(self.recipe, self._device):
            looked, box = self._look(image)
            drawn = self._network.answer(looked, torch.from_numpy(tokens[None]).to(self._device))
        there = float(drawn.presence.float().sigmoid()[0])
        mask = _at_source(drawn.mask.float()[0], box)
        if there <= 0.5 or not mask.any():
            return Answer(NONE, np.zeros_like(mask), (), 1 - min(there, 0.5), "there is none that the network sees", 0)
        x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
        corners = np.array([x, y, x + width, y + height], np.float32)
        return Answer(FOUND, mask, (Detection(NAME, corners, there, mask),), there, f"presence {there:.2f}", 1)

    def _look(self, image: NDArray[np.uint8]) -> tuple[Looked, Letterbox]:
        # By its content: a buffer that is written anew is another picture.
        key = hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest()
        if self._seen is None or self._seen[0] != key:
            picture, box = fitted(image, self.recipe.data.size)
            self._seen = key, self._network.look(torch.from_numpy(picture[None]).to(self._device)), box
        return self._seen[1], self._seen[2]


def _at_source(logits: torch.Tensor, box: Letterbox) -> NDArray[np.bool_]:
    """Logits float (h, w) of the letterboxed picture to the mask bool (H, W) of the picture."""
    whole = F.interpolate(logits[None, None], size=box.network, mode="bilinear", align_corners=False)
    content = whole[:, :, box.top : box.top + box.content[0], box.left : box.left + box.content[1]]
    at_source = F.interpolate(content, size=box.source, mode="bilinear", align_corners=False)
    return np.asarray((at_source[0, 0] > 0).cpu().numpy(), bool)
