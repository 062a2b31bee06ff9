"""From the results of images to the figures of a report: metrics, their confidence intervals, and strata."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from afss_ros.evaluation import bootstrap
from afss_ros.evaluation.evaluate import ImageResult
from afss_ros.evaluation.metrics import calibration
from afss_ros.evaluation.metrics import segmentation as metrics
from afss_ros.evaluation.metrics.detection import average_precision, precision_curves

Figures = dict[str, float | None]

_MAX_GROUPS = 12


def measure(results: Sequence[ImageResult], known: Sequence[str]) -> Figures:
    """Every accuracy metric over these images; None where truth or student cannot give it."""
    confusions = [r.confusion for r in results if r.confusion is not None]
    figures = metrics.summarise(_stack(confusions), known)
    objects = [r.objects for r in results if r.objects is not None]
    boxes, masks = average_precision(objects, "bbox"), average_precision(objects, "segm")
    figures |= {"box_ap": boxes["ap"], "box_ap50": boxes["ap50"], "box_ap75": boxes["ap75"]}
    segments = _segments(results)
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
        interval = bootstrap.percentiles(metrics.iou(resampled, slice(i, i + 1))) if clusters > 1 else None
        out[name] = {**figures, "iou_interval_95": interval}
    return out


def curves(results: Sequence[ImageResult]) -> dict[str, Any]:
    """What plots are made of.

    Returns:
        "confusion": pixels by truth (row) and prediction, 5x5 (see `metrics`).
        "box_precision_50", "mask_precision_50": precision at IoU 0.5 for recall 0, 0.01, ..., 1.
        "reliability": what scores are worth, see `calibration.reliability`.
        None where it is not known.
    """
    confusions = [r.confusion for r in results if r.confusion is not None]
    objects = [r.objects for r in results if r.objects is not None]
    boxes = precision_curves(objects, "bbox")
    masks = precision_curves(objects, "segm") if _segments(results) else None
    return {
        "confusion": metrics.without_further(np.sum(confusions, axis=0)).tolist() if confusions else None,
        "box_precision_50": None if boxes is None else np.round(boxes[0], 4).tolist(),
        "mask_precision_50": None if masks is None else np.round(masks[0], 4).tolist(),
        "reliability": calibration.reliability(calibration.judged_scores(objects)) if objects else None,
    }


def intervals(results: Sequence[ImageResult], known: Sequence[str], *, seed: int = 0) -> dict[str, list[float] | None]:
    """95 % intervals of the pooled IoUs, average precision, the outlines' agreement and the mean box IoU.

    See `bootstrap`. None with fewer than two images or sequences to draw from, and where there is no figure.
    """
    confusions, clusters = _resample([r for r in results if r.confusion is not None], seed)
    out: dict[str, list[float] | None] = {}
    for name, ids in metrics.CLASSES.items():
        usable = name in known and clusters > 1
        out[f"{name}_iou"] = bootstrap.percentiles(metrics.iou(confusions, ids)) if usable else None
    if clusters > 1 and all(name in known for name in metrics.MEAN_PARTS):
        parts = [metrics.iou(confusions, metrics.CLASSES[name]) for name in metrics.MEAN_PARTS]
        out["mean_part_iou"] = bootstrap.percentiles(np.mean(parts, axis=0))
    else:
        out["mean_part_iou"] = None
    out["mean_box_iou"] = bootstrap.mean_interval(results, lambda r: r.box_iou, seed)
    out["boundary_f"] = bootstrap.mean_interval(results, lambda r: r.boundary.f if r.boundary else None, seed)
    out["hausdorff95_px"] = bootstrap.mean_interval(
        results, lambda r: r.boundary.hausdorff95_px if r.boundary else None, seed
    )
    out |= dict(
        zip(("box_ap", "box_ap50", "box_ap75"), bootstrap.precision_intervals(results, "bbox", seed), strict=True)
    )
    masks = bootstrap.precision_intervals(results, "segm", seed) if _segments(results) else (None, None, None)
    return out | dict(zip(("mask_ap", "mask_ap50"), masks[:2], strict=True))


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


def _segments(results: Sequence[ImageResult]) -> bool:
    """Whether the student gives masks: without, it has no mask AP; one that merely found nothing has a mask AP of 0."""
    found = (f for r in results if r.objects is not None for f in r.objects.found)
    return any(r.confusion is not None for r in results) or any(f.rle is not None for f in found)


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
    confusions = _stack([r.confusion for r in counted if r.confusion is not None])
    flat = confusions.reshape(len(confusions), confusions.shape[1] ** 2).astype(np.float64)
    sums, _, clusters = bootstrap.resampled_sums(counted, flat, seed)
    return sums.reshape(-1, *confusions.shape[1:]), clusters
