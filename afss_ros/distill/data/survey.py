"""What training images can teach: looked at before a run starts, so that it says so then and not after a night."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from afss_ros import datasets
from afss_ros.distill.data import crops
from afss_ros.distill.data.classes import ANY_PART, OPEN, PARTS, REST, rest_of
from afss_ros.distill.errors import DistillError
from afss_ros.labels import BACKGROUND, UNLABELLED
from afss_ros.spacing import evenly_spaced

LOOKED_AT = 200
"""Images whose labels are read for it, evenly spaced; all, where these show no craft."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What the labels of a training set hold.

    Attributes:
        images: how many there are.
        looked_at: how many of them were read.
        craft: whether any image has a craft, labelled or listed.
        labelled: whether any label map, or mask of a craft, has a pixel of craft.
        told: the parts that at least one label map tells from all others.
        seen: those of them that have a pixel.
    """

    images: int
    looked_at: int
    craft: bool
    labelled: bool
    told: frozenset[str]
    seen: frozenset[str]


def survey(samples: Sequence[datasets.Sample], parts: Sequence[str] = PARTS) -> Survey:
    """Look at training images, in the ids of a student of these parts (see `classes.in_ids_of`)."""
    chosen = set(evenly_spaced(len(samples), LOOKED_AT))
    order = [*sorted(chosen), *(i for i in range(len(samples)) if i not in chosen)]
    craft = labelled = False
    told: set[str] = set()
    seen: set[str] = set()
    looked_at = 0
    for place, index in enumerate(order):
        if place >= len(chosen) and craft:
            break
        looked_at += 1
        sample = samples[index]
        craft = craft or bool(crops.crafts_of(sample, parts)) or bool(sample.instances)
        ids = _ids(sample, parts)
        labelled = labelled or bool(ids - {BACKGROUND, UNLABELLED})
        told |= tells(sample, parts)
        seen |= {parts[i - 1] for i in ids if 1 <= i <= len(parts)}
    told |= {name for s in samples for name in tells(s, parts)}
    return Survey(len(samples), looked_at, craft or labelled, labelled, frozenset(told), frozenset(seen))


def tells(sample: datasets.Sample, parts: Sequence[str]) -> frozenset[str]:
    """The parts that a sample's label map tells from all others, as far as the sample says; all where it does not."""
    if sample.labels is None:
        return frozenset()
    if sample.parts is None:
        return frozenset(parts)
    rest = {parts[i - 1] for i in rest_of(sample.parts, parts)}
    return frozenset(parts) - (rest if len(rest) > 1 else frozenset())


def require_craft(found: Survey, sets: Iterable[object]) -> None:
    """Refuse to train on images in which nobody labelled anything.

    Raises:
        DistillError: not one image has a craft.
    """
    if not found.craft:
        raise DistillError(
            f"{', '.join(map(str, sets))}: not one of {found.images} training images has a labelled craft, so there is"
            " nothing to learn; `afss data check` tells what is in a set"
        )


def _ids(sample: datasets.Sample, parts: Sequence[str]) -> set[int]:
    try:
        ids = set(np.unique(crops.read_labels(sample, parts)).tolist())
    except datasets.DatasetError:
        return set()  # named when it is skipped in training
    return ids - {UNLABELLED, OPEN} | ({ANY_PART} if REST in ids else set())
