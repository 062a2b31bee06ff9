"""The building score of SpaceNet 2, by the rules of the contest's own scorer (arXiv 1807.01232).

Polygons in pixels; those smaller than 20 square pixels do not count, on either side. Of each image the surest proposal
chooses first, the free truth with the highest IoU; above 0.5, strictly, it is a true positive and the truth is gone.
Counts are summed by city, and the score is the mean of the cities' F1.

In one thing this differs: an image that the proposals leave out is scored as one without proposals, so that its
buildings are missed. The contest's scorer skipped it. How many there were is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from afss_ros.geo.errors import GeoError
from afss_ros.geo.spacenet_tables import Building, Buildings, city_of

MIN_AREA = 20.0
"""Square pixels below which a polygon does not count."""
MIN_IOU = 0.5
"""What the IoU of a true positive is above."""


@dataclass(frozen=True)
class Counts:
    """True positives, false positives and misses, and what follows from them."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def precision(self) -> float:
        """Share of the proposals that are right; 0 without proposals."""
        return self.tp / (self.tp + self.fp) if self.tp else 0.0

    @property
    def recall(self) -> float:
        """Share of the truth that was found; 0 without truth."""
        return self.tp / (self.tp + self.fn) if self.tp else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both; 0 where it is undefined."""
        p, r = self.precision, self.recall
        return 2 * p * r / (p + r) if self.tp else 0.0


@dataclass(frozen=True)
class BuildingScore:
    """What `score_buildings` found.

    Attributes:
        images: counts of each image, of the truth or of the proposals.
        cities: their sums by city ("" where names tell none).
        missing: images of the truth that the proposals leave out; they count as images without proposals.
        unknown: images of the proposals of which there is no truth; they count as images without buildings.
        confidence: proposals less sure than this were left out.
    """

    images: dict[str, Counts]
    cities: dict[str, Counts]
    missing: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    confidence: float = -np.inf

    @property
    def f1(self) -> float:
        """The score: the mean of the cities' F1, those without any polygon on either side left out."""
        scores = [counts.f1 for counts in self.cities.values() if counts != Counts()]
        return float(np.mean(scores)) if scores else 0.0

    @property
    def pooled(self) -> Counts:
        """All cities together, in which the largest speaks loudest."""
        return sum(self.cities.values(), Counts())


def match(
    truth: Sequence[Building], proposals: Sequence[Building], *, min_iou: float = MIN_IOU, min_area: float = MIN_AREA
) -> tuple[list[int], list[int], list[int]]:
    """Who found what in one image.

    Returns:
        For each proposal the index of the truth that it found, -1 for a false one, -2 for one too small to count; the
        indices of the truth missed; those of the truth too small to count.
    """
    areas = shapely.area(np.asarray([building.shape for building in truth], object))
    small = [i for i, area in enumerate(areas) if not (area >= min_area and area > 0)]
    free = sorted(set(range(len(truth))) - set(small))
    tree = shapely.STRtree([truth[i].shape for i in free]) if free else None
    taken = np.zeros(len(free), bool)
    found = [-1] * len(proposals)
    order = sorted(range(len(proposals)), key=lambda i: -proposals[i].confidence)  # stable
    for index in order:
        shape = proposals[index].shape
        if not (shape.area >= min_area and shape.area > 0):
            found[index] = -2
            continue
        near = np.sort(tree.query(shape)) if tree is not None else np.empty(0, np.intp)
        near = near[~taken[near]]
        if not len(near):
            continue
        ious = iou(shape, [truth[free[i]].shape for i in near])
        best = int(np.argmax(ious))  # the first of equals
        if ious[best] > min_iou:
            taken[near[best]] = True
            found[index] = free[near[best]]
    return found, [free[i] for i in np.flatnonzero(~taken)], small


def iou(shape: object, others: Sequence[object]) -> NDArray[np.float64]:
    """Intersection over union of one polygon with each of others."""
    shapes = np.asarray(others, object)
    common = shapely.area(shapely.intersection(shape, shapes))
    union = shapely.area(shape) + shapely.area(shapes) - common
    return np.asarray(np.divide(common, union, out=np.zeros_like(common), where=union > 0), np.float64)


def score_buildings(
    truth: Buildings,
    proposals: Buildings,
    *,
    confidence: float = -np.inf,
    min_iou: float = MIN_IOU,
    min_area: float = MIN_AREA,
    city: Callable[[str], str] = city_of,
) -> BuildingScore:
    """Score proposals against the truth, over the images of both.

    Args:
        truth, proposals: by image, in pixels.
        confidence: leave less sure proposals out; choose it with `choose_confidence` on other images.
        min_iou: what a match is above.
        min_area: square pixels from which polygons count.
        city: of an image's name.

    Raises:
        GeoError: neither has any image.
    """
    names = list(dict.fromkeys([*truth, *proposals]))
    if not names:
        raise GeoError("there is nothing to score: neither the truth nor the proposals name an image")
    images: dict[str, Counts] = {}
    cities: dict[str, Counts] = {}
    for name in names:
        sure = [building for building in proposals.get(name, []) if building.confidence >= confidence]
        found, missed, _ = match(truth.get(name, []), sure, min_iou=min_iou, min_area=min_area)
        images[name] = Counts(sum(i >= 0 for i in found), found.count(-1), len(missed))
        cities[city(name)] = cities.get(city(name), Counts()) + images[name]
    return BuildingScore(
        images,
        cities,
        [name for name in truth if name not in proposals],
        [name for name in proposals if name not in truth],
        confidence,
    )


def choose_confidence(truth: Buildings, proposals: Buildings, *, steps: int = 50) -> float:
    """The least confidence at which proposals score best, found on validation images, never on those of the test.

    Args:
        truth, proposals: of the validation images.
        steps: how many confidences are tried, spread evenly over those that occur.

    Returns:
        The lowest of equally good ones; minus infinity where leaving out never pays.
    """
    sure = np.unique([building.confidence for buildings in proposals.values() for building in buildings])
    tried = [-np.inf, *(np.unique(np.quantile(sure, np.linspace(0, 1, steps), method="nearest")) if len(sure) else [])]
    scores = [score_buildings(truth, proposals, confidence=float(value)).f1 for value in tried]
    return float(tried[int(np.argmax(scores))])
