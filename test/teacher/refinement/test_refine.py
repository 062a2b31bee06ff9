"""Refinement: one call of the detector for all views, one encoding of a frame for all boxes, and what it is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from recorded import picture, truth

from afss_ros.datasets.rle import box_of
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.prompts import Prompts
from afss_ros.teacher.protocols import Rgb
from afss_ros.teacher.refinement.refine import Refinement, label_batch
from afss_ros.teacher.refinement.views import PRESETS, View
from afss_ros.teacher.values import Box, Mask, mask_iou

PROMPTS = Prompts.parse({"spacecraft": "spacecraft", "panel": "solar panel"})


def bright(image: Rgb) -> np.ndarray:
    return np.asarray(image.max(axis=2) > 60)


@dataclass
class Bright:
    """Detects and segments what is bright, and counts how often it is asked."""

    blind_to: tuple[int, ...] = ()
    batches: list[int] = field(default_factory=list)
    encoded: int = 0
    asked: list[int] = field(default_factory=list)
    provenance: dict[str, object] = field(default_factory=dict)
    reads: bool = False
    classes: tuple[str, ...] = ("spacecraft", "panel")

    def detect(self, images: Sequence[Rgb], prompts: Prompts) -> list[list[Box]]:
        self.batches.append(len(images))
        seen = [[Box("spacecraft", box_of(bright(image)), 0.8)] for image in images]
        return [[] if i in self.blind_to else boxes for i, boxes in enumerate(seen)]

    def encode(self, image: Rgb) -> Rgb:
        self.encoded += 1
        return image

    def segment(self, features: Rgb, boxes: Sequence[Box]) -> list[Mask]:
        self.asked.append(len(boxes))
        return [Mask(bright(features), 0.9) for _ in boxes]


def test_all_views_of_all_frames_are_one_batch_and_each_frame_is_encoded_once() -> None:
    teacher = Bright()
    images = [picture(0), picture(3)]
    labelled = label_batch(images, teacher, teacher, PROMPTS, Refinement(views=PRESETS["v1"]))
    assert teacher.batches == [14] and teacher.encoded == 2 and teacher.asked == [7, 7]
    for (instance,), index in zip(labelled, (0, 3), strict=True):
        assert instance.mask.tolist() == truth(index).tolist()
        np.testing.assert_allclose(instance.box_xyxy, box_of(truth(index)), atol=1.0)
        assert instance.scores["detector_score"] == pytest.approx(0.8)
        assert instance.scores["agreement"] > 0.9


def test_the_reference_way_encodes_each_view_and_finds_the_same() -> None:
    shared, own = Bright(), Bright()
    views = (View("identity"), View("hflip"), View("rot90"), View("scale", 0.8))
    (first,) = label_batch([picture(0)], shared, shared, PROMPTS, Refinement(views))
    (second,) = label_batch([picture(0)], own, own, PROMPTS, Refinement(views, share_features=False))
    assert (shared.encoded, own.encoded) == (1, 4)
    assert mask_iou(first[0].mask, second[0].mask) > 0.9


def test_a_blind_view_costs_score_and_agreement_but_not_the_mask() -> None:
    teacher = Bright(blind_to=(1,))
    ((instance,),) = label_batch([picture(0)], teacher, teacher, PROMPTS, Refinement(PRESETS["v4"]))
    assert instance.scores["detector_score"] == pytest.approx(0.4)
    assert instance.scores["agreement"] == pytest.approx(0.5)
    assert instance.mask.tolist() == truth(0).tolist()


def test_one_view_gives_no_agreement_and_nothing_found_gives_nothing() -> None:
    teacher = Bright()
    ((instance,),) = label_batch([picture(0)], teacher, teacher, PROMPTS, Refinement())
    assert set(instance.scores) == {"detector_score", "mask_score"}
    blind = Bright(blind_to=(0,))
    assert label_batch([picture(0)], blind, blind, PROMPTS, Refinement()) == [[]]


def test_the_box_is_the_detectors_or_the_masks_as_asked() -> None:
    class Wide(Bright):
        def detect(self, images: Sequence[Rgb], prompts: Prompts) -> list[list[Box]]:
            return [[Box("spacecraft", np.array([0, 0, 128, 96], np.float32), 0.8)] for _ in images]

    wide = Wide()
    ((as_detected,),) = label_batch([picture(0)], wide, wide, PROMPTS, Refinement())
    ((tight,),) = label_batch([picture(0)], wide, wide, PROMPTS, Refinement(box_from="mask"))
    assert as_detected.box_xyxy.tolist() == [0, 0, 128, 96]
    assert tight.box_xyxy.tolist() == box_of(truth(0)).tolist()
    with pytest.raises(TeacherError, match="box_from must be"):
        Refinement(box_from="luck")


def test_top_counts_crafts_and_leaves_their_parts() -> None:
    class Three(Bright):
        def detect(self, images: Sequence[Rgb], prompts: Prompts) -> list[list[Box]]:
            corners = ((0, 0, 40, 40), (60, 0, 120, 40), (0, 60, 60, 96))
            crafts = [Box("spacecraft", np.array(c, np.float32), 0.9 - i / 10) for i, c in enumerate(corners)]
            return [[*crafts, Box("panel", np.array([0, 0, 20, 20], np.float32), 0.5)] for _ in images]

        def segment(self, features: Rgb, boxes: Sequence[Box]) -> list[Mask]:
            masks = [np.zeros(features.shape[:2], bool) for _ in boxes]
            for mask, box in zip(masks, boxes, strict=True):
                x0, y0, x1, y1 = box.xyxy.astype(int)
                mask[y0:y1, x0:x1] = True
            return [Mask(mask, 1.0) for mask in masks]

    teacher = Three()
    names = [
        [i.class_name for i in label_batch([picture(0)], teacher, teacher, PROMPTS, Refinement(top=top))[0]]
        for top in (1, 2, 0)
    ]
    assert names == [["spacecraft", "panel"], ["spacecraft"] * 2 + ["panel"], ["spacecraft"] * 3 + ["panel"]]


@dataclass
class Grows(Bright):
    """Its masks are the box that it is asked about, so that views which see other boxes give other masks."""

    def detect(self, images: Sequence[Rgb], prompts: Prompts) -> list[list[Box]]:
        boxes = [np.array([4, 4, 12 + 4 * (i % 3), 12], np.float32) for i in range(len(images))]
        return [[Box("spacecraft", box, 0.8)] for box in boxes]

    def segment(self, features: Rgb, boxes: Sequence[Box]) -> list[Mask]:
        masks = [np.zeros(features.shape[:2], bool) for _ in boxes]
        for mask, box in zip(masks, boxes, strict=True):
            x0, y0, x1, y1 = box.xyxy.astype(int)
            mask[y0:y1, x0:x1] = True
        return [Mask(mask, 0.9) for mask in masks]


def test_pixels_on_which_views_disagree_become_unlabelled_when_that_is_asked_for() -> None:
    image = np.zeros((24, 32, 3), np.uint8)
    same = tuple(View("identity") for _ in range(3))  # the detector sees 8, 12 and 16 pixels of width in turn
    for margin, expected in ((0.0, None), (0.25, list(range(12, 20))), (0.4, [])):
        refinement = Refinement(views=same, iou=0.4, undecided=margin)
        ((found,),) = label_batch([image], Grows(), Grows(), PROMPTS, refinement)
        columns = None if found.undecided is None else found.undecided[6].nonzero()[0].tolist()
        assert columns == (expected or None)
    with pytest.raises(TeacherError, match="share from 0"):
        Refinement(undecided=0.5)
