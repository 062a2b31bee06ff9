"""One batch of frames through views, detector, fusion and segmenter: instances with named scores.

All views of all frames of a batch are one call of the detector. The segmenter encodes each frame once, and the boxes
of every view, mapped back to the frame, share those features; the masks they give are fused by vote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from afss_ros.datasets.rle import box_of
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.prompts import CRAFT, Prompts, parts_in_craft
from afss_ros.teacher.protocols import Detector, Rgb, Segmenter
from afss_ros.teacher.refinement.fusion import FusedBox, fuse_boxes, shares, undecided, vote
from afss_ros.teacher.refinement.views import PRESETS, View
from afss_ros.teacher.values import Box, Labelled, Mask


@dataclass(frozen=True, slots=True)
class Refinement:
    """How views become one answer.

    Attributes:
        views: what the detector gets to see of each frame; identity alone is zero-shot.
        iou: boxes of several views that overlap more than this are one object.
        skip: boxes scored below this are ignored.
        top: how many crafts to keep in a frame, best first; 0: all. Parts are not counted.
        share_features: segment every view's boxes in the frame itself, encoded once. False segments each view's own
            picture and maps the mask back, as the reference does: slower, and kept to be compared with.
        box_from: `detector` keeps the fused box, `mask` takes the tight box of the fused mask.
        undecided: pixels on which neither yes nor no has more than 1 - this share of the votes of views, or of frames
            where there is video, become unlabelled (255); 0: the majority decides everywhere.
    """

    views: tuple[View, ...] = PRESETS["none"]
    iou: float = 0.55
    skip: float = 0.05
    top: int = 1
    share_features: bool = True
    box_from: str = "detector"
    undecided: float = 0.0

    def __post_init__(self) -> None:
        if self.box_from not in ("detector", "mask"):
            raise TeacherError(f"box_from must be 'detector' or 'mask', got '{self.box_from}'")
        if not 0 < self.iou < 1 or not 0 <= self.skip < 1 or self.top < 0:
            raise TeacherError(
                f"fusion: iou must lie between 0 and 1, skip from 0 to 1, top 0 or more;"
                f" got {self.iou}, {self.skip}, {self.top}"
            )
        if not 0 <= self.undecided < 0.5:
            raise TeacherError(f"refine.undecided is a share from 0 to below 0.5, got {self.undecided}")


def label_batch(
    images: Sequence[Rgb], detector: Detector, segmenter: Segmenter, prompts: Prompts, refinement: Refinement
) -> list[list[Labelled]]:
    """Label a batch of images (uint8 (H, W, 3)): for each, its instances, the parts inside their crafts."""
    found = detect_views(images, detector, prompts, refinement)
    return [
        parts_in_craft(segment_fused(image, fused, segmenter, refinement))
        for image, fused in zip(images, found, strict=True)
    ]


def detect_views(
    images: Sequence[Rgb], detector: Detector, prompts: Prompts, refinement: Refinement
) -> list[list[FusedBox]]:
    """Detect in every view of every image with one call, and fuse what belongs to one image, in its pixels."""
    views = refinement.views
    batch = [view.image(image) for image in images for view in views]
    found = iter(detector.detect(batch, prompts))
    fused_boxes = []
    for image in images:
        size = image.shape[0], image.shape[1]
        mapped = [[b for box in next(found) if _is_box(b := _back(box, view, size))] for view in views]
        fused = fuse_boxes(mapped, iou=refinement.iou, skip=refinement.skip)
        fused_boxes.append(_top(fused, refinement.top))
    return fused_boxes


def segment_fused(
    image: Rgb, fused: Sequence[FusedBox], segmenter: Segmenter, refinement: Refinement
) -> list[Labelled]:
    """Masks of the fused boxes of one image, by vote of the views that saw them."""
    if not fused:
        return []
    asked = [(index, view) for index, found in enumerate(fused) for view in found.members]
    by_view = _shared_masks if refinement.share_features else _own_masks
    masks = by_view(image, fused, asked, segmenter, refinement.views)
    instances = []
    for index, found in enumerate(fused):
        own = [mask for mask, (asker, _) in zip(masks, asked, strict=True) if asker == index]
        masks_of, weights = [m.mask for m in own], [m.score for m in own]
        mask, split = vote(masks_of, weights), undecided(shares(masks_of, weights), refinement.undecided)
        scores = {"detector_score": found.box.score, "mask_score": sum(m.score for m in own) / len(own)}
        if len(refinement.views) > 1:
            scores["agreement"] = found.agreement
        box = box_of(mask) if refinement.box_from == "mask" else found.box.xyxy
        if mask.any():
            instances.append(Labelled(found.box.class_name, box, mask, scores, undecided=split))
    return instances


def _shared_masks(
    image: Rgb,
    fused: Sequence[FusedBox],
    asked: Sequence[tuple[int, int]],
    segmenter: Segmenter,
    views: Sequence[View],
) -> list[Mask]:
    boxes = [fused[index].members[view] for index, view in asked]
    return segmenter.segment(segmenter.encode(image), boxes)


def _own_masks(
    image: Rgb,
    fused: Sequence[FusedBox],
    asked: Sequence[tuple[int, int]],
    segmenter: Segmenter,
    views: Sequence[View],
) -> list[Mask]:
    size = image.shape[0], image.shape[1]
    masks = []
    for index, number in asked:
        view, box = views[number], fused[index].members[number]
        seen = Box(box.class_name, view.boxes(box.xyxy[None], size)[0], box.score)
        (mask,) = segmenter.segment(segmenter.encode(view.image(image)), [seen])
        masks.append(Mask(view.mask_back(mask.mask), mask.score))
    return masks


def _back(box: Box, view: View, size: tuple[int, int]) -> Box:
    xyxy = view.boxes_back(box.xyxy[None], size)[0]
    xyxy[0::2] = xyxy[0::2].clip(0, size[1])
    xyxy[1::2] = xyxy[1::2].clip(0, size[0])
    return Box(box.class_name, xyxy, box.score)


def _is_box(box: Box) -> bool:
    return bool(np.all(box.xyxy[2:] - box.xyxy[:2] >= 1.0))  # less than a pixel is nothing to segment


def _top(fused: list[FusedBox], count: int) -> list[FusedBox]:
    crafts = [f for f in fused if f.box.class_name == CRAFT]
    parts = [f for f in fused if f.box.class_name != CRAFT]
    return (crafts[:count] if count else crafts) + parts
