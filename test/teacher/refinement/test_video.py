"""Witnesses of one frame, and masks carried along a moving craft."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from recorded import picture, truth

from afss_ros.datasets.rle import box_of
from afss_ros.teacher.offline.baseline import GrabCutSegmenter
from afss_ros.teacher.offline.flow import FlowPropagator
from afss_ros.teacher.prompts import Prompts
from afss_ros.teacher.protocols import Rgb
from afss_ros.teacher.refinement.refine import Refinement, label_batch
from afss_ros.teacher.refinement.video import Witness, label_chunk, merge
from afss_ros.teacher.values import Box, Labelled, mask_iou

PROMPTS = Prompts.parse({"spacecraft": "spacecraft"})


def seen(*columns: int, score: float = 0.8, origin: str = "detected") -> Labelled:
    mask = np.zeros((1, 10), bool)
    mask[0, list(columns)] = True
    return Labelled("spacecraft", box_of(mask), mask, {"detector_score": score, "mask_score": 1.0}, origin)


def test_temporal_is_the_mean_iou_with_all_other_witnesses() -> None:
    own, forwards, backwards = seen(1, 2, 3, 4), seen(1, 2, 3), seen(2, 3, 4, 5)
    (merged,) = merge([Witness([own], 1.0), Witness([forwards], 0.6), Witness([backwards], 0.5)])
    assert merged.scores["temporal"] == pytest.approx((3 / 4 + 3 / 5) / 2)
    assert merged.mask[0].nonzero()[0].tolist() == [1, 2, 3, 4]  # 5 has 0.5 of 2.1 votes
    assert merged.scores["detector_score"] == 0.8


def test_a_witness_that_sees_nothing_counts() -> None:
    (merged,) = merge([Witness([seen(1, 2)], 1.0), Witness([seen(1, 2)], 0.6), Witness([], 0.5)])
    assert merged.scores["temporal"] == pytest.approx(0.5)


def test_what_two_others_agree_on_comes_before_what_a_frame_alone_sees() -> None:
    flicker = seen(8, 9, score=0.99)
    carried = seen(1, 2, score=0.5, origin="propagated")
    first, second = merge([Witness([flicker], 1.0), Witness([carried], 0.6), Witness([carried], 0.5)])
    assert first.origin == "propagated" and first.scores["temporal"] == pytest.approx(0.5)
    assert second is not first and second.scores["temporal"] == 0.0


def test_a_mask_that_drifted_is_no_second_object_and_does_not_replace_the_frames_own() -> None:
    own, smeared = seen(6, 7, 8, score=0.7), seen(0, 1, 2, 3, 4, 5, 6, score=0.9, origin="propagated")
    (merged,) = merge([Witness([own], 1.0), Witness([smeared], 0.9)])
    assert merged.origin == "detected" and merged.scores["temporal"] == 0.0
    assert merged.mask[0].nonzero()[0].tolist() == [6, 7, 8]


def test_what_a_neighbour_alone_saw_stays_where_the_frame_has_nothing() -> None:
    own, missed = seen(0, 1), seen(6, 7, 8, score=0.9, origin="propagated")
    first, second = merge([Witness([own], 1.0), Witness([missed], 0.9)])
    assert (first.origin, second.origin) == ("detected", "propagated")


def test_two_craft_of_one_frame_may_touch() -> None:
    assert len(merge([Witness([seen(1, 2, 3), seen(3, 4, 5)], 1.0), Witness([], 0.5)])) == 2


def test_flow_carries_a_mask_along_with_the_craft() -> None:
    images = [picture(i) for i in range(5)]
    carried = FlowPropagator().propagate(images, [truth(0)])
    assert [len(masks) for masks in carried] == [1] * 5
    assert carried[0][0].tolist() == truth(0).tolist()
    assert mask_iou(truth(0), truth(4)) < 0.4 < 0.7 < mask_iou(carried[4][0], truth(4))
    assert FlowPropagator().propagate(images, []) == [[]] * 5


def _textured(seed: int, height: int, width: int, low: int, high: int) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(seed).integers(low, high, (height // 6, width // 6), np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def test_a_craft_that_stands_still_is_not_dragged_along_by_what_moves_behind_it() -> None:
    clouds, craft = _textured(1, 120, 280, 60, 200), _textured(2, 48, 48, 40, 255)
    mask = np.zeros((120, 160), bool)
    mask[36:84, 56:104] = True
    images = []
    for shift in range(0, 60, 12):
        image = clouds[:, shift : shift + 160].copy()
        image[36:84, 56:104] = craft
        images.append(np.repeat(image[..., None], 3, 2))
    carried = FlowPropagator().propagate(images, [mask])
    assert mask_iou(carried[-1][0], mask) > 0.9


class Sometimes:
    """A detector that knows the truth, but only in some frames."""

    reads = False
    classes = ("spacecraft",)

    def __init__(self, frames: set[int]) -> None:
        self.frames = frames
        self.calls: list[int] = []
        self.provenance: dict[str, object] = {}

    def detect(self, images: Sequence[Rgb], prompts: Prompts) -> list[list[Box]]:
        found: list[list[Box]] = []
        for image in images:
            index = next(i for i in range(8) if np.array_equal(picture(i), image))
            self.calls.append(index)
            found.append([Box("spacecraft", box_of(truth(index)), 0.9)] if index in self.frames else [])
        return found


def label(detector: Sometimes, every_frame: bool) -> list[list[Labelled]]:
    images: list[NDArray[np.uint8]] = [picture(i) for i in range(5)]
    return label_chunk(
        images, detector, GrabCutSegmenter(), FlowPropagator(), PROMPTS, Refinement(), every_frame=every_frame
    )


def test_a_frame_that_the_detector_missed_is_filled_from_its_neighbours() -> None:
    labelled = label(Sometimes({0, 1, 3, 4}), every_frame=True)
    assert [len(instances) for instances in labelled] == [1] * 5
    assert [instances[0].origin for instances in labelled] == ["detected"] * 2 + ["propagated"] + ["detected"] * 2
    assert all(mask_iou(instances[0].mask, truth(i)) > 0.6 for i, instances in enumerate(labelled))
    assert labelled[2][0].scores["temporal"] < labelled[1][0].scores["temporal"]


class Drifting:
    """A propagator whose masks are two pixels off."""

    def __init__(self, trust: float) -> None:
        self.trust = trust
        self.provenance: dict[str, object] = {}

    def propagate(self, images: Sequence[Rgb], masks: Sequence[NDArray[np.bool_]]) -> list[list[NDArray[np.bool_]]]:
        truths = [truth(next(i for i in range(8) if np.array_equal(picture(i), image))) for image in images]
        return [[np.roll(mask, 2, axis=0) for _ in masks] for mask in truths]


@pytest.mark.parametrize(("trust", "unchanged"), [(FlowPropagator.trust, True), (1.0, False)])
def test_whether_what_was_carried_may_change_the_outline_that_a_frame_saw_itself(trust: float, unchanged: bool) -> None:
    images, detector, segmenter = [picture(i) for i in range(5)], Sometimes(set(range(5))), GrabCutSegmenter()
    alone = label_batch(images, detector, segmenter, PROMPTS, Refinement())
    together = label_chunk(images, detector, segmenter, Drifting(trust), PROMPTS, Refinement())
    assert all(0.5 < instances[0].scores["temporal"] < 1 for instances in together)
    assert np.array_equal(alone[2][0].mask, together[2][0].mask) == unchanged


def test_keyframes_alone_are_the_first_and_the_last() -> None:
    detector = Sometimes({0, 4})
    labelled = label(detector, every_frame=False)
    assert detector.calls == [0, 4]
    assert all(mask_iou(instances[0].mask, truth(i)) > 0.6 for i, instances in enumerate(labelled))


def test_pixels_on_which_frames_are_divided_are_undecided_and_those_of_one_voice_are_not() -> None:
    own, forwards, backwards = seen(1, 2, 3, 4), seen(1, 2, 3), seen(2, 3, 4, 5)
    witnesses = [Witness([own], 1.0), Witness([forwards], 0.6), Witness([backwards], 0.4)]
    (merged,) = merge(witnesses, 0.25)  # votes 0.8, 1, 1, 0.7, 0.2 for the pixels 1 to 5
    assert merged.undecided is not None and merged.undecided[0].nonzero()[0].tolist() == [4]
    (plain,) = merge(witnesses)
    assert plain.undecided is None and plain.mask.tolist() == merged.mask.tolist()
