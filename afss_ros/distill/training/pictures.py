"""What a run looks like: its curves, and a sheet of the same validation images after every epoch."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from afss_ros.datasets.files import write_atomically
from afss_ros.distill.errors import DistillError
from afss_ros.distill.training.validation import Shown
from afss_ros.labels import colorize


def sheet(shown: Sequence[Shown], side: int = 192, columns: int = 6) -> NDArray[np.uint8]:
    """A grid of image, truth and prediction, one below the other: uint8 RGB."""
    tiles = [_tile(s, side) for s in shown]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % min(columns, len(tiles)))
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    width = max(r.shape[1] for r in rows)
    return np.vstack([np.pad(r, ((0, 0), (0, width - r.shape[1]), (0, 0))) for r in rows])


def _tile(shown: Shown, side: int) -> NDArray[np.uint8]:
    height, width = shown.truth.shape
    scale = side / max(height, width)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    image = cv2.resize(shown.image, inner, interpolation=cv2.INTER_AREA)
    maps = [cv2.resize(colorize(m), inner, interpolation=cv2.INTER_NEAREST) for m in (shown.truth, shown.predicted)]
    margin = (0, side - inner[1]), (0, side - inner[0]), (0, 0)
    rows = [np.pad(picture, margin) for picture in (image, *maps)]
    return np.pad(np.vstack(rows), ((2, 2), (2, 2), (0, 0))).astype(np.uint8)


def write_sheet(path: Path, shown: Sequence[Shown]) -> None:
    """Write the sheet as a picture."""
    if shown:
        done, coded = cv2.imencode(
            ".jpg", cv2.cvtColor(sheet(shown), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85]
        )
        if not done:
            raise DistillError(f"{path}: the sheet cannot be encoded")
        write_atomically(path, bytes(coded))


def write_curves(path: Path, history: Sequence[Mapping[str, Any]]) -> None:
    """Draw loss and validation scores over steps.

    Args:
        path: of the PNG.
        history: one entry a validation, with `step`, `loss`, `rate` and the scores.
    """
    figure = Figure(figsize=(11, 4))
    # Drawn after every validation: a layout that fits itself draws all of it twice.
    left, right = figure.subplots(1, 2, gridspec_kw={"left": 0.06, "right": 0.98, "bottom": 0.13, "top": 0.92})
    steps = [h["step"] for h in history]
    left.plot(steps, [h["loss"] for h in history])
    left.set(title="training loss", xlabel="step", yscale="log")
    for name in ("whole_iou", "body_iou", "panel_iou", "antenna_iou", "box_iou_head", "box_iou_mask", "box_ap50"):
        if any(name in h for h in history):
            right.plot(steps, [h.get(name, np.nan) for h in history], label=name.replace("_", " "))
    right.set(title="validation", xlabel="step", ylim=(0, 1))
    right.legend(loc="lower right", fontsize="small")
    right.grid(alpha=0.3)
    content = io.BytesIO()
    figure.savefig(content, dpi=110, format="png")
    write_atomically(path, content.getbuffer())
