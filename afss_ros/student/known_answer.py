"""A frame whose answer is known: what a student says of it tells whether it is the student that it was on the ground.

Agreement is the share of pixels with the same label among those that either label map calls craft: background, which
is most of a frame, hides nothing. The shipped student in 8 bits and in floating point agree to 0.989 and more on the
frames of the demo bag, so `LEAST_AGREEMENT` leaves room for another processor or a GPU and none for another network. It
does not see small damage: 20 kB of zeroes in the weights leave 0.991 to 0.999. For that there is the hash of the file,
and in flight that answers are the same to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afss_ros.perception import Frame, Perception
from afss_ros.student.errors import StudentError

LEAST_AGREEMENT = 0.97


@dataclass(frozen=True, slots=True, eq=False)
class KnownAnswer:
    """A frame and the label map that belongs to it.

    Attributes:
        image: uint8 (H, W, 3) RGB.
        labels: uint8 (H, W), label ids.
        least_agreement: below it a student is another one.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    least_agreement: float = LEAST_AGREEMENT

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.labels.shape != self.image.shape[:2]:
            raise StudentError(
                f"a known answer is an image (H, W, 3) with labels (H, W), got {self.image.shape}, {self.labels.shape}"
            )


def agreement(ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> float:
    """Share of equal labels among the pixels that either of two label maps (H, W) calls craft, in 0..1.

    >>> agreement(np.array([[0, 1, 2]], np.uint8), np.array([[0, 1, 1]], np.uint8))
    0.5
    """
    craft = (ours > 0) | (theirs > 0)
    return float((ours == theirs)[craft].mean()) if craft.any() else 1.0


def ask(
    perceive: Callable[[Frame], Perception], known: KnownAnswer, same_as: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """The label map that a student gives to the known frame, uint8 (H, W).

    Args:
        same_as: what it said of it before, where equal frames give equal answers to the bit, as on a processor.

    Raises:
        StudentError: it makes no label map, or agrees too little with the known answer.
    """
    labels = perceive(Frame(known.image, source="known answer")).labels
    if labels is None:
        raise StudentError("the student makes no label map, but its manifest has a known answer that is one")
    agreed = agreement(labels, known.labels)
    if agreed < known.least_agreement:
        raise StudentError(
            f"the known answer is not given: {agreed:.3f} of the craft's pixels agree, {known.least_agreement:g} must;"
            " the model, its provider or the memory it lies in is damaged"
        )
    if same_as is not None and not np.array_equal(labels, same_as):
        raise StudentError(
            f"the known answer has changed in {int((labels != same_as).sum())} pixels since configure; the memory that"
            " the model lies in is damaged"
        )
    return labels
