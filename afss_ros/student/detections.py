"""The outputs of a network to detections in source pixels: pure functions on its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros import labels
from afss_ros.perception import Detection
from afss_ros.student import boxes as craft
from afss_ros.student import evidence, hysteresis
from afss_ros.student.contract import StudentContract
from afss_ros.student.errors import StudentError
from afss_ros.student.letterbox import Letterbox, boxes_to_source

WHOLE = labels.CLASS_NAMES[labels.SPACECRAFT]
"""Name of what a component of a label map is: the whole craft."""
PROMINENCE = 0.1
"""Beside a craft, what is much smaller is a bit of it or a star more often than a second one: a hundredth of all craft
pixels keeps 0.63 of its confidence, half of them 0.93, a craft alone all. On 200 rendered validation frames box AP
rises from 0.553 to 0.570; anything from 0.05 to 0.5 does about the same."""

_ROUNDING = 1e-3
"""By which a score may miss 0..1: half precision, and sums of exponentials."""


def class_names(contract: StudentContract) -> dict[int, str]:
    """The declared classes, and the whole craft when its boxes are made from the label map."""
    names = dict(contract.class_names)
    if contract.box_source == "labels" and WHOLE not in names.values():
        names[labels.SPACECRAFT] = WHOLE
    return names


def refuse_impossible(outputs: Mapping[str, NDArray[Any]]) -> None:
    """Refuse outputs that no sound network gives. Label maps and their confidence are bytes, of which each is possible.

    Args:
        outputs: by name, each with a batch of 1, as the contract says.

    Raises:
        StudentError: a score is not finite or outside 0..1, or a box of a row in use is not finite.
    """
    if "scores" not in outputs:
        return
    scores, boxes = outputs["scores"][0], outputs["boxes"][0]
    # A comparison with NaN is false.
    possible = (scores >= -_ROUNDING) & (scores <= 1 + _ROUNDING)
    if not possible.all():
        count, one = np.count_nonzero(~possible), scores[np.argmin(possible)]
        raise StudentError(
            f"the network's answer is none: {count} of {len(scores)} scores are not in 0..1, one is {one};"
            " its weights are damaged, or it was exported without its last activation"
        )
    used = boxes[scores > 0]
    if not np.isfinite(used).all():
        bad = np.count_nonzero(~np.isfinite(used).all(axis=1))
        raise StudentError(
            f"the network's answer is none: {bad} of {len(used)} boxes are not finite; its weights are damaged"
        )


def from_boxes(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[Any],
    box: Letterbox,
    *,
    class_names: Mapping[int, str],
    score_threshold: float,
) -> tuple[Detection, ...]:
    """Detections of a network that gives boxes, best score first.

    Args:
        boxes: float32 (N, 4) xyxy in network pixels.
        scores: float32 (N,); 0 marks an unused row, and NaN is treated as one.
        classes: int (N,); an id without a name becomes "class <id>".
        box: the letterbox that the network saw the picture through.
    """
    kept = np.flatnonzero((scores >= score_threshold) & (scores > 0) & np.isfinite(boxes).all(axis=1))
    kept = kept[np.argsort(-scores[kept], kind="stable")]
    in_source = boxes_to_source(boxes[kept], box)
    found = zip(classes[kept].tolist(), in_source, scores[kept].tolist(), strict=True)
    return tuple(
        Detection(class_names.get(i, f"class {i}"), xyxy, min(score, 1.0))
        for i, xyxy, score in found
        # A box that lies in the padding is clipped to nothing.
        if xyxy[2] > xyxy[0] and xyxy[3] > xyxy[1]
    )


def from_labels(
    label_map: NDArray[np.uint8],
    confidence: NDArray[np.uint8] | None,
    box: Letterbox,
    *,
    score_threshold: float,
    min_area: int,
    merge_gap: float,
    extent_threshold: float,
    weights: evidence.Weights | None = None,
) -> tuple[Detection, ...]:
    """Detections of whole craft from a label map, best score first, the larger first among equals.

    A score is the mean confidence of a craft's pixels times its share of all craft pixels to the power of `PROMINENCE`.

    Args:
        label_map: uint8 (h, w) of the network's view; every id but background and unlabelled is part of a craft.
        confidence: uint8 (h, w), probability of the label x 255; None scores every craft 1.0.
        box: the letterbox that the network saw the picture through; what lies in its padding is ignored.
        min_area: in pixels of the label map.
        merge_gap: as a fraction of the label map's longer side.
        extent_threshold: background pixels that touch a craft and whose probability of craft is at least this belong
            to it as far as its box goes, see `hysteresis`; 1 leaves boxes at the labels. Needs `confidence`. Scores are
            those of the labelled pixels all the same.
        weights: of the evidence that makes scores chances, see `evidence`; needs `confidence`.
    """
    found = evidence_for(
        label_map, confidence, box, min_area=min_area, merge_gap=merge_gap, extent_threshold=extent_threshold,
        weighed=weights is not None,
    )  # fmt: skip
    chances = [d if weights is None or e is None else replace(d, score=evidence.chance(e, weights)) for d, e in found]
    return tuple(sorted((d for d in chances if d.score >= score_threshold), key=lambda d: -d.score))


def evidence_for(
    label_map: NDArray[np.uint8],
    confidence: NDArray[np.uint8] | None,
    box: Letterbox,
    *,
    min_area: int,
    merge_gap: float,
    extent_threshold: float,
    weighed: bool = True,
) -> list[tuple[Detection, NDArray[np.float64] | None]]:
    """Every craft of a label map, the largest first, with its score before it is weighed, and the evidence for it.

    Args: as above.

    Returns:
        The evidence is None without a `confidence`, and unless it is `weighed`.
    """
    size = label_map.shape[0], label_map.shape[1]
    rows, cols = box.content_in(size)
    seen, sure_of = label_map[rows, cols], None if confidence is None else confidence[rows, cols]
    reached = parts = _craft_pixels(seen)
    if sure_of is not None and extent_threshold < 1:
        reached = hysteresis.grow(parts, hysteresis.likely_craft(seen, sure_of, extent_threshold), min_area)
    found = craft.find(
        reached, min_area=min_area, merge_gap=round(merge_gap * max(size)), confidence=sure_of, scored=parts
    )
    whole = sum(c.area for c in found)
    scores = [min(c.confidence, 1.0) * (c.area / whole) ** PROMINENCE for c in found]
    xyxy = np.array([c.box_xyxy for c in found], np.float32).reshape(-1, 4)
    xyxy += np.array([cols.start, rows.start] * 2, np.float32)
    xyxy *= np.array([box.network[1] / size[1], box.network[0] / size[0]] * 2, np.float32)
    in_source = boxes_to_source(xyxy, box)
    evident = [
        evidence.of(parts, sure_of, c.box_xyxy, score) if weighed and sure_of is not None else None
        for c, score in zip(found, scores, strict=True)
    ]
    return [(Detection(WHOLE, b, s), e) for b, s, e in zip(in_source, scores, evident, strict=True)]


def craft_confidence(label_map: NDArray[np.uint8], confidence: NDArray[np.uint8], box: Letterbox) -> float | None:
    """Mean of `confidence` / 255 over all craft pixels of the frame; None when there are none. Arguments as above."""
    rows, cols = box.content_in((label_map.shape[0], label_map.shape[1]))
    parts = _craft_pixels(label_map[rows, cols])
    return cv2.mean(confidence[rows, cols], mask=parts)[0] / 255 if cv2.countNonZero(parts) else None


def _craft_pixels(label_map: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 (h, w): 1 where a part of a craft is."""
    is_craft: NDArray[np.bool_] = (label_map != labels.BACKGROUND) & (label_map != labels.UNLABELLED)
    return is_craft.view(np.uint8)
