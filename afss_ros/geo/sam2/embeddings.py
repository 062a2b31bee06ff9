"""What the image encoder says of each picture, kept on disk: it costs most of a step and never changes while frozen.

A file is named by its content: the picture, the checkpoint, and how it is computed. So it serves every run, a changed
picture is never taken for another, and nothing needs to be thrown away. Numbers are halves, also where they were just
computed, so that a run gives the same whether it found them here or not.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

from afss_ros.datasets.files import write_atomically
from afss_ros.geo.errors import GeoError
from afss_ros.geo.sam2.network import Sam2

_FORM = "afss embeddings 1"


class Embeddings:
    """Features of pictures by a frozen image encoder.

    Args:
        sam2: must not learn to see while this is used.
        folder: where they are kept; None keeps none.
    """

    def __init__(self, sam2: Sam2, folder: Path | None) -> None:
        self._sam2, self._folder = sam2, folder
        self._device = next(sam2.module.parameters()).device
        facts = (_FORM, sam2.library, sam2.side, sam2.provenance.get("sha256"), self._device.type)
        self._identity = hashlib.sha256(repr(facts).encode()).hexdigest()

    def __call__(self, picture: NDArray[np.uint8]) -> list[Tensor]:
        """Features of a picture uint8 (H, W, 3), float32, on the network's device."""
        path = self._path(picture)
        if path is not None and (found := _read(path)) is not None:
            return [f.to(self._device).float() for f in found]
        with torch.no_grad():
            features = [
                f.half().cpu().contiguous() for f in self._sam2.embed(self._sam2.pixels(picture).to(self._device))
            ]
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, to_bytes({str(i): f for i, f in enumerate(features)}))
        return [f.to(self._device).float() for f in features]

    def require_room(self, example: NDArray[np.uint8], count: int) -> None:
        """Refuse to begin what will not fit on the disk.

        Args:
            example: one of the pictures.
            count: how many there are.

        Raises:
            GeoError: says how much they take, how much there is, and the cure.
        """
        if self._folder is None or not count:
            return
        path = self._path(example)
        assert path is not None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise GeoError(
                f"{self._folder}: cannot be made ({error.strerror or error}); choose another --cache"
            ) from error
        self(example)
        there = sum(1 for _ in path.parents[1].rglob("*.safetensors"))
        needed, free = max(0, count - there) * path.stat().st_size, shutil.disk_usage(self._folder).free
        if needed > free:
            raise GeoError(
                f"{self._folder}: {count} pictures' embeddings take {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are"
                " free; put them elsewhere (--cache FOLDER), or do without (--no-cache)"
            )

    def _path(self, picture: NDArray[np.uint8]) -> Path | None:
        if self._folder is None:
            return None
        digest = hashlib.sha256(f"{self._identity} {picture.shape}".encode())
        digest.update(np.ascontiguousarray(picture).data)
        name = digest.hexdigest()
        return self._folder / self._identity[:12] / name[:2] / f"{name}.safetensors"


def _read(path: Path) -> list[Tensor] | None:
    """None where there is nothing, or nothing whole: it is then made again."""
    try:
        found = load_file(path)
        return [found[str(i)] for i in range(len(found))]
    except (OSError, SafetensorError, KeyError):
        return None
