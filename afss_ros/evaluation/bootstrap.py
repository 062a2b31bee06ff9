"""How sure a figure is: 95 % percentile intervals of the bootstrap (Efron 1979) over images, or whole sequences.

Where images belong to sequences these are drawn whole: neighbouring frames are no independent evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from afss_ros.evaluation.evaluate import ImageResult
from afss_ros.evaluation.metrics import matching
from afss_ros.evaluation.metrics.detection import ImageObjects

Float = NDArray[np.float64]
Interval = list[float] | None
"""Lower and upper bound; None with fewer than two images or sequences to draw from."""

RESAMPLES = 1000


def clusters_of(results: Sequence[ImageResult]) -> NDArray[np.int64]:
    """The cluster that each image is drawn with, from 0: int64 (N,). An image without a sequence is alone."""
    names = [
        f"sequence {r.sample.sequence}" if r.sample.sequence else f"image {number}" for number, r in enumerate(results)
    ]
    known = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([known[name] for name in names], np.int64)


def draw(clusters: int, seed: int = 0) -> Float:
    """How often each cluster is drawn in each resample: float64 (RESAMPLES, clusters)."""
    if clusters == 0:
        return np.zeros((RESAMPLES, 0))
    random = np.random.default_rng(seed)
    return random.multinomial(clusters, np.full(clusters, 1 / clusters), RESAMPLES).astype(np.float64)


def resampled_sums(results: Sequence[ImageResult], values: Float, seed: int = 0) -> tuple[Float, Float, int]:
    """Values (N, K) of images added up in each resample.

    Returns:
        The sums (RESAMPLES, K); how many images they are of (RESAMPLES,); and how many clusters were drawn from.
    """
    of = clusters_of(results)
    count = int(of.max()) + 1 if len(of) else 0
    sums = np.zeros((count, values.shape[1]))
    np.add.at(sums, of, values)
    weights = draw(count, seed)
    return weights @ sums, weights @ np.bincount(of, minlength=count).astype(np.float64), count


def mean_interval(
    results: Sequence[ImageResult], value: Callable[[ImageResult], float | None], seed: int = 0
) -> Interval:
    """The interval of the mean of a figure over those images that have it."""
    found = [(r, v) for r in results if (v := value(r)) is not None]
    values = np.array([[v] for _, v in found], np.float64).reshape(-1, 1)
    sums, sizes, clusters = resampled_sums([r for r, _ in found], values, seed)
    return percentiles(sums[:, 0] / sizes) if clusters > 1 else None


def precision_intervals(
    results: Sequence[ImageResult], kind: str, seed: int = 0
) -> tuple[Interval, Interval, Interval]:
    """Intervals of the average precision of boxes ("bbox") or masks ("segm"): over all IoU thresholds, at 0.5, at 0.75.

    None too where `detection.average_precision` gives none.
    """
    judged = [(r, r.objects) for r in results if r.objects is not None]
    of = clusters_of([r for r, _ in judged])
    if len(set(of.tolist())) < 2 or not _has_truth([objects for _, objects in judged], kind):
        return None, None, None
    matched = [matching.match(objects, kind) for _, objects in judged]
    drawn = matching.average_precisions(matched, draw(int(of.max()) + 1, seed)[:, of])
    return percentiles(drawn.mean(1)), percentiles(drawn[:, 0]), percentiles(drawn[:, 5])


def _has_truth(images: Sequence[ImageObjects], kind: str) -> bool:
    truths = [t for image in images for t in image.truth]
    return bool(truths) and (kind == "bbox" or all(t.rle is not None for t in truths))


def percentiles(values: Float) -> Interval:
    """From the 2.5th to the 97.5th percentile of those values that are numbers."""
    present = values[np.isfinite(values)]
    if not present.size:
        return None
    return [float(v) for v in np.percentile(present, [2.5, 97.5])]
