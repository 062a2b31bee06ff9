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
from afss_ros.evaluation.metrics.false_alarms import FLIGHT_THRESHOLD, FRAMES_AN_HOUR, THRESHOLDS, Alarms, interval

Figures = dict[str, float | None]

_MAX_GROUPS = 12


def measure(results: Sequence[ImageResult], known: Sequence[str], threshold: float = FLIGHT_THRESHOLD) -> Figures:
    """Every accuracy metric over these images; None where truth or student cannot give it.

    Args:
        threshold: the score from which detections count as alarms.
    """
    confusions = [r.confusion for r in results if r.confusion is not None]
    figures = metrics.summarise(_stack(confusions), known if _any_craft(confusions) else ())
    figures["empty_called_craft"] = _called_craft(results)
    objects = [r.objects for r in results if r.objects is not None]
    boxes, masks = average_precision(objects, "bbox"), average_precision(objects, "segm")
    figures |= {"box_ap": boxes["ap"], "box_ap50": boxes["ap50"], "box_ap75": boxes["ap75"]}
    segments = _segments(results)
    figures |= {"mask_ap": masks["ap"] if segments else None, "mask_ap50": masks["ap50"] if segments else None}
    figures["score_error"] = calibration.expected_error(calibration.judged_scores(objects))
    rates = Alarms(objects).at(threshold) if objects else None
    figures["false_alarms_per_image"] = None if rates is None else rates["per_image"]
    figures["false_alarm_images"] = None if rates is None else rates["alarmed"]
    figures["false_alarms_per_hour"] = None if rates is None else rates["per_hour"]
    figures["missed_craft"] = None if rates is None else rates["missed"]
    lines = [r.boundary for r in results if r.boundary is not None] if _any_craft(confusions) else []
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
        "false_alarms": `false_alarms.Rates` at each of `THRESHOLDS`.
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
        "false_alarms": [Alarms(objects).at(t) for t in THRESHOLDS] if objects else None,
    }


def threshold_for(results: Sequence[ImageResult], rate: float, floor: float) -> dict[str, Any] | None:
    """The threshold at which no more than `rate` of these images without craft are alarmed, and what it costs here.

    Returns:
        `false_alarms.Rates` and the `rate` that was asked for; None where no threshold will do.
    """
    alarms = Alarms([r.objects for r in results if r.objects is not None])
    threshold = alarms.threshold_for(rate, floor)
    return None if threshold is None else {"rate": rate, **alarms.at(threshold)}


def score_calibration(results: Sequence[ImageResult], line: calibration.Line | None = None) -> dict[str, float] | None:
    """How scores become chances: `slope` and `offset` (see `calibration.fit`), and `score_error` once they have.

    Args:
        line: fit on another set, to be judged on these images; None fits it to these, which flatters it.
    """
    judged = calibration.judged_scores([r.objects for r in results if r.objects is not None])
    line = line or calibration.fit(judged)
    error = None if line is None else calibration.expected_error(calibration.calibrated(judged, line))
    return None if line is None or error is None else {"slope": line[0], "offset": line[1], "score_error": error}


def intervals(
    results: Sequence[ImageResult], known: Sequence[str], threshold: float = FLIGHT_THRESHOLD, *, seed: int = 0
) -> dict[str, list[float] | None]:
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
    out |= _alarm_intervals(results, threshold, seed)
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


def strata(
    results: Sequence[ImageResult], known: Sequence[str], threshold: float = FLIGHT_THRESHOLD
) -> dict[str, dict[str, Figures]]:
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
        grouping: {group: {"images": float(len(r)), **measure(r, known, threshold)} for group, r in groups.items() if r}
        for grouping, groups in divided.items()
    }


def _alarm_intervals(results: Sequence[ImageResult], threshold: float, seed: int) -> dict[str, list[float] | None]:
    """Alarmed images are counted as independent where none belongs to a sequence; all else is drawn again."""
    counted = [(r, Alarms([r.objects]).at(threshold)) for r in results if r.objects is not None]
    quiet = [(r, float(rates["alarmed_images"])) for r, rates in counted if rates["quiet_images"]]
    if any(r.sample.sequence for r, _ in quiet):
        alarms = {id(r): alarmed for r, alarmed in quiet}
        share = bootstrap.mean_interval([r for r, _ in quiet], lambda r: alarms[id(r)], seed)
    else:
        share = interval(int(sum(alarmed for _, alarmed in quiet)), len(quiet))
    columns = [
        (rates["false_alarms"], 0 if r.objects is None else len(r.objects.truth), rates["missed"] or 0.0)
        for r, rates in counted
    ]
    values = np.array([(f, truths, missed * truths) for f, truths, missed in columns], np.float64).reshape(-1, 3)
    sums, sizes, clusters = bootstrap.resampled_sums([r for r, _ in counted], values, seed)
    with np.errstate(invalid="ignore"):  # a draw without a craft has no share of missed ones
        missed_share = sums[:, 2] / sums[:, 1]
    drawn = clusters > 1
    return {
        "false_alarms_per_image": bootstrap.percentiles(sums[:, 0] / sizes) if drawn else None,
        "false_alarm_images": share,
        "false_alarms_per_hour": None if share is None else [FRAMES_AN_HOUR * bound for bound in share],
        "missed_craft": bootstrap.percentiles(missed_share) if drawn and values[:, 1].any() else None,
    }


def _any_craft(confusions: Sequence[metrics.Confusion]) -> bool:
    """Whether any truth has a pixel of craft: without, an IoU could only be 0 or nothing."""
    return any(bool(c[1:].any()) for c in confusions)


def _called_craft(results: Sequence[ImageResult]) -> float | None:
    """Share of the pixels of images without craft that are called craft; None where every image has or may have one."""
    confusions = [r.confusion for r in results if r.confusion is not None and r.sample.only is None]
    empty = [c for c in confusions if not c[1:].any() and c[0].any()]
    return float(sum(c[0, 1:].sum() for c in empty) / sum(c[0].sum() for c in empty)) if empty else None


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
