"""Scores on labelled pixels and boxes, from counts: count once, derive everything."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afss_ros.labels import CLASS_NAMES, PART_IDS, UNLABELLED


def confusion(predicted: NDArray[np.uint8], truth: NDArray[np.uint8], classes: int = 4) -> NDArray[np.int64]:
    """Pixel counts int64 (classes, classes): row = true id, column = predicted id; 255 in the truth is left out.

    >>> confusion(np.array([[0, 1]], np.uint8), np.array([[0, 2]], np.uint8), 3).tolist()
    [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
    """
    known = truth != UNLABELLED
    pairs = truth[known].astype(np.int64) * classes + predicted[known]
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def iou_by_class(counts: NDArray[np.int64]) -> dict[str, float]:
    """IoU of every part and of the whole craft; a class in neither truth nor prediction is left out."""
    out: dict[str, float] = {}
    for part in PART_IDS:
        union = counts[part].sum() + counts[:, part].sum() - counts[part, part]
        if union:
            out[f"{CLASS_NAMES[part]}_iou"] = float(counts[part, part] / union)
    whole = counts[1:, 1:].sum()
    union = counts.sum() - counts[0, 0]
    if union:
        out["whole_iou"] = float(whole / union)
    parts = [out[k] for k in ("body_iou", "panel_iou") if k in out]
    if parts:
        out["mean_part_iou"] = float(np.mean(parts))
    return out


def box_iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """IoU of two boxes (4,) xyxy; 0 when either is NaN or empty."""
    overlap = np.prod((np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])).clip(0))
    union = np.prod((a[2:] - a[:2]).clip(0)) + np.prod((b[2:] - b[:2]).clip(0)) - overlap
    return float(overlap / union) if union > 0 else 0.0


def bounds(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The box around all true pixels (H, W), normalised to 0..1; NaN when there are none."""
    if not mask.any():
        return np.full(4, np.nan, np.float32)
    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    height, width = mask.shape
    return np.array([xs[0] / width, ys[0] / height, (xs[-1] + 1) / width, (ys[-1] + 1) / height], np.float32)
