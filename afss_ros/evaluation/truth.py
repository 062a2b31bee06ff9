"""What is true in an image, as far as its data set knows it, in the terms that metrics take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets import Dataset, Instance, Sample
from afss_ros.datasets.form import WHOLE
from afss_ros.evaluation.metrics.segmentation import CLASSES, to_common_ids
from afss_ros.labels import CLASS_IDS, CLASS_NAMES, PART_IDS, SPACECRAFT

_PARTS = {CLASS_NAMES[i] for i in PART_IDS}


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The truth of one image.

    Attributes:
        labels: uint8 (H, W), common ids (see `metrics`) and 255; None when only boxes are known.
        craft: the whole craft that are there; None when nobody listed them.
    """

    labels: NDArray[np.uint8] | None
    craft: tuple[Instance, ...] | None


def known_classes(dataset: Dataset) -> tuple[str, ...]:
    """The names of `metrics.CLASSES` that this set's masks tell apart; without any masks the result means nothing."""
    if any(s.labels is not None for s in dataset.samples):
        return ("whole", *(name for name in CLASSES if name in dataset.class_names.values()))
    return ("whole",)


def further_classes(dataset: Dataset, class_names: Mapping[int, str]) -> tuple[str, ...]:
    """The names that are none of ours, but that this set's masks and a student's `class_names` both tell apart."""
    if all(s.labels is None for s in dataset.samples):
        return ()
    both = set(dataset.class_names.values()) & set(class_names.values())
    return tuple(dict.fromkeys(name for name in dataset.class_names.values() if name in both - CLASS_IDS.keys()))


def read_truth(sample: Sample, class_names: Mapping[int, str], further: Sequence[str] = ()) -> Truth:
    """Read what is true in one image.

    Args:
        class_names: of the data set's label ids.
        further: classes with common ids of their own, see `further_classes`.

    Raises:
        DatasetError: a mask cannot be read.
    """
    labels: NDArray[np.uint8] | None = None
    if sample.labels is not None:
        labels = to_common_ids(sample.read_labels(), class_names, further)
    else:
        mask = sample.read_craft_mask()
        if mask is not None:
            labels = np.where(mask, np.uint8(SPACECRAFT), np.uint8(0))
    return Truth(labels, _craft(sample, class_names))


def is_craft(class_name: str, class_names: Mapping[int, str]) -> bool:
    """Whether an object of this class is a whole craft: anything but a part, whatever a set or student calls its craft.

    Where a table of classes has "spacecraft", its other classes are parts.

    >>> is_craft("Cheops", {0: "background", 1: "Cheops"})
    True
    >>> is_craft("thruster", {0: "background", 1: "thruster", 2: "spacecraft"})
    False
    """
    names = class_names.values()
    return class_name == WHOLE or not (class_name in _PARTS or (WHOLE in names and class_name in names))


def _craft(sample: Sample, class_names: Mapping[int, str]) -> tuple[Instance, ...] | None:
    instances = sample.read_instances()
    if instances is None:
        return None
    craft = tuple(i for i in instances if is_craft(i.class_name, class_names))
    return craft if craft or not instances else None
