"""A whole large frame through a network that sees tiles: probabilities blended, on the ground.

On board a student gives each pixel's label and its confidence, and tiles vote with those (`student.tiling`). Here the
network itself is at hand, so all its probabilities are blended, with the same tiles and the same weights.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows it by

from afss_ros.distill.data.normalisation import Normalise
from afss_ros.distill.training import precision
from afss_ros.student import letterbox, tiling

Look = Callable[[NDArray[np.uint8]], Tensor]
"""From a tile uint8 (T, T, 3) to float (C, T, T), the probabilities of its labels."""

OVERLAP = 0.25
"""Of neighbouring tiles, as on board by default."""


def label_frame(
    network: nn.Module, normalise: Normalise, image: NDArray[np.uint8], *, tile: int, dtype: torch.dtype
) -> NDArray[np.uint8]:
    """Label a frame of any size at its own scale.

    Args:
        network: in evaluation mode.
        normalise: with the statistics that it was trained with.
        image: uint8 (H, W, 3), RGB.
        tile: side of the square that the network sees, pixels.
        dtype: of the computation.

    Returns:
        uint8 (H, W), label ids.
    """
    device = normalise.mean.device

    @torch.inference_mode()
    def look(part: NDArray[np.uint8]) -> Tensor:
        with precision.autocast(dtype, device):
            found = network(normalise(torch.from_numpy(part)[None].to(device)))
        logits = F.interpolate(found.logits.float(), size=(tile, tile), mode="bilinear")
        return logits.softmax(1)[0]

    return np.asarray(probabilities(look, image, tile).argmax(0), np.uint8)


def probabilities(look: Look, image: NDArray[np.uint8], tile: int, *, overlap: float = OVERLAP) -> NDArray[np.float32]:
    """The weighted mean of what all tiles say: float32 (C, H, W), which adds up to 1 over C.

    A frame that fits into a tile is shown in its top left corner; what lies beyond a frame is black.
    """
    height, width = image.shape[:2]
    rows, cols = tiling.axis(height, tile, overlap), tiling.axis(width, tile, overlap)
    canvas = np.full((rows.length, cols.length, 3), letterbox.PAD_VALUE, np.uint8)
    canvas[:height, :width] = image
    total: NDArray[np.float32] | None = None
    for y, row_weight in zip(rows.starts, tiling.weights(rows), strict=True):
        for x, col_weight in zip(cols.starts, tiling.weights(cols), strict=True):
            down, right = slice(y, y + tile), slice(x, x + tile)
            seen = look(np.ascontiguousarray(canvas[down, right])).cpu().numpy()
            if total is None:
                total = np.zeros((len(seen), *canvas.shape[:2]), np.float32)
            total[:, down, right] += seen * np.outer(row_weight, col_weight)
    assert total is not None
    return total[:, :height, :width]
