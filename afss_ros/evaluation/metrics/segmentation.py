"""Segmentation metrics in two steps: confusion counts once an image, everything else derived from the counts.

A confusion is int64 (C, C), truth by row, prediction by column, of common ids: 0..3 are those of `afss_ros.labels`, 4
is craft of unknown part, and 5, 6, ... are further classes that data set and student both know by name. The whole craft
is the union of all but 0, so truths and students that know only the whole are scored by it. Pixels whose truth is 255
are in no count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.labels import ANTENNA, BACKGROUND, BODY, CLASS_IDS, PANEL, SPACECRAFT, UNLABELLED

Confusion = NDArray[np.int64]
Float = NDArray[np.float64]
Counts = NDArray[np.integer[Any]] | NDArray[np.floating[Any]]
"""Confusions (..., C, C), as counted or as weighted sums."""

SIDE = SPACECRAFT + 1
"""Ids that every confusion has; further classes come after them."""

CLASSES: dict[str, slice] = {
    "whole": slice(BACKGROUND + 1, None),
    "body": slice(BODY, BODY + 1),
    "panel": slice(PANEL, PANEL + 1),
    "antenna": slice(ANTENNA, ANTENNA + 1),
}
"""What is always scored: name -> the common ids that together make it."""

MEAN_PARTS = ("body", "panel")
"""The parts in "mean part" metrics. Antennas are few and thin, and most sets label them differently or not at all."""


def confusion(truth: NDArray[np.uint8], predicted: NDArray[np.uint8], side: int = SIDE) -> Confusion:
    """Count pixels by truth and prediction.

    Args:
        truth: uint8 (H, W), ids below `side`, or 255.
        predicted: uint8 (H, W), ids below `side`.

    Returns:
        int64 (side, side).

    >>> confusion(np.array([[0, 1, 255]], np.uint8), np.array([[0, 2, 1]], np.uint8))[:3, :3].tolist()
    [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"truth is {truth.shape}, prediction is {predicted.shape}; they must be of one size")
    decided = truth != UNLABELLED
    codes = truth[decided].astype(np.intp) * side + predicted[decided]
    if codes.size and (codes.max() >= side * side or predicted.max() >= side):
        raise ValueError(f"ids must lie in 0..{side - 1}, got {truth[decided].max()} and {predicted.max()}")
    return np.bincount(codes, minlength=side * side).reshape(side, side).astype(np.int64)


def to_common_ids(
    labels: NDArray[np.uint8], class_names: Mapping[int, str], further: Sequence[str] = ()
) -> NDArray[np.uint8]:
    """Turn label ids that mean `class_names` into common ones, by name.

    A class that is neither ours nor in `further` is craft of unknown part (4); "background" is 0; 255 stays.
    """
    common = CLASS_IDS | {name: SIDE + i for i, name in enumerate(further)}
    table = np.full(256, SPACECRAFT, np.uint8)
    table[BACKGROUND] = BACKGROUND
    table[UNLABELLED] = UNLABELLED
    for identifier, name in class_names.items():
        table[identifier] = common.get(name, SPACECRAFT)
    return table[labels]


def without_further(confusions: Confusion) -> Confusion:
    """The same counts (..., C, C) as (..., 5, 5), with every further class as craft of unknown part.

    >>> without_further(np.eye(7, dtype=np.int64))[4].tolist()
    [0, 0, 0, 0, 3]
    """
    by_prediction = np.add.reduceat(confusions, range(SIDE), axis=-1)
    return np.asarray(np.add.reduceat(by_prediction, range(SIDE), axis=-2), np.int64)


def counts(confusions: Counts, ids: slice) -> tuple[Float, Float, Float]:
    """True positives, false positives and false negatives of the class made of `ids`.

    Args:
        confusions: (..., C, C).

    Returns:
        Three float64 arrays (...).
    """
    true_positive, true, positive = (
        np.asarray(block.sum((-2, -1)), np.float64)
        for block in (confusions[..., ids, ids], confusions[..., ids, :], confusions[..., ids])
    )
    return true_positive, positive - true_positive, true - true_positive


def iou(confusions: Counts, ids: slice) -> Float:
    """Intersection over union (Jaccard) of the class made of `ids`; NaN where neither truth nor prediction has it."""
    tp, fp, fn = counts(confusions, ids)
    return _ratio(tp, tp + fp + fn)


def dice(confusions: Counts, ids: slice) -> Float:
    """Dice coefficient (F1) of the class made of `ids`; NaN where neither truth nor prediction has it."""
    tp, fp, fn = counts(confusions, ids)
    return _ratio(2 * tp, 2 * tp + fp + fn)


def summarise(confusions: Counts, known: Sequence[str]) -> dict[str, float | None]:
    """The metrics of `CLASSES` in a set of images.

    Pooled metrics add the pixels of all images up first. `..._per_image` metrics are means over the images in which
    truth or prediction has the class.

    Args:
        confusions: int (N, C, C), one an image.
        known: the names in `CLASSES` that the truth tells apart; the others are None in the result.

    Returns:
        `{class}_iou`, `{class}_dice` for the classes and `mean_part`, each also with `_per_image`.
    """
    result: dict[str, float | None] = {}
    for suffix, measure in (("iou", iou), ("dice", dice)):
        for name, ids in CLASSES.items():
            usable = name in known and len(confusions) > 0
            pooled, per_image = _pooled_and_mean(measure, confusions, ids) if usable else (None, None)
            result[f"{name}_{suffix}"], result[f"{name}_{suffix}_per_image"] = pooled, per_image
        for tail in ("", "_per_image"):
            parts = [result[f"{name}_{suffix}{tail}"] for name in MEAN_PARTS]
            found = [p for p in parts if p is not None]
            result[f"mean_part_{suffix}{tail}"] = sum(found) / len(found) if len(found) == len(parts) else None
    return result


def summarise_further(confusions: Counts, further: Sequence[str]) -> dict[str, dict[str, float | None]]:
    """The metrics of further classes: name -> `iou`, `iou_per_image`, `dice`, `dice_per_image`, as in `summarise`.

    Args:
        confusions: int (N, C, C), one an image, C = 5 + number of further classes.
        further: their names, in the order of their ids.
    """
    result: dict[str, dict[str, float | None]] = {name: {} for name in further}
    for identifier, figures in enumerate(result.values(), SIDE):
        for key, measure in (("iou", iou), ("dice", dice)):
            pooled, per_image = _pooled_and_mean(measure, confusions, slice(identifier, identifier + 1))
            figures[key], figures[f"{key}_per_image"] = pooled, per_image
    return result


def finite(value: float) -> float | None:
    """The value, or None where it is not a number: JSON has no NaN."""
    return value if np.isfinite(value) else None


def _pooled_and_mean(
    measure: Callable[[Counts, slice], Float], confusions: Counts, ids: slice
) -> tuple[float | None, float | None]:
    return finite(float(measure(confusions.sum(0), ids))), _mean(measure(confusions, ids))


def _ratio(part: Float, whole: Float) -> Float:
    undefined = np.full(np.shape(whole), np.nan)
    return np.asarray(np.divide(part, whole, out=undefined, where=whole > 0), np.float64)


def _mean(values: Float) -> float | None:
    present = values[np.isfinite(values)]
    return float(present.mean()) if present.size else None
