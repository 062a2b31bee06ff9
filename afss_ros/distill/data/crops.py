"""Crops of labelled images, and the boxes of the craft that show in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from afss_ros import datasets
from afss_ros.distill.data import augment
from afss_ros.distill.data.classes import ANY_PART, OPEN, PARTS
from afss_ros.distill.recipe import Recipe
from afss_ros.labels import BACKGROUND, UNLABELLED

NO_BOX = np.full(4, np.nan, np.float32)
MAX_CRAFT = 8
"""Craft of one picture that the box head learns, the largest."""


class Crop(NamedTuple):
    """A square that a sample was warped into.

    Attributes:
        image: uint8 (size, size, 3), RGB.
        labels: uint8 (size, size), ids and 255.
        crafts: of the whole source.
        placement: from source to crop.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    crafts: list[datasets.Instance]
    placement: augment.Placement


def place(rng: np.random.Generator, sample: datasets.Sample, recipe: Recipe) -> Crop:
    """Read, place, warp and degrade one sample, all but the cut-out.

    Raises:
        DatasetError: the sample cannot be read.
    """
    size = recipe.data.size
    parts = recipe.student.parts
    image, labels, crafts = sample.read_image(), read_labels(sample, parts), crafts_of(sample, parts)
    boxes = np.array([c.box_xyxy for c in crafts], np.float32).reshape(-1, 4)
    height, width = labels.shape
    placement = augment.place(rng, recipe.augment, (width, height), size, boxes)
    crop = augment.warp_image(image, placement, size)
    crop = augment.degrade(rng, recipe.augment, augment.tone(rng, recipe.augment, crop))
    outside = BACKGROUND if (labels != UNLABELLED).any() else UNLABELLED
    return Crop(crop, augment.warp_labels(labels, placement, size, outside), crafts, placement)


def fit(sample: datasets.Sample, size: int, parts: Sequence[str] = PARTS) -> Crop:
    """The whole image fitted into `size` x `size`, centred; the margin is black and unlabelled.

    Raises:
        DatasetError: the sample cannot be read.
    """
    labels = read_labels(sample, parts)
    height, width = labels.shape
    scale = size / max(height, width)
    shift = [(size - width * scale) / 2, (size - height * scale) / 2]
    placement = augment.Placement(np.array([[scale, 0, shift[0]], [0, scale, shift[1]]]), scale)
    image = augment.warp_image(sample.read_image(), placement, size)
    return Crop(image, augment.warp_labels(labels, placement, size, UNLABELLED), crafts_of(sample, parts), placement)


def craft_boxes(crop: Crop) -> NDArray[np.float32]:
    """The box of every craft of which something shows: float32 (N, 4) xyxy, pixels of the crop.

    With one craft the label map bounds it exactly; with several, each one's own mask does, or else its warped box.
    """
    here = is_craft(crop.labels)
    whole = (crop.labels != UNLABELLED).any() and not (crop.labels == OPEN).any()
    if len(crop.crafts) < 2 and whole:
        return bounds(here)[None] if here.any() else np.zeros((0, 4), np.float32)
    size = crop.labels.shape[0]
    boxes = np.array([_warped_box(c, crop.placement, size) for c in crop.crafts], np.float32).reshape(-1, 4)
    sides = boxes[:, 2:] - boxes[:, :2]
    shows = np.isfinite(boxes).all(1) & (sides > 0).all(1) & (sides.prod(1) >= 1)
    return np.asarray(boxes[shows], np.float32)


def in_fixed_rows(boxes: NDArray[np.float32], width: float, height: float) -> NDArray[np.float32]:
    """Boxes (N, 4) xyxy in pixels, as float32 (MAX_CRAFT, 4) in 0..1, the largest first; rows without one are NaN."""
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    kept = boxes[np.argsort(-areas, kind="stable")[:MAX_CRAFT]]
    rows = np.tile(NO_BOX, (MAX_CRAFT, 1))
    rows[: len(kept)] = kept / np.array([width, height] * 2)
    return rows


def read_labels(sample: datasets.Sample, parts: Sequence[str] = PARTS) -> NDArray[np.uint8]:
    """The label map, uint8 (H, W).

    Without one, masks of whole craft tell craft (`ANY_PART`) from background; without these, all is 255.
    """
    if sample.labels is not None:
        return sample.read_labels()
    mask = _craft_mask(sample, parts)
    if mask is None:
        return np.full((sample.height, sample.width), UNLABELLED, np.uint8)
    return np.asarray(np.where(mask, np.uint8(ANY_PART), np.uint8(BACKGROUND)), np.uint8)


def _craft_mask(sample: datasets.Sample, parts: Sequence[str]) -> NDArray[np.bool_] | None:
    """Pixels of any craft, where the masks of all of them are known."""
    if sample.craft_mask is None and len(crafts_of(sample, parts)) < len(sample.instances or ()):
        return None  # the instances are parts, which need not make up their craft
    return sample.read_craft_mask()


def crafts_of(sample: datasets.Sample, parts: Sequence[str] = PARTS) -> list[datasets.Instance]:
    """The instances that are whole craft."""
    return [i for i in sample.instances or () if i.class_name not in {"background", *PARTS, *parts}]


def is_craft(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which pixels of a label map are craft, bool (H, W)."""
    return np.asarray((labels != BACKGROUND) & (labels != UNLABELLED) & (labels != OPEN), bool)


def bounds(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The box (4,) xyxy around all true pixels of `mask` (H, W), of which there is at least one."""
    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([xs[0], ys[0], xs[-1] + 1, ys[-1] + 1], np.float32)


def _warped_box(craft: datasets.Instance, placement: augment.Placement, size: int) -> NDArray[np.float32]:
    mask = craft.mask()
    if mask is None:
        return augment.warp_box(craft.box_xyxy, placement, size)
    crop = augment.warp_labels(mask.astype(np.uint8), placement, size)
    return bounds(crop > 0) if crop.any() else NO_BOX
