"""Whether a network's numbers can be an answer at all: finite, and in the range that the contract gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.student.errors import StudentError

ROUNDING = 1e-3
"""By which a score may miss 0..1: half precision, and sums of exponentials."""


def check(outputs: Mapping[str, NDArray[Any]]) -> None:
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
    possible = (scores >= -ROUNDING) & (scores <= 1 + ROUNDING)
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
