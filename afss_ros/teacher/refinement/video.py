"""A short piece of video labelled as one: what frames say alone, against what other frames say of them.

Long bags are cut into chunks of bounded length whose first and last frames are keyframes. The objects of the first
are carried forwards through the chunk, those of the last backwards; together with what the detector finds in a frame
itself they are up to three witnesses for every frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from afss_ros.datasets.rle import box_of
from afss_ros.teacher.prompts import CRAFT, Prompts, parts_in_craft
from afss_ros.teacher.protocols import Detector, Propagator, Rgb, Segmenter
from afss_ros.teacher.refinement.fusion import shares, undecided, vote
from afss_ros.teacher.refinement.refine import Refinement, label_batch
from afss_ros.teacher.values import Labelled, mask_iou

SAME_OBJECT = 0.5
"""Masks of one class that overlap by this IoU are one object."""
IN_THE_WAY = 0.2
"""Masks of one class from different witnesses that are not one object, but of which the smaller lies in the larger by
this share, cannot both be right."""


@dataclass(frozen=True, slots=True, eq=False)
class Witness:
    """What one source says about a frame.

    Attributes:
        instances: what it sees; none is a statement too.
        weight: of its masks in the vote: 1 for the frame itself, `trust` and less the further a mask was carried.
    """

    instances: Sequence[Labelled]
    weight: float


def label_chunk(
    images: Sequence[Rgb],
    detector: Detector,
    segmenter: Segmenter,
    propagator: Propagator,
    prompts: Prompts,
    refinement: Refinement,
    *,
    every_frame: bool = True,
    batch: int = 4,
) -> list[list[Labelled]]:
    """Label a chunk of frames, uint8 (H, W, 3) of one size, in order.

    Args:
        every_frame: detect in every frame and compare; False detects in the two keyframes alone.
        batch: how many frames a call of the detector gets.

    Returns:
        For each frame its instances; in a chunk of several frames each carries a `temporal` score.
    """
    count = len(images)
    looked = range(count) if every_frame else sorted({0, count - 1})
    own: dict[int, list[Labelled]] = {}
    for start in range(0, len(looked), batch):
        part = looked[start : start + batch]
        found = label_batch([images[i] for i in part], detector, segmenter, prompts, refinement)
        own.update(zip(part, found, strict=True))
    if count == 1:
        return [own[0]]
    forwards = _carry(images, own[0], propagator)
    backwards = _carry(images[::-1], own[count - 1], propagator)[::-1]
    labelled = []
    for i in range(count):
        witnesses = [Witness(own[i], 1.0)] if i in own else []
        if i > 0:
            witnesses.append(Witness(forwards[i], propagator.trust * (1.0 - i / count)))
        if i < count - 1:
            witnesses.append(Witness(backwards[i], propagator.trust * (1.0 - (count - 1 - i) / count)))
        merged = merge(witnesses, refinement.undecided)
        labelled.append(parts_in_craft(_top(merged, refinement.top)))
    return labelled


def merge(witnesses: Sequence[Witness], margin: float = 0.0) -> list[Labelled]:
    """Merge what witnesses say about one frame, the frame itself first.

    One object's mask is the vote of those who see it, and its `temporal` score the mean IoU of the first one's mask
    with the masks of all others, 0 for one that does not see it. The other scores are those of the first one.

    Where two of one class contradict each other, the one that more witnesses see is right, and among equals the frame's
    own: a mask that drifted on its way here is not a second object.

    Returns:
        Objects that most witnesses see first, then those of the frame itself, then by detector score.
    """
    left = [list(witness.instances) for witness in witnesses]
    merged: list[tuple[int, int, Labelled]] = []
    for number, witness in enumerate(witnesses):
        for first in list(left[number]):
            seen, total = [(first, witness.weight)], 0.0
            for other in range(len(witnesses)):
                match = _best(first, left[other]) if other > number else None
                if match is not None:
                    left[other].remove(match)
                    seen.append((match, witnesses[other].weight))
                    total += mask_iou(first.mask, match.mask)
            temporal = total / (len(witnesses) - 1) if len(witnesses) > 1 else 0.0
            masks, weights = [instance.mask for instance, _ in seen], [weight for _, weight in seen]
            mask, split = vote(masks, weights), undecided(shares(masks, weights), margin)
            if first.undecided is not None:
                split = first.undecided if split is None else split | first.undecided
            box = first.box_xyxy if first.origin == "detected" else box_of(mask)
            scores = {**first.scores, "temporal": temporal}
            instance = replace(first, mask=mask, box_xyxy=box, scores=scores, undecided=split)
            merged.append((len(seen), number, instance))
    merged.sort(key=lambda m: (-m[0], m[2].origin != "detected", -m[2].scores.get("detector_score", 0.0)))
    kept: list[tuple[int, Labelled]] = []
    for _, number, instance in merged:
        if not any(number != other and _contradict(instance, better) for other, better in kept):
            kept.append((number, instance))
    return [instance for _, instance in kept]


def _contradict(one: Labelled, other: Labelled) -> bool:
    common = int(np.count_nonzero(one.mask & other.mask))
    smaller = min(int(np.count_nonzero(one.mask)), int(np.count_nonzero(other.mask)))
    return one.class_name == other.class_name and common > 0 and common >= IN_THE_WAY * smaller


def _carry(images: Sequence[Rgb], instances: Sequence[Labelled], propagator: Propagator) -> list[list[Labelled]]:
    carried = propagator.propagate(images, [instance.mask for instance in instances])
    return [
        [
            replace(instance, mask=mask, box_xyxy=box_of(mask), origin="propagated", undecided=None)
            for instance, mask in zip(instances, masks, strict=True)
            if mask.any()
        ]
        for masks in carried
    ]


def _best(first: Labelled, others: Sequence[Labelled]) -> Labelled | None:
    same = [
        (mask_iou(first.mask, other.mask), i) for i, other in enumerate(others) if other.class_name == first.class_name
    ]
    overlap, index = max(same, default=(0.0, -1))
    return others[index] if overlap >= SAME_OBJECT else None


def _top(instances: Sequence[Labelled], count: int) -> list[Labelled]:
    crafts = [instance for instance in instances if instance.class_name == CRAFT]
    parts = [instance for instance in instances if instance.class_name != CRAFT]
    return (crafts[:count] if count else crafts) + parts
