"""What is true in an image, as far as its data set knows it, in the terms that metrics take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets import Dataset, Instance, Sample
from afss_ros.datasets.form import WHOLE
from afss_ros.datasets.sought import sought_in
from afss_ros.evaluation.metrics.segmentation import CLASSES, MEAN_PARTS, SIDE, to_common_ids
from afss_ros.labels import ANTENNA, BACKGROUND, BODY, CLASS_IDS, CLASS_NAMES, PART_IDS, SPACECRAFT, UNLABELLED

_PARTS = {CLASS_NAMES[i] for i in PART_IDS}


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The truth of one image.

    Attributes:
        labels: uint8 (H, W), common ids (see `metrics`) and 255; None when only boxes are known.
        craft: the whole craft that are there; None when nobody listed them, or not all.
        unknown_part: bool (H, W), craft of which nobody knows which of our parts it is; None for nowhere. Whatever part
            is seen there is right.
        only: the common ids that were labelled where the rest of the craft was not: all else is as good as background.
        antenna_is_body: nobody looked for antennas, so where truth is body, an antenna is right too.
    """

    labels: NDArray[np.uint8] | None
    craft: tuple[Instance, ...] | None
    unknown_part: NDArray[np.bool_] | None = None
    antenna_is_body: bool = False
    only: tuple[int, ...] | None = None

    @property
    def unknown(self) -> bool:
        """Whether nothing can be held against it."""
        return self.craft is None and (self.labels is None or bool((self.labels == UNLABELLED).all()))


def known_classes(dataset: Dataset) -> tuple[str, ...]:
    """The names of `metrics.CLASSES` that this set's masks tell apart; without any masks the result means nothing."""
    names = dataset.class_names
    told = {name for s in dataset.samples if s.labels is not None for name in CLASSES if name not in _hidden(s, names)}
    # Where the rest of a craft was never marked, no IoU of the whole craft means anything.
    whole = () if any(s.only is not None for s in dataset.samples) else ("whole",)
    return (*whole, *(name for name in CLASSES if name in names.values() and name in told))


def _hidden(sample: Sample, class_names: Mapping[int, str]) -> set[str]:
    """The parts that nobody can tell in a sample's label map: those that were not looked for, and body, where panels
    may be among it."""
    if sample.only is not None:
        return {*_PARTS, "whole"} - set(sample.only)
    sought = sought_in(sample, class_names)
    if sought is None:
        return set()
    hidden = _PARTS - {*sought, CLASS_NAMES[BODY]}
    return hidden | {CLASS_NAMES[BODY]} if hidden & set(MEAN_PARTS) else hidden


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
    unknown_part: NDArray[np.bool_] | None = None
    antenna_is_body = False
    if sample.labels is not None and sample.only is not None:
        labels = to_common_ids(sample.read_labels(), class_names, further)
        ids = tuple(i for name in sample.only for i in _ids_of(name, further))
        labels = only_ids(labels, ids)
        return Truth(labels, _craft(sample, class_names), only=ids)
    if sample.labels is not None:
        labels = to_common_ids(sample.read_labels(), class_names, further)
        hidden = _hidden(sample, class_names)
        if CLASS_NAMES[BODY] in hidden:
            unknown_part = labels == BODY
            labels[unknown_part] = SPACECRAFT
        antenna_is_body = CLASS_NAMES[ANTENNA] in hidden
    else:
        mask = sample.read_craft_mask()
        if mask is not None:
            labels, unknown_part = np.where(mask, np.uint8(SPACECRAFT), np.uint8(0)), mask
    return Truth(labels, _craft(sample, class_names), unknown_part, antenna_is_body)


def only_ids(labels: NDArray[np.uint8], ids: Sequence[int]) -> NDArray[np.uint8]:
    """The label map (H, W) with everything but `ids`, and 255, as background."""
    kept = np.isin(labels, (*ids, UNLABELLED))
    return np.where(kept, labels, np.uint8(BACKGROUND))


def _ids_of(name: str, further: Sequence[str]) -> tuple[int, ...]:
    if name in further:
        return (SIDE + further.index(name),)
    return (CLASS_IDS[name],) if name in CLASS_IDS else ()


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
    if instances is None or not sample.complete:
        return None
    craft = tuple(i for i in instances if is_craft(i.class_name, class_names))
    return craft if craft or not instances else None
