"""Teacher and students judged alike: the same held-out images, the same metrics, intervals over whole sequences."""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from afss_ros import labels
from afss_ros.datasets import Dataset, Sample
from afss_ros.datasets.files import write_atomically
from afss_ros.datasets.record import instance_from_json, instance_to_json
from afss_ros.evaluation import cost, summary
from afss_ros.evaluation.evaluate import ImageResult, Report, evaluate, judge
from afss_ros.evaluation.metrics.detection import ImageObjects
from afss_ros.evaluation.truth import known_classes, read_truth
from afss_ros.labelling.assemble import Teacher
from afss_ros.perception import Detection, Perception
from afss_ros.student import Student
from afss_ros.teacher.prompts import label_map
from afss_ros.teacher.values import Labelled
from afss_ros.threads import limited

Objects = dict[str, list[ImageObjects]]
"""Craft, true and found, by sequence."""

OBJECTS = "objects.json"
"""Where a judged labeller keeps what it found."""

SCORE_THRESHOLD = 0.05  # as of `afss evaluate`: average precision needs the doubtful detections too


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Figures of one labeller, and the image results that they come from.

    Attributes:
        document: plain JSON values, with the keys of `afss evaluate --json` that `compare_html` draws.
        objects: by sequence, for intervals.
    """

    document: dict[str, Any]
    objects: Objects


def judge_teacher(teacher: Teacher, dataset: Dataset, unit: int, name: str = "teacher") -> Judged:
    """A teacher on a set with truth, without its filter; frames of one sequence in order, `unit` at a time."""
    results: list[ImageResult] = []
    for _, frames in groupby(dataset.samples, key=lambda sample: sample.sequence):
        samples = list(frames)
        for first in range(0, len(samples), unit):
            part = samples[first : first + unit]
            images = [sample.read_image() for sample in part]
            for sample, image, found in zip(part, images, teacher.label(images), strict=True):
                truth = read_truth(sample, dataset.class_names)
                results.append(judge(sample, image, truth, perceived(found, sample)))
    named = {"whole", "body", *teacher.prompts.parts}
    known = tuple(name for name in known_classes(dataset) if name in named)
    report = Report(dataset, tuple(results), known if teacher.prompts.parts else ("whole",), dataset.problems)
    return _judged(report, name, {"params_m": None, "gmacs": None})


def judge_student(model: Path, dataset: Dataset, name: str, *, whole_only: bool = False) -> Judged:
    """A student on a set with truth.

    Args:
        whole_only: it was taught crafts without parts, so figures of parts would mean nothing.
    """
    with (
        limited() as threads,
        Student(model, provider="cpu", threads=threads, score_threshold=SCORE_THRESHOLD) as student,
    ):
        report = evaluate(student, dataset)
    if whole_only:
        report = Report(report.dataset, report.images, ("whole",), report.problems)
    price = cost.measure(model)
    return _judged(report, name, {"params_m": price.params_m, "gmacs": price.gmacs})


def perceived(found: Sequence[Labelled], sample: Sample) -> Perception:
    """What a teacher found, as a student would say it; crafts ranked by detector score times what other frames say."""
    crafts = [
        Detection(i.class_name, i.box_xyxy.astype(np.float32), min(1.0, max(0.0, _rank(i))), i.mask)
        for i in found
        if i.class_name == labels.CLASS_NAMES[labels.SPACECRAFT]
    ]
    crafts.sort(key=lambda detection: -detection.score)
    # Judged, a teacher has to decide; what it leaves open in its labels is open for students alone.
    decided = [dataclasses.replace(instance, undecided=None) for instance in found]
    return Perception(tuple(crafts), label_map(decided, (sample.height, sample.width)), dict(labels.CLASS_NAMES))


def _rank(instance: Labelled) -> float:
    return instance.scores.get("detector_score", 0.0) * instance.scores.get("temporal", 1.0)


def _judged(report: Report, name: str, facts: dict[str, Any]) -> Judged:
    by_sequence: dict[str, list[ImageObjects]] = defaultdict(list)
    for result in report.images:
        if result.objects is not None:
            by_sequence[result.sample.sequence or result.sample.key].append(result.objects)
    document = {
        "model": name,
        "images": len(report.images),
        "problems": [str(problem) for problem in report.problems],
        **summary.measure(report.images, report.known),
        **facts,
        "intervals_95": summary.intervals(report.images, report.known),
        "curves": summary.curves(report.images),
    }
    return Judged(document, dict(by_sequence))


def write_objects(path: Path, objects: Objects) -> None:
    """Keep what intervals are made of, so that a finished step need not be repeated for them."""
    document = {
        name: [
            {
                "size": [image.height, image.width],
                "truth": [instance_to_json(i) for i in image.truth],
                "found": [instance_to_json(i) for i in image.found],
            }
            for image in images
        ]
        for name, images in objects.items()
    }
    write_atomically(path, json.dumps(document, separators=(",", ":")).encode())


def read_objects(path: Path) -> Objects:
    """The inverse of `write_objects`."""
    return {
        name: [
            ImageObjects(
                image["size"][0],
                image["size"][1],
                tuple(instance_from_json(i) for i in image["truth"]),
                tuple(instance_from_json(i) for i in image["found"]),
            )
            for image in images
        ]
        for name, images in json.loads(path.read_text()).items()
    }
