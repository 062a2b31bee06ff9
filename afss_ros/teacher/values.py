"""What flows through the teacher: boxes from a detector, masks from a segmenter, instances with named scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

SCORES: tuple[str, ...] = ("detector_score", "mask_score", "agreement", "temporal")
"""Every score that an instance can carry, in the order in which reports show them.

- `detector_score`: the detector's confidence; with several views, its mean over *all* views (see `fusion`).
- `mask_score`: the segmenter's own estimate of its mask's quality.
- `agreement`: mean IoU of each view's box with the fused box; a view that saw nothing adds 0. Needs two views.
- `temporal`: mean IoU of the frame's own mask with those carried over from other frames. Needs video.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """One box of one detector in one image.

    Attributes:
        class_name: the class whose phrase was found.
        xyxy: float32 (4,), pixels of the image that the detector was given (corner convention).
        score: the detector's confidence, 0..1.
    """

    class_name: str
    xyxy: NDArray[np.float32]
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """One mask of one segmenter.

    Attributes:
        mask: bool (H, W), the size of the segmented image.
        score: the segmenter's estimate of the mask's quality, 0..1.
    """

    mask: NDArray[np.bool_]
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """One instance that the teacher proposes as a label.

    Attributes:
        class_name: `spacecraft`, or the name of a part.
        box_xyxy: float32 (4,), source pixels.
        mask: bool (H, W), source size.
        scores: by name, see `SCORES`; a score that this run cannot give is absent.
        undecided: bool (H, W), pixels on which views or frames are divided, for nobody to learn from; None: none.
        origin: `detected` in this frame, or `propagated` from other frames of the video.
    """

    class_name: str
    box_xyxy: NDArray[np.float32]
    mask: NDArray[np.bool_]
    scores: Mapping[str, float] = field(default_factory=dict)
    origin: str = "detected"
    undecided: NDArray[np.bool_] | None = None


def mask_iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks of one size; 0 when both are empty."""
    union = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / union if union else 0.0
