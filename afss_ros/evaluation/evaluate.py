"""Run a student over a data set and keep, image by image, the counts that every metric follows from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets import Dataset, DatasetError, Instance, Problem, Sample, rle
from afss_ros.evaluation.metrics import boundary
from afss_ros.evaluation.metrics.boundary import BoundaryAgreement
from afss_ros.evaluation.metrics.detection import ImageObjects, top_box_iou
from afss_ros.evaluation.metrics.segmentation import CLASSES, SIDE, Confusion, confusion, iou, to_common_ids
from afss_ros.evaluation.truth import Truth, further_classes, is_craft, known_classes, only_ids, read_truth
from afss_ros.labels import ANTENNA, BODY, SPACECRAFT, UNLABELLED
from afss_ros.perception import Frame, Perception

Perceive = Callable[[Frame], Perception]
"""What is evaluated: a `Student`, or anything else that turns frames into perceptions."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageResult:
    """What one image gave.

    Attributes:
        sample: the image.
        confusion: int64 (C, C), see `metrics`; None when truth or student has no label map.
        objects: craft, true and found; None when truth does not list them.
        boundary: agreement of the outlines of the whole craft; None without label maps, or when there is no craft and
            none was seen.
        box_iou: of the top-scored box; None unless exactly one craft is true.
        size: sqrt of (area of the true craft / area of the image); None when there is no craft.
        brightness: mean of the image over the true craft (over its boxes where there is no mask), 0..255.
    """

    sample: Sample
    confusion: Confusion | None
    objects: ImageObjects | None
    boundary: BoundaryAgreement | None
    box_iou: float | None
    size: float | None
    brightness: float | None

    @property
    def quality(self) -> float | None:
        """One number to rank images by: whole-craft IoU, or box IoU where there are no masks."""
        if self.confusion is not None and self.sample.only is None:
            value = float(iou(self.confusion, CLASSES["whole"]))
            return value if np.isfinite(value) else None
        return self.box_iou


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """The outcome of an evaluation; `summary.measure` and friends turn it into numbers.

    Attributes:
        dataset: what was evaluated on (after `limit`).
        images: one result an image that could be used.
        known: the names of `metrics.CLASSES` that both truth and student tell apart.
        problems: the images that could not be used, those of the data set included.
        further: the classes beyond ours that both know, in the order of their common ids.
    """

    dataset: Dataset
    images: tuple[ImageResult, ...]
    known: tuple[str, ...]
    problems: tuple[Problem, ...] = field(default=())
    further: tuple[str, ...] = ()


def evaluate(
    model: Perceive, dataset: Dataset, *, limit: int | None = None, advance: Callable[[], None] | None = None
) -> Report:
    """Evaluate a model on a data set.

    Args:
        model: called once an image.
        dataset: its images are read one at a time.
        limit: use only so many images, spread evenly over the set.
        advance: called after each image, for a progress bar.

    Raises:
        DatasetError: not one image could be used.
    """
    samples = spread(dataset.samples, limit)
    return together(dataset, [examine(model, dataset, samples, advance)])


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """What some images of a data set gave.

    Attributes:
        results, problems: see `Report`.
        named: the classes that the student named.
        further: see `Report`; None where it was shown nothing.
    """

    results: tuple[ImageResult, ...]
    problems: tuple[Problem, ...]
    named: frozenset[str]
    further: tuple[str, ...] | None


def examine(
    model: Perceive, dataset: Dataset, samples: Sequence[Sample], advance: Callable[[], None] | None = None
) -> Examined:
    """Show some images of a data set to a model; those that cannot be used are problems."""
    named: set[str] = set()
    further: tuple[str, ...] | None = None
    results: list[ImageResult] = []
    problems: list[Problem] = []
    for sample in samples:
        try:
            image = sample.read_image()
            perception = model(Frame(image, source=str(sample.image)))
            named |= set(perception.class_names.values())
            if further is None:
                further = further_classes(dataset, perception.class_names)
            truth = read_truth(sample, dataset.class_names, further)
            if truth.unknown:
                raise DatasetError(f"{sample.image}: what it shows is unknown, or not all of it; not measured")
            results.append(judge(sample, image, truth, perception, further))
        except DatasetError as err:
            problems.append(Problem(sample.key, str(err)))
        if advance is not None:
            advance()
    return Examined(tuple(results), tuple(problems), frozenset(named), further)


def together(dataset: Dataset, parts: Sequence[Examined]) -> Report:
    """One report of what the parts of a data set gave, in their order.

    Raises:
        DatasetError: not one image could be used.
    """
    results = tuple(result for part in parts for result in part.results)
    problems = (*dataset.problems, *(problem for part in parts for problem in part.problems))
    if not results:
        count = sum(len(part.problems) for part in parts)
        raise DatasetError(f"{dataset.root}: none of {count} images could be used; the first: {list(problems[:1])}")
    named = {"whole"}.union(*(part.named for part in parts))
    known = tuple(k for k in known_classes(dataset) if k in named)
    further = next((part.further for part in parts if part.further is not None), ())
    return Report(dataset, results, known, problems, further)


def spread(samples: tuple[Sample, ...], limit: int | None) -> tuple[Sample, ...]:
    """`limit` samples, evenly spaced over all of them; all for None."""
    if limit is None or limit >= len(samples):
        return samples
    return tuple(samples[i * len(samples) // limit] for i in range(limit))


def judge(
    sample: Sample, image: NDArray[np.uint8], truth: Truth, perception: Perception, further: Sequence[str] = ()
) -> ImageResult:
    """Compare what is true in one image with what was perceived.

    Args:
        further: classes with common ids of their own; the same that the truth was read with.
    """
    labels = None if perception.labels is None else to_common_ids(perception.labels, perception.class_names, further)
    counted, agreement = None, None
    if truth.labels is not None and labels is not None:
        labels = np.where(labels == UNLABELLED, np.uint8(0), labels)
        if truth.only is not None:
            labels = only_ids(labels, truth.only)
        if truth.unknown_part is not None:
            labels = np.where(truth.unknown_part & (labels != 0), np.uint8(SPACECRAFT), labels)
        if truth.antenna_is_body:
            labels = np.where((labels == ANTENNA) & (truth.labels == BODY), np.uint8(BODY), labels)
        counted = confusion(truth.labels, labels, SIDE + len(further))
        decided = truth.labels != UNLABELLED
        if truth.only is None:
            agreement = boundary.compare((truth.labels != 0) & decided, (labels != 0) & decided)
    objects = None
    if truth.craft is not None:
        objects = ImageObjects(sample.height, sample.width, truth.craft, found_craft(perception))
    region = _craft_region(sample, truth)
    present = region is not None and bool(region.any())
    return ImageResult(
        sample=sample,
        confusion=counted,
        objects=objects,
        boundary=agreement,
        box_iou=None if objects is None else top_box_iou(objects),
        size=float(np.sqrt(region.mean())) if region is not None and present else None,
        brightness=float(image[region].mean()) if present else None,
    )


def found_craft(perception: Perception) -> tuple[Instance, ...]:
    """The whole craft a student found, best first, each with its mask.

    A detection without a mask of its own gets the craft pixels of the label map inside its box; without a label map
    it has none.
    """
    return tuple(
        Instance(d.class_name, d.box_xyxy, _mask_of(d.box_xyxy, d.mask, perception.labels), d.score)
        for d in perception.detections
        if is_craft(d.class_name, perception.class_names)
    )


def _mask_of(
    box: NDArray[np.float32], mask: NDArray[np.bool_] | None, labels: NDArray[np.uint8] | None
) -> rle.Rle | None:
    if mask is not None:
        return rle.encode(mask)
    if labels is None:
        return None
    inside = np.zeros(labels.shape, bool)
    window = _window(box)
    inside[window] = (labels[window] != 0) & (labels[window] != UNLABELLED)
    return rle.encode(inside)


def _window(box: NDArray[np.float32]) -> tuple[slice, slice]:
    x0, y0 = np.floor(box[:2]).astype(int).clip(0)
    x1, y1 = np.ceil(box[2:]).astype(int).clip(0)
    return slice(y0, y1), slice(x0, x1)


def _craft_region(sample: Sample, truth: Truth) -> NDArray[np.bool_] | None:
    if truth.labels is not None and truth.only is None:
        return np.asarray((truth.labels != 0) & (truth.labels != UNLABELLED), bool)
    if truth.craft is None:
        return None
    region = np.zeros((sample.height, sample.width), bool)
    for instance in truth.craft:
        region[_window(instance.box_xyxy)] = True
    return region
