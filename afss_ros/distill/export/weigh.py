"""The weights of the evidence for a craft, fit where the truth is known, and written into a student's file.

Nothing of the network changes: a copy of the file carries six weights and an offset more (`student.evidence`), and its
scores are chances.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from afss_ros.datasets import Instance, Sample
from afss_ros.datasets.files import write_atomically
from afss_ros.datasets.form import WHOLE
from afss_ros.distill.errors import DistillError
from afss_ros.distill.export.regression import logistic
from afss_ros.evaluation.metrics import calibration
from afss_ros.evaluation.metrics.detection import box_iou
from afss_ros.perception import Detection, Frame
from afss_ros.student import evidence
from afss_ros.student.metadata import PREFIX

RIGHT_IOU, WRONG_IOU = 0.5, 0.1
"""A box that overlaps a craft by the first is right, by less than the second sees what is not there. Between them it is
a craft badly boxed, and says nothing about whether one is there."""
_RIDGE = 1.0
_STILL = 0.02
_LARGEST = 50.0
Evidence = list[tuple[Detection, NDArray[np.float64]]]


@dataclass(frozen=True, slots=True)
class Weighed:
    """The weights, how many detections they were fit on and how many were right, and `score_error` before and after."""

    weights: dict[str, float]
    detections: int
    right: int
    error_before: float
    error_after: float


def weigh(
    look: Callable[[Frame], Evidence], samples: Iterable[Sample], advance: Callable[[], None] = lambda: None
) -> Weighed:
    """Fit the weights on images of which all craft are known, those without any among them.

    Args:
        look: `Student.evidence`.

    Raises:
        DistillError: what was found is all right, or all wrong.
        DatasetError: an image cannot be read.
    """
    rows: list[NDArray[np.float64]] = []
    right: list[bool] = []
    bare: list[float] = []
    for sample in samples:
        advance()
        truth = sample.read_instances() if sample.searched else None
        if truth is None:
            continue
        for detection, found in look(Frame(sample.read_image(), source=str(sample.image))):
            overlap = _overlap(detection, truth)
            if overlap >= RIGHT_IOU or overlap < WRONG_IOU:
                rows.append(found)
                right.append(overlap >= RIGHT_IOU)
                bare.append(detection.score)
    if len(set(right)) < 2:
        raise DistillError(
            f"{len(right)} detections, {sum(right)} of them right: weights need right ones and false alarms; give sets"
            " with craft and without, such as `afss render --nature 0.7`"
        )
    columns = np.array(rows)
    weights = fit(columns, np.array(right))
    chances = [(evidence.chance(row, weights), ok) for row, ok in zip(columns, right, strict=True)]
    before, after = (
        calibration.expected_error(judged) or 0.0 for judged in (list(zip(bare, right, strict=True)), chances)
    )
    return Weighed(weights, len(right), sum(right), before, after)


def fit(columns: NDArray[np.float64], right: NDArray[np.bool_]) -> dict[str, float]:
    """Logistic regression with a ridge of 1 on standardised columns (N, 6), in the order of `evidence.NAMES`.

    The weight of the bare score stays above 0, so that no student can be turned around.
    """
    # What hardly differs tells nothing, and must not be blown up until it does.
    middle, spread = columns.mean(0), np.maximum(columns.std(0), _STILL)
    line = logistic((columns - middle) / spread, right, _RIDGE)
    raw = np.clip(line[:-1] / spread, -_LARGEST, _LARGEST)
    raw[0] = max(float(raw[0]), 1e-3)
    weights = {name: round(float(w), 5) for name, w in zip(evidence.NAMES, raw, strict=True) if w}
    return weights | {evidence.OFFSET: round(float(line[-1] - raw @ middle), 5)}


def write(student: Path, out: Path, weights: dict[str, float]) -> Path:
    """A copy of a student that weighs its evidence; the graph is the same to the byte.

    Raises:
        OSError: it cannot be read or written.
    """
    model = onnx.load(str(student))
    entries = {entry.key: entry.value for entry in model.metadata_props}
    entries[PREFIX + "score_weights"] = json.dumps(weights)
    onnx.helper.set_model_props(model, entries)
    write_atomically(out, model.SerializeToString())
    return out


def _overlap(detection: Detection, truth: Sequence[Instance]) -> float:
    return max((box_iou(t.box_xyxy, detection.box_xyxy) for t in truth if t.class_name == WHOLE), default=0.0)
