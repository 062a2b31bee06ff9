"""The outputs of a network to detections in source pixels: pure functions on its arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros import labels
from afss_ros.perception import Detection
from afss_ros.student import boxes as craft
from afss_ros.student import evidence, hysteresis
from afss_ros.student.contract import PRESENCE, StudentContract
from afss_ros.student.errors import StudentError
from afss_ros.student.letterbox import Letterbox, boxes_to_source

WHOLE = labels.CLASS_NAMES[labels.SPACECRAFT]
"""Name of what a component of a label map is: the whole craft."""
PROMINENCE = 0.1
"""Beside a craft, what is much smaller is a bit of it or a star more often than a second one: a hundredth of all craft
pixels keeps 0.63 of its confidence, half of them 0.93, a craft alone all. On 200 rendered validation frames box AP
rises from 0.553 to 0.570; anything from 0.05 to 0.5 does about the same."""

_Box: TypeAlias = tuple[int, int, int, int]

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
        StudentError: a score or the chance of a craft is not finite or outside 0..1, or a box of a row in use is not
            finite.
    """
    if PRESENCE in outputs and not 0 <= (chance := float(outputs[PRESENCE][0])) <= 1:
        raise StudentError(
            f"the network's answer is none: the chance of a craft is {chance}, not in 0..1; its weights are damaged"
        )
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


class Shown:
    """What the label map of a network's view shows of a frame, the padding left out.

    Args:
        label_map: uint8 (h, w) of the network's view; every id but background and unlabelled is part of a craft.
        confidence: uint8 (h, w), probability of the label x 255; None where the network gives none.
        box: the letterbox that the network saw the picture through.
        presence: float32 (r, c), the chance of a craft in each cell of a grid over the map; None where it gives none.

    Attributes:
        labels: uint8 (h', w'), of the frame alone.
        sure: uint8 (h', w'), its confidence, or None.
        parts: uint8 (h', w'), 1 where a part of a craft is, else 0.
        size: (h, w) of the whole map.
        origin: x, y of the frame's corner in it.
    """

    def __init__(
        self,
        label_map: NDArray[np.uint8],
        confidence: NDArray[np.uint8] | None,
        box: Letterbox,
        presence: NDArray[np.float32] | None = None,
    ) -> None:
        self.box = box
        self._presence = presence
        self.size = label_map.shape[0], label_map.shape[1]
        rows, cols = box.content_in(self.size)
        self.labels = label_map[rows, cols]
        self.sure = None if confidence is None else confidence[rows, cols]
        self.parts = _craft_pixels(self.labels)
        self.origin = cols.start, rows.start

    @cached_property
    def counts(self) -> NDArray[np.intp]:
        """How many craft pixels have each confidence: (256,)."""
        assert self.sure is not None
        return evidence.count(self.parts, self.sure)

    @cached_property
    def craft_confidence(self) -> float | None:
        """Mean of the confidence in 0..1 over all craft pixels; None when there are none, or no confidence."""
        return None if self.sure is None else evidence.mean(self.counts)

    def presence(self, box_xyxy: _Box) -> float | None:
        """The chance of a craft where this box has its middle, in pixels of the frame's part of the map."""
        if self._presence is None:
            return None
        cells = self._presence.shape
        middle = (box_xyxy[1] + box_xyxy[3]) / 2 + self.origin[1], (box_xyxy[0] + box_xyxy[2]) / 2 + self.origin[0]
        row, column = (min(int(m * n / side), n - 1) for m, n, side in zip(middle, cells, self.size, strict=True))
        return float(self._presence[row, column])

    def to_source(self, boxes_xyxy: Sequence[tuple[int, int, int, int]]) -> NDArray[np.float32]:
        """Boxes in pixels of the frame's part of the map as float32 (N, 4) in source pixels."""
        x, y = self.origin
        moved = [(x0 + x, y0 + y, x1 + x, y1 + y) for x0, y0, x1, y1 in boxes_xyxy]
        in_network = np.array(moved, np.float32).reshape(-1, 4)
        across, down = self.box.network[1] / self.size[1], self.box.network[0] / self.size[0]
        in_network *= np.array([across, down, across, down], np.float32)
        return boxes_to_source(in_network, self.box)


def from_labels(
    shown: Shown,
    *,
    score_threshold: float,
    min_area: int,
    merge_gap: float,
    extent_threshold: float,
    weights: evidence.Weights | None = None,
) -> tuple[Detection, ...]:
    """Detections of whole craft from a label map, best score first, the larger first among equals.

    A score is the mean confidence of a craft's pixels times its share of all craft pixels to the power of `PROMINENCE`;
    1.0 without a confidence.

    Args:
        min_area: in pixels of the label map.
        merge_gap: as a fraction of the label map's longer side.
        extent_threshold: background pixels that touch a craft and whose probability of craft is at least this belong
            to it as far as its box goes, see `hysteresis`; 1 leaves boxes at the labels. Needs a confidence. Scores are
            those of the labelled pixels all the same.
        weights: of the evidence that makes scores chances, see `evidence`; needs a confidence.
    """
    scored = found = _found(shown, min_area, merge_gap, extent_threshold)
    if weights is not None and shown.sure is not None:
        evident = _evidence(shown, found)
        scored = [(xyxy, evidence.chance(e, weights)) for (xyxy, _), e in zip(found, evident, strict=True)]
    kept = sorted((pair for pair in scored if pair[1] >= score_threshold), key=lambda pair: -pair[1])
    in_source = shown.to_source([xyxy for xyxy, _ in kept])
    return tuple(Detection(WHOLE, xyxy, score) for xyxy, (_, score) in zip(in_source, kept, strict=True))


def evidence_for(
    shown: Shown, *, min_area: int, merge_gap: float, extent_threshold: float
) -> list[tuple[Detection, NDArray[np.float64]]]:
    """Every craft of a label map with a confidence, the largest first, its score not weighed, and the evidence for it.

    Args: as above.
    """
    found = _found(shown, min_area, merge_gap, extent_threshold)
    in_source = shown.to_source([xyxy for xyxy, _ in found])
    detected = [Detection(WHOLE, box, score) for box, (_, score) in zip(in_source, found, strict=True)]
    return list(zip(detected, _evidence(shown, found), strict=True))


def _evidence(shown: Shown, found: Sequence[tuple[_Box, float]]) -> list[NDArray[np.float64]]:
    """The evidence for each craft of a map with a confidence."""
    assert shown.sure is not None
    counts = shown.counts if len(found) == 1 and _holds_all(found[0][0], shown.parts) else None
    return [evidence.of(shown.parts, shown.sure, box, score, counts, shown.presence(box)) for box, score in found]


def _holds_all(box_xyxy: _Box, parts: NDArray[np.uint8]) -> bool:
    left, top, right, bottom = _bounds(parts)
    return box_xyxy[0] <= left and box_xyxy[1] <= top and right <= box_xyxy[2] and bottom <= box_xyxy[3]


def _found(shown: Shown, min_area: int, merge_gap: float, extent_threshold: float) -> list[tuple[_Box, float]]:
    """Box, in pixels of the frame's part of the map, and score before it is weighed of every craft, largest first."""
    parts, sure = shown.parts, shown.sure
    reached = parts
    if sure is not None and extent_threshold < 1:
        grown = hysteresis.grow(parts, hysteresis.likely_craft(shown.labels, sure, extent_threshold), min_area)
        if not grown.count:
            return []
        reached = grown.pixels
        if grown.count == 1 and grown.holds_all:
            # The usual frame needs no outlines: all that is craft is this one.
            assert shown.craft_confidence is not None
            return [(_bounds(reached), min(shown.craft_confidence, 1.0))]
    left, top, right, bottom = _bounds(reached)
    window = slice(top, bottom), slice(left, right)
    found = craft.find(
        reached[window],
        min_area=min_area,
        merge_gap=round(merge_gap * max(shown.size)),
        confidence=None if sure is None else sure[window],
        scored=parts[window],
    )
    whole = sum(c.area for c in found)
    boxes = [(c.box_xyxy[0] + left, c.box_xyxy[1] + top, c.box_xyxy[2] + left, c.box_xyxy[3] + top) for c in found]
    return [(box, min(c.confidence, 1.0) * (c.area / whole) ** PROMINENCE) for box, c in zip(boxes, found, strict=True)]


def _bounds(mask: NDArray[np.uint8]) -> _Box:
    left, top, width, height = cv2.boundingRect(mask)
    return left, top, left + width, top + height


def _craft_pixels(label_map: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 (h, w): 1 where a part of a craft is."""
    # Of the bytes, only the first and the last are none: one less, the first is the last, and one comparison is enough.
    is_craft: NDArray[np.bool_] = np.subtract(label_map, labels.BACKGROUND + 1) < labels.UNLABELLED - 1
    return is_craft.view(np.uint8)
