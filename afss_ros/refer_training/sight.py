"""What referring eyes stand on: the encoder and decoder of a student that was trained for the parts of craft, frozen.

Frozen, because then a picture's features are the same at every step: they are computed once, kept in half precision,
and a step costs what the eyes' own layers cost. On two cores that is the difference between hours and minutes.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

from afss_ros.distill.errors import DistillError
from afss_ros.distill.export.to_onnx import weights_sha256
from afss_ros.distill.models import build
from afss_ros.distill.recipe import StudentRecipe
from afss_ros.distill.training.checkpoint import load_best
from afss_ros.refer.errors import ReferError

STRIDES = (4, 8, 16, 32)
"""Pixels of the picture per cell of the levels that a student is read at."""


@dataclass(frozen=True)
class Foundation:
    """A student to stand on, without its weights.

    Attributes:
        student: its part of the recipe, as plain data.
        mean, std: its normalisation, 8-bit counts per channel.
        sha256: of its weights, as in the metadata of its `.onnx`.
    """

    student: dict[str, Any]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    sha256: str


def read(path: Path) -> tuple[Foundation, dict[str, Tensor]]:
    """A student to stand on, and its weights.

    Args:
        path: whatever `afss export` exports: a run, its `best.pt`, or published `.safetensors`.

    Raises:
        ReferError: there is no student of our own networks.
    """
    try:
        trained = load_best(path)
        student = trained.parsed_recipe().student.model_copy(update={"encoder_weights": None, "initial": None})
    except DistillError as err:
        raise ReferError(f"eyes.student: {err}") from err
    sha256 = weights_sha256(trained.weights)
    return Foundation(student.model_dump(mode="json"), trained.mean, trained.std, sha256), trained.weights


class Sight(nn.Module):
    """Pictures to what a student makes of them, at four strides; it never learns.

    Attributes:
        channels: of the levels.
        parts: the last channels of the first level, the chances of the student's parts.

    Raises:
        ReferError: no network that eyes can stand on.
    """

    def __init__(self, foundation: Foundation) -> None:
        super().__init__()
        name = foundation.student.get("name")
        try:
            network = build(StudentRecipe.model_validate(foundation.student))
        except (DistillError, ValueError) as err:
            raise ReferError(f"eyes.student: {name!r} cannot be built ({err})") from err
        coarse = getattr(network.encoder, "out_channels", ())
        if len(coarse) != len(("picture", 2, *STRIDES)):
            raise ReferError(f"eyes.student: {name!r} has no levels at strides {STRIDES}; take one on an encoder")
        self.encoder, self.decoder, self.head, self.stride = (
            network.encoder,
            network.decoder,
            network.head,
            network.stride,
        )
        first = next(layer for layer in self.head.modules() if isinstance(layer, nn.Conv2d))
        self.parts = first.out_channels
        self.channels = (first.in_channels + self.parts, *(int(c) for c in coarse[3:]))
        self.mean: Tensor
        self.std: Tensor
        for key, values in (("mean", foundation.mean), ("std", foundation.std)):
            self.register_buffer(key, torch.tensor(values).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.eval()

    def fill(self, weights: dict[str, Tensor]) -> None:
        """Take the student's weights, of which those of its boxes and names are left."""
        ours = self.state_dict()
        self.load_state_dict({name: weights[name] for name in ours})

    def train(self, mode: bool = True) -> Sight:
        """Stay as it is: statistics of normalisation are the student's too."""
        return super().train(False)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Pictures float (B, 3, H, W), 0..1, to levels float (B, C, H / stride, W / stride).

        The first holds the decoder's features and the chance of every part.
        """
        features = self.encoder((picture * 255 - self.mean) / self.std)
        decoded = self.decoder(features)
        both = torch.cat((decoded, self.head(decoded).softmax(1)), 1)
        if self.stride < STRIDES[0]:
            both = F.avg_pool2d(both, STRIDES[0] // self.stride)
        return [both, *features[3:]]


class Remembered:
    """What a sight makes of pictures that come again and again: each computed once, kept on disk in half precision.

    The file has no name, so nothing is left of it, however the process ends.

    Args:
        pictures: uint8 (S, S, 3) each.
        folder: where there is room.
    """

    def __init__(self, sight: Sight, pictures: Sequence[np.ndarray[Any, np.dtype[np.uint8]]], folder: Path) -> None:
        self._sight, self._pictures, self._folder = sight, pictures, folder
        side = pictures[0].shape[0]
        self._shapes = [(c, side // s, side // s) for c, s in zip(sight.channels, STRIDES, strict=True)]
        self._bytes = 2 * sum(math.prod(shape) for shape in self._shapes)
        self._known = np.zeros(len(pictures), bool)
        self._file: Any = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by __exit__

    def levels(self, places: Sequence[int]) -> list[Tensor]:
        """The levels of some of the pictures, float (B, C, h, w).

        Raises:
            ReferError: the disk is full.
        """
        found = [self._one(place) for place in places]
        return [torch.stack(level).float() for level in zip(*found, strict=True)]

    def _one(self, place: int) -> list[Tensor]:
        if not self._known[place]:
            picture = torch.from_numpy(self._pictures[place][None]).permute(0, 3, 1, 2).float() / 255
            with torch.no_grad():
                flat = torch.cat([level.flatten() for level in self._sight(picture)]).half().numpy()
            try:
                written = os.pwrite(self._file.fileno(), flat.tobytes(), place * self._bytes)
            except OSError as err:
                raise self._full(err.strerror or str(err)) from err
            if written < self._bytes:
                raise self._full(f"{written} of {self._bytes} bytes fit")
            self._known[place] = True
        else:
            flat = np.frombuffer(os.pread(self._file.fileno(), self._bytes, place * self._bytes), np.float16).copy()
        parts = torch.split(torch.from_numpy(flat), [math.prod(shape) for shape in self._shapes])
        return [part.view(shape) for part, shape in zip(parts, self._shapes, strict=True)]

    def _full(self, why: str) -> ReferError:
        need = len(self._pictures) * self._bytes / 1e9
        return ReferError(
            f"{self._folder}: has no room for {need:.1f} GB of features ({why}); make room and run the same command"
            " again, or choose fewer pictures or a smaller data.size"
        )

    def __enter__(self) -> Remembered:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
