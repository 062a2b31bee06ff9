"""What is true in an image, as far as its data set knows it, in the terms that metrics take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets import Dataset, Instance, Sample
from afss_ros.evaluation.metrics import CLASSES, to_common_ids
from afss_ros.labels import CLASS_NAMES, PART_IDS, SPACECRAFT

_PARTS = {CLASS_NAMES[i] for i in PART_IDS}


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The truth of one image.

    Attributes:
        labels: uint8 (H, W) ids 0..4 and 255, 4 being craft of unknown part; None when only boxes are known.
        craft: the whole craft that are there; None when nobody listed them.
    """

    labels: NDArray[np.uint8] | None
    craft: tuple[Instance, ...] | None


def known_classes(dataset: Dataset) -> tuple[str, ...]:
    """The names of `metrics.CLASSES` that this set's masks tell apart; without any masks the result means nothing."""
    if any(s.labels is not None for s in dataset.samples):
        return ("whole", *(name for name in CLASSES if name in dataset.class_names.values()))
    return ("whole",)


def read_truth(sample: Sample, class_names: dict[int, str]) -> Truth:
    """Read what is true in one image.

    Args:
        class_names: of the data set's label ids.

    Raises:
        DatasetError: a mask cannot be read.
    """
    labels: NDArray[np.uint8] | None = None
    if sample.labels is not None:
        labels = to_common_ids(sample.read_labels(), class_names)
    else:
        mask = sample.read_craft_mask()
        if mask is not None:
            labels = np.where(mask, np.uint8(SPACECRAFT), np.uint8(0))
    return Truth(labels, _craft(sample))


def is_craft(class_name: str) -> bool:
    """Whether an instance of this class is a whole craft: anything but a part, whatever a set calls its craft."""
    return class_name not in _PARTS


def _craft(sample: Sample) -> tuple[Instance, ...] | None:
    instances = sample.read_instances()
    if instances is None:
        return None
    craft = tuple(i for i in instances if is_craft(i.class_name))
    return craft if craft or not instances else None
