"""Sentences of a set with their pictures, read when they are asked for: public sets do not fit into memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from afss_ros.datasets.pictures import read_rgb
from afss_ros.datasets.rle import decode
from afss_ros.refer.errors import ReferError, SentenceError
from afss_ros.refer.sets.references import read_references, read_scenes
from afss_ros.refer_training.clipsam.files import encode
from afss_ros.refer_training.data import learnable
from afss_ros.student import letterbox

MASK_STRIDE = 4
"""Pixels of the letterboxed picture per pixel of a mask, as SAM draws them."""
RULES = "rules"
"""Source of sentences that `afss refer build` wrote, where port is a side of a craft; to others it is a harbour."""


@dataclass(frozen=True)
class Asked:
    """One sentence about a picture.

    Attributes:
        picture: its file.
        text: the sentence.
        tokens: int64 (64,).
        masks: of what it means, as COCO run lengths in the picture's size; none where it rightly means nothing.
    """

    picture: Path
    text: str
    tokens: NDArray[np.int64]
    masks: tuple[Any, ...]


def read(sets: Sequence[Path], split: str, tokeniser: Any) -> tuple[list[Asked], int]:
    """The sentences of a split, and how many were left out, for SigLIP does not read so many words at once.

    Raises:
        ReferError: there is none, or a line of a set is none.
        DatasetError: a file cannot be read.
    """
    found: list[Asked] = []
    long = 0
    for root in sets:
        scenes = {key: scene for key, scene in read_scenes(root).items() if scene["split"] == split}
        masks = {key: {thing["id"]: thing["mask"] for thing in scene["things"]} for key, scene in scenes.items()}
        pictures = {key: root / scene["image"] for key, scene in scenes.items()}
        for reference in read_references(root):
            if reference.scene not in scenes or (reference.source == RULES and not learnable(reference.text)):
                continue
            try:
                meant = tuple(masks[reference.scene][target] for target in reference.targets)
            except KeyError as err:
                raise ReferError(
                    f"{root}: {reference.text!r} means thing {err} of {reference.scene!r}, which has no such"
                ) from err
            try:
                found.append(Asked(pictures[reference.scene], reference.text, encode(tokeniser, reference.text), meant))
            except SentenceError:
                long += 1
    if not found:
        raise ReferError(f"{', '.join(map(str, sets))}: no sentence of split {split!r}; build or convert a set with it")
    return found, long


def fingerprint(asked: Sequence[Asked]) -> str:
    """A hash of what is learned from: pictures' names, sentences and how many things each means."""
    facts = repr([(one.picture.name, one.text, len(one.masks)) for one in asked])
    return hashlib.sha256(facts.encode(errors="backslashreplace")).hexdigest()


class Pictured(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Picture uint8 (S, S, 3), tokens int64 (64,) and mask float (S / 4, S / 4), 0..1, of each sentence.

    Args:
        size: S; pictures are letterboxed.
    """

    def __init__(self, asked: Sequence[Asked], size: int) -> None:
        self.asked, self.size = asked, size

    def __len__(self) -> int:
        return len(self.asked)

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor, Tensor]:
        one = self.asked[place]
        picture, box = fitted(read_rgb(one.picture), self.size)
        return torch.from_numpy(picture), torch.from_numpy(one.tokens), torch.from_numpy(_mask(one, box, self.size))


def fitted(image: NDArray[np.uint8], size: int) -> tuple[NDArray[np.uint8], letterbox.Letterbox]:
    """An image uint8 (H, W, 3) letterboxed to (size, size, 3), and how."""
    box = letterbox.fit((image.shape[0], image.shape[1]), (size, size))
    return np.array(letterbox.apply(image, box, np.zeros((size, size, 3), np.uint8))), box


def _mask(one: Asked, box: letterbox.Letterbox, size: int) -> NDArray[np.float32]:
    whole = np.zeros((size, size), np.uint8)
    if one.masks:
        meant = np.logical_or.reduce([decode(mask) for mask in one.masks])
        if meant.shape != box.source:
            raise ReferError(f"{one.picture}: is of {box.source} pixels, the masks of its things of {meant.shape}")
        rows, columns = slice(box.top, box.top + box.content[0]), slice(box.left, box.left + box.content[1])
        content = (box.content[1], box.content[0])
        whole[rows, columns] = cv2.resize(meant.astype(np.uint8) * 255, content, interpolation=cv2.INTER_AREA)
    small = cv2.resize(whole, (size // MASK_STRIDE, size // MASK_STRIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(np.asarray(small, np.float32) / 255, np.float32)
