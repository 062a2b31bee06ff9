"""A set of chips as SAM 2's training takes it: a picture, some of its objects, and where the truth is known."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afss_ros import datasets
from afss_ros.datasets.form import WHOLE, Sample
from afss_ros.geo.errors import GeoError
from afss_ros.labels import UNLABELLED

LEAST = 16
"""Pixels of an object that is asked about; slivers that a chip's edge left are not."""


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A picture and up to so many of its objects.

    Attributes:
        picture: uint8 (H, W, 3).
        masks: bool (P, H, W), the objects.
        taken: bool (H, W), all objects of the picture, also those that are not among `masks`.
        known: bool (H, W), where the truth is known.
    """

    picture: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    taken: NDArray[np.bool_]
    known: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Unit:
    """What is learned from at once: of sample `sample`, the objects at places `first` to `last` of a drawn order."""

    sample: int
    first: int
    last: int


def read(roots: Sequence[Path], split: str) -> list[Sample]:
    """The samples of a split in which somebody looked for objects.

    Raises:
        GeoError: a set has none.
        DatasetError: a set cannot be read.
    """
    samples: list[Sample] = []
    for root in roots:
        dataset = datasets.load(root)
        found = [s for s in dataset if s.split == split and s.instances is not None]
        if not found:
            there = ", ".join(sorted({s.split or "none" for s in dataset})) or "no samples"
            raise GeoError(
                f"{root}: has no labelled samples in the split {split} (has: {there}); afss geo split {root}"
            )
        samples += found
    return samples


def objects(sample: Sample) -> list[int]:
    """Places of a sample's whole objects that have a mask and are large enough."""
    places = []
    for place, instance in enumerate(sample.instances or ()):
        x_min, y_min, x_max, y_max = instance.box_xyxy.tolist()
        if instance.class_name == WHOLE and instance.rle is not None and (x_max - x_min) * (y_max - y_min) >= LEAST:
            places.append(place)
    return places


def units(samples: Sequence[Sample], most: int, *, empty: bool = True) -> list[Unit]:
    """Every object of every sample once, `most` together; `empty` samples too, for their bare ground."""
    found = []
    for index, sample in enumerate(samples):
        count = len(objects(sample))
        found += [Unit(index, first, min(first + most, count)) for first in range(0, count, most)]
        if not count and empty:
            found.append(Unit(index, 0, 0))
    return found


def example(sample: Sample, unit: Unit, order: Sequence[int] | None = None, turn: int = 0) -> Example:
    """Read a unit.

    Args:
        order: of the sample's objects; None for as they are.
        turn: 0 to 7, a quarter turn or flip of the picture: overhead, there is no up.

    Raises:
        DatasetError: a file of the sample cannot be read.
    """
    picture = sample.read_image()
    known = np.ones(picture.shape[:2], bool)
    if sample.labels is not None:
        known = sample.read_labels() != UNLABELLED
    places = objects(sample)
    chosen = [places[i] for i in (order if order is not None else range(len(places)))][unit.first : unit.last]
    instances = sample.instances or ()
    taken = ~known
    masks = []
    for place, instance in enumerate(instances):
        if instance.class_name != WHOLE or (mask := instance.mask()) is None:
            continue
        taken = taken | mask
        if place in chosen:
            masks.append(mask)
    whole = np.stack(masks) if masks else np.zeros((0, *known.shape), bool)
    return Example(*(turned(a, turn) for a in (picture, whole, taken, known)))  # type: ignore[arg-type]


def turned(array: NDArray[np.generic], turn: int) -> NDArray[np.generic]:
    """One of the eight turns and flips of a picture (H, W), (H, W, 3) or of masks (P, H, W)."""
    axes = (1, 2) if array.dtype == bool and array.ndim == 3 else (0, 1)
    array = np.rot90(array, turn % 4, axes)
    if turn >= 4:
        array = np.flip(array, axes[1])
    return np.ascontiguousarray(array)


def sides(samples: Sequence[Sample]) -> NDArray[np.float64]:
    """Widths and heights (S, 2) of the objects' boxes, at most a thousand, evenly over the samples."""
    boxes = [s.instances[i].box_xyxy for s in samples if s.instances for i in objects(s)]
    if not boxes:
        raise GeoError("no sample has an object with a mask; SAM 2 has nothing to learn from")
    every = np.stack(boxes)[:: max(1, len(boxes) // 1000)].astype(np.float64)
    return np.asarray(every[:, 2:] - every[:, :2])


def fingerprint(samples: Sequence[Sample]) -> str:
    """A hash of what is learned from, by keys and objects."""
    facts = [(s.key, [(i.class_name, i.rle and i.rle["counts"]) for i in s.instances or ()]) for s in samples]
    return hashlib.sha256(repr(facts).encode(errors="backslashreplace")).hexdigest()
