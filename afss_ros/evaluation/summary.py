"""From the results of images to the figures of a report: metrics, their confidence intervals, and strata."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isqrt
from typing import Any

import numpy as np

from afss_ros.evaluation import calibration, metrics
from afss_ros.evaluation.detection import average_precision, precision_curves
from afss_ros.evaluation.evaluate import ImageResult

Figures = dict[str, float | None]

RESAMPLES = 1000
_MAX_GROUPS = 12


def measure(results: Sequence[ImageResult], known: Sequence[str]) -> Figures:
    """Every accuracy metric over these images; None where truth or student cannot give it."""
    confusions = [r.confusion for r in results if r.confusion is not None]
    figures = metrics.summarise(_stack(confusions), known)
    objects = [r.objects for r in results if r.objects is not None]
    boxes, masks = average_precision(objects, "bbox"), average_precision(objects, "segm")
    figures |= {"box_ap": boxes["ap"], "box_ap50": boxes["ap50"], "box_ap75": boxes["ap75"]}
    # A student without masks has no mask AP; one that merely found nothing has a mask AP of 0.
    segments = bool(confusions) or any(f.rle is not None for o in objects for f in o.found)
    figures |= {"mask_ap": masks["ap"] if segments else None, "mask_ap50": masks["ap50"] if segments else None}
    figures["score_error"] = calibration.expected_error(calibration.judged_scores(objects))
    lines = [r.boundary for r in results if r.boundary is not None]
    figures["boundary_f"] = _mean([line.f for line in lines])
    figures["hausdorff95_px"] = _mean([line.hausdorff95_px for line in lines if line.hausdorff95_px is not None])
    box_ious = [r.box_iou for r in results if r.box_iou is not None]
    figures["mean_box_iou"] = _mean(box_ious)
    return figures


def further(results: Sequence[ImageResult], names: Sequence[str], *, seed: int = 0) -> dict[str, dict[str, Any]]:
    """The metrics of further classes: name -> figures of `metrics.summarise_further`, and `iou_interval_95`.

    Args:
        names: of the classes, in the order of their ids; see `Report.further`.
    """
    if not names:
        return {}
    confusions = _stack([r.confusion for r in results if r.confusion is not None])
    resampled, clusters = _resample([r for r in results if r.confusion is not None], seed)
    out: dict[str, dict[str, Any]] = {}
    for i, (name, figures) in enumerate(metrics.summarise_further(confusions, names).items(), metrics.SIDE):
        interval = _percentiles(metrics.iou(resampled, slice(i, i + 1))) if clusters > 1 else None
        out[name] = {**figures, "iou_interval_95": interval}
    return out


def curves(results: Sequence[ImageResult]) -> dict[str, list[list[int]] | list[float] | None]:
    """What plots are made of.

    Returns:
        "confusion": pixels by truth (row) and prediction, 5x5 (see `metrics`).
        "box_precision_50": precision of boxes at IoU 0.5 for recall 0, 0.01, ..., 1.
        None where it is not known.
    """
    confusions = [r.confusion for r in results if r.confusion is not None]
    precision = precision_curves([r.objects for r in results if r.objects is not None], "bbox")
    return {
        "confusion": metrics.without_further(np.sum(confusions, axis=0)).tolist() if confusions else None,
        "box_precision_50": None if precision is None else np.round(precision[0], 4).tolist(),
    }


def intervals(results: Sequence[ImageResult], known: Sequence[str], *, seed: int = 0) -> dict[str, list[float] | None]:
    """95 % percentile bootstrap intervals (Efron 1979) of the pooled IoUs and the mean box IoU.

    Images are drawn with replacement, whole sequences where there are sequences: neighbouring frames are no
    independent evidence. None with fewer than two to draw from.
    """
    confusions, clusters = _resample([r for r in results if r.confusion is not None], seed)
    out: dict[str, list[float] | None] = {}
    for name, ids in metrics.CLASSES.items():
        usable = name in known and clusters > 1
        out[f"{name}_iou"] = _percentiles(metrics.iou(confusions, ids)) if usable else None
    if clusters > 1 and all(name in known for name in metrics.MEAN_PARTS):
        parts = [metrics.iou(confusions, metrics.CLASSES[name]) for name in metrics.MEAN_PARTS]
        out["mean_part_iou"] = _percentiles(np.mean(parts, axis=0))
    else:
        out["mean_part_iou"] = None
    sums, sizes = _sums([r for r in results if r.box_iou is not None], lambda r: np.array([r.box_iou], np.float64))
    weights = _draw(len(sums), seed)
    out["mean_box_iou"] = _percentiles((weights @ sums)[:, 0] / (weights @ sizes)) if len(sums) > 1 else None
    return out


def strata(results: Sequence[ImageResult], known: Sequence[str]) -> dict[str, dict[str, Figures]]:
    """The metrics of groups of images: by apparent size of the craft, by light on it, by what the set says of them.

    Size is sqrt(craft area / image area); light is the mean pixel value on the craft. An attribute divides the images
    when it has 2 to 12 values, all of them text.

    Returns:
        Grouping -> group -> figures, with `images` as their number.
    """
    groupings: dict[str, dict[str, list[ImageResult]]] = {
        "size": {name: [] for _, name in _SIZES},
        "light": {name: [] for _, name in _LIGHTS},
    }
    for result in results:
        if result.size is not None and result.brightness is not None:
            groupings["size"][_bin(result.size, _SIZES)].append(result)
            groupings["light"][_bin(result.brightness, _LIGHTS)].append(result)
    for name in sorted({a for r in results for a, v in r.sample.attributes.items() if isinstance(v, str)}):
        groups: dict[str, list[ImageResult]] = {}
        for result in results:
            groups.setdefault(str(result.sample.attributes.get(name, "")), []).append(result)
        if 2 <= len(groups) <= _MAX_GROUPS:
            groupings[name] = dict(sorted(groups.items()))
    divided = {grouping: groups for grouping, groups in groupings.items() if sum(map(bool, groups.values())) > 1}
    return {
        grouping: {group: {"images": float(len(r)), **measure(r, known)} for group, r in groups.items() if r}
        for grouping, groups in divided.items()
    }


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


_SIZES = ((0.1, "small < 0.1"), (0.4, "medium < 0.4"), (np.inf, "large"))
_LIGHTS = ((32.0, "dark < 32"), (96.0, "dim < 96"), (np.inf, "bright"))


def _bin(value: float, edges: Sequence[tuple[float, str]]) -> str:
    return next(name for edge, name in edges if value < edge)


def _stack(confusions: Sequence[metrics.Confusion]) -> metrics.Confusion:
    """Confusions as one array (N, C, C)."""
    return np.stack(confusions) if confusions else np.zeros((0, metrics.SIDE, metrics.SIDE), np.int64)


def _resample(counted: Sequence[ImageResult], seed: int) -> tuple[metrics.Float, int]:
    """Pooled confusions (RESAMPLES, C, C) of the bootstrap, and how many clusters it drew from."""
    sums, _ = _sums(counted, lambda r: np.asarray(r.confusion, np.float64).ravel())
    side = isqrt(sums.shape[1])
    return (_draw(len(sums), seed) @ sums).reshape(-1, side, side), len(sums)


def _sums(
    results: Sequence[ImageResult], value: Callable[[ImageResult], metrics.Float]
) -> tuple[metrics.Float, metrics.Float]:
    """The values (N, K) added up by sequence, and how many images each sum has; an image without one is alone."""
    sums: dict[str, metrics.Float] = {}
    sizes: dict[str, float] = {}
    for number, result in enumerate(results):
        cluster = f"sequence {result.sample.sequence}" if result.sample.sequence else f"image {number}"
        sums[cluster] = sums.get(cluster, 0.0) + value(result)
        sizes[cluster] = sizes.get(cluster, 0.0) + 1.0
    width = metrics.SIDE * metrics.SIDE
    return np.array(list(sums.values())) if sums else np.zeros((0, width)), np.array(list(sizes.values()))


def _draw(clusters: int, seed: int) -> metrics.Float:
    """How often each cluster is drawn in each resample: float64 (RESAMPLES, clusters)."""
    if clusters == 0:
        return np.zeros((RESAMPLES, 0))
    random = np.random.default_rng(seed)
    return random.multinomial(clusters, np.full(clusters, 1 / clusters), RESAMPLES).astype(np.float64)


def _percentiles(values: metrics.Float) -> list[float] | None:
    present = values[np.isfinite(values)]
    if not present.size:
        return None
    return [float(v) for v in np.percentile(present, [2.5, 97.5])]
