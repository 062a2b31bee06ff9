"""Label maps in which nobody decided on what a filter refused, or on what two labellings see differently."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets import Instance
from afss_ros.datasets.form import WHOLE
from afss_ros.labels import CLASS_IDS, UNLABELLED


def without(labels: NDArray[np.uint8], instances: Sequence[Instance], kept: Sequence[bool]) -> NDArray[np.uint8]:
    """The label map (H, W) with the pixels of refused instances unlabelled (255).

    A refused craft loses its pixels that no kept craft claims; a refused part its pixels of that part.
    """
    result: NDArray[np.uint8] = labels.copy()
    claimed = np.zeros(labels.shape, np.bool_)
    for instance, stays in zip(instances, kept, strict=True):
        if stays and instance.class_name == WHOLE:
            claimed |= _region(instance, labels.shape)
    for instance, stays in zip(instances, kept, strict=True):
        if stays:
            continue
        region = _region(instance, labels.shape)
        if instance.class_name == WHOLE:
            result[region & ~claimed & (labels != 0)] = UNLABELLED
        elif instance.class_name in CLASS_IDS:
            result[region & (labels == CLASS_IDS[instance.class_name])] = UNLABELLED
    return result


def disagreement(labels: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The label map (H, W) with every pixel unlabelled (255) on which another labelling differs or does not decide."""
    return np.where(labels == other, labels, np.uint8(UNLABELLED))


def consensus(labels: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Intersection over union of the crafts of two label maps, over the pixels that both decide on; 1 when both see
    none.
    """
    decided = (labels != UNLABELLED) & (other != UNLABELLED)
    a, b = (labels > 0) & decided, (other > 0) & decided
    union = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / union if union else 1.0


def _region(instance: Instance, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    mask = instance.mask()
    if mask is not None:
        return mask
    region = np.zeros(shape, np.bool_)
    x0, y0 = np.floor(instance.box_xyxy[:2]).astype(int).clip(0)
    x1, y1 = np.ceil(instance.box_xyxy[2:]).astype(int).clip(0)
    region[y0:y1, x0:x1] = True
    return region
