"""Segmentation metrics in two steps: confusion counts once an image, everything else derived from the counts.

A confusion is int64 (C, C), truth by row, prediction by column, C = 5: the ids 0..3 of `afss_ros.labels` and 4 for a
pixel that is craft of unknown part. The whole craft is the union of 1..4, so truths and students that know only the
whole are scored by it. Pixels whose truth is 255 are in no count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.labels import ANTENNA, BACKGROUND, BODY, CLASS_IDS, PANEL, PART_IDS, SPACECRAFT, UNLABELLED

Confusion = NDArray[np.int64]
Float = NDArray[np.float64]
Counts = NDArray[np.integer[Any]] | NDArray[np.floating[Any]]
"""Confusions (..., 5, 5), as counted or as weighted sums."""

SIDE = SPACECRAFT + 1
CLASSES: dict[str, tuple[int, ...]] = {
    "whole": (*PART_IDS, SPACECRAFT),
    "body": (BODY,),
    "panel": (PANEL,),
    "antenna": (ANTENNA,),
}
"""What is scored: name -> the ids that together make it."""

MEAN_PARTS = ("body", "panel")
"""The parts in "mean part" metrics. Antennas are few and thin, and most sets label them differently or not at all."""


def confusion(truth: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> Confusion:
    """Count pixels by truth and prediction.

    Args:
        truth: uint8 (H, W), ids 0..4 or 255.
        predicted: uint8 (H, W), ids 0..4.

    Returns:
        int64 (5, 5).

    >>> confusion(np.array([[0, 1, 255]], np.uint8), np.array([[0, 2, 1]], np.uint8))[:3, :3].tolist()
    [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"truth is {truth.shape}, prediction is {predicted.shape}; they must be of one size")
    decided = truth != UNLABELLED
    codes = truth[decided].astype(np.intp) * SIDE + predicted[decided]
    if codes.size and (codes.max() >= SIDE * SIDE or predicted.max() >= SIDE):
        raise ValueError(f"ids must lie in 0..{SIDE - 1}, got {truth[decided].max()} and {predicted.max()}")
    return np.bincount(codes, minlength=SIDE * SIDE).reshape(SIDE, SIDE).astype(np.int64)


def to_common_ids(labels: NDArray[np.uint8], class_names: dict[int, str]) -> NDArray[np.uint8]:
    """Turn label ids that mean `class_names` into ours, by name.

    A class with a name that is none of ours is craft of unknown part (4); "background" is 0; 255 stays.
    """
    table = np.full(256, SPACECRAFT, np.uint8)
    table[BACKGROUND] = BACKGROUND
    table[UNLABELLED] = UNLABELLED
    for identifier, name in class_names.items():
        table[identifier] = CLASS_IDS.get(name, SPACECRAFT)
    return table[labels]


def counts(confusions: Counts, ids: Sequence[int]) -> tuple[Float, Float, Float]:
    """True positives, false positives and false negatives of the class made of `ids`.

    Args:
        confusions: (..., 5, 5).

    Returns:
        Three float64 arrays (...).
    """
    inside = np.zeros(SIDE, bool)
    inside[list(ids)] = True
    block = confusions[..., inside, :].astype(np.float64)
    true_positive = block[..., inside].sum((-2, -1))
    false_negative = block[..., ~inside].sum((-2, -1))
    false_positive = confusions[..., ~inside, :][..., inside].sum((-2, -1)).astype(np.float64)
    return true_positive, false_positive, false_negative


def iou(confusions: Counts, ids: Sequence[int]) -> Float:
    """Intersection over union (Jaccard) of the class made of `ids`; NaN where neither truth nor prediction has it."""
    tp, fp, fn = counts(confusions, ids)
    return _ratio(tp, tp + fp + fn)


def dice(confusions: Counts, ids: Sequence[int]) -> Float:
    """Dice coefficient (F1) of the class made of `ids`; NaN where neither truth nor prediction has it."""
    tp, fp, fn = counts(confusions, ids)
    return _ratio(2 * tp, 2 * tp + fp + fn)


def summarise(confusions: Counts, known: Sequence[str]) -> dict[str, float | None]:
    """Every segmentation metric of a set of images.

    Pooled metrics add the pixels of all images up first. `..._per_image` metrics are means over the images in which
    truth or prediction has the class.

    Args:
        confusions: int (N, 5, 5), one an image.
        known: the names in `CLASSES` that the truth tells apart; the others are None in the result.

    Returns:
        `{class}_iou`, `{class}_dice` for the classes and `mean_part`, each also with `_per_image`.
    """
    result: dict[str, float | None] = {}
    for suffix, measure in (("iou", iou), ("dice", dice)):
        for name, ids in CLASSES.items():
            usable = name in known and len(confusions) > 0
            result[f"{name}_{suffix}"] = finite(float(measure(confusions.sum(0), ids))) if usable else None
            result[f"{name}_{suffix}_per_image"] = _mean(measure(confusions, ids)) if usable else None
        for tail in ("", "_per_image"):
            parts = [result[f"{name}_{suffix}{tail}"] for name in MEAN_PARTS]
            found = [p for p in parts if p is not None]
            result[f"mean_part_{suffix}{tail}"] = sum(found) / len(found) if len(found) == len(parts) else None
    return result


def finite(value: float) -> float | None:
    """The value, or None where it is not a number: JSON has no NaN."""
    return value if np.isfinite(value) else None


def _ratio(part: Float, whole: Float) -> Float:
    undefined = np.full(np.shape(whole), np.nan)
    return np.asarray(np.divide(part, whole, out=undefined, where=whole > 0), np.float64)


def _mean(values: Float) -> float | None:
    present = values[np.isfinite(values)]
    return float(present.mean()) if present.size else None
