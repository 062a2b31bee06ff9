"""Fusion by hand: what two views make of a box, and what a silent view costs."""

from __future__ import annotations

import numpy as np
import pytest

from afss_ros.teacher.refinement.fusion import box_iou, fuse_boxes, shares, undecided, vote
from afss_ros.teacher.values import Box


def box(x0: float, y0: float, x1: float, y1: float, score: float, name: str = "spacecraft") -> Box:
    return Box(name, np.array([x0, y0, x1, y1], np.float32), score)


def test_iou_of_half_overlapping_boxes_is_a_third() -> None:
    a, b = box(0, 0, 2, 1, 1).xyxy, box(1, 0, 3, 1, 1).xyxy
    assert box_iou(a, b) == pytest.approx(1 / 3)
    assert box_iou(a, box(5, 5, 6, 6, 1).xyxy) == 0.0


def test_two_views_fuse_to_the_mean_weighted_by_score() -> None:
    (fused,) = fuse_boxes([[box(0, 0, 10, 10, 0.9)], [box(0, 0, 12, 10, 0.3)]])
    assert fused.box.xyxy.tolist() == [0, 0, pytest.approx(10.5), 10]  # (0.9 * 10 + 0.3 * 12) / 1.2
    assert fused.box.score == pytest.approx(0.6)
    assert fused.agreement == pytest.approx((10 / 10.5 + 10.5 / 12) / 2)


def test_a_view_that_sees_nothing_counts_as_evidence() -> None:
    (alone,) = fuse_boxes([[box(0, 0, 10, 10, 0.9)]])
    (one_of_three,) = fuse_boxes([[box(0, 0, 10, 10, 0.9)], [], []])
    assert alone.box.score == pytest.approx(0.9) and alone.agreement == 1.0
    assert one_of_three.box.score == pytest.approx(0.3) and one_of_three.agreement == pytest.approx(1 / 3)


def test_a_view_that_stutters_does_not_stand_in_for_a_silent_one() -> None:
    (fused,) = fuse_boxes([[box(0, 0, 10, 10, 0.8), box(0, 0, 10, 9.5, 0.8)], []])
    assert fused.box.score == pytest.approx(0.4)
    assert set(fused.members) == {0}


def test_classes_never_fuse_and_the_best_comes_first() -> None:
    fused = fuse_boxes([[box(0, 0, 10, 10, 0.5, "panel")], [box(0, 0, 10, 10, 0.9)]])
    assert [f.box.class_name for f in fused] == ["spacecraft", "panel"]


def test_boxes_below_the_skip_threshold_are_ignored() -> None:
    assert fuse_boxes([[box(0, 0, 10, 10, 0.04)]], skip=0.05) == []
    assert fuse_boxes([[], []]) == []


def test_a_box_joins_the_fused_box_it_overlaps_most() -> None:
    views = [[box(0, 0, 10, 10, 0.9), box(4, 0, 14, 10, 0.8)], [box(3.5, 0, 13.5, 10, 0.7)]]
    shared, alone = fuse_boxes(views, iou=0.3)[0], fuse_boxes(views, iou=0.5)
    assert shared.box.xyxy[0] > 0  # everything overlaps by more than 0.3: one object
    assert sorted((f.box.xyxy[0], len(f.members)) for f in alone) == [(0, 1), (pytest.approx(3.767, abs=0.01), 2)]


def test_the_heavier_mask_decides_where_two_disagree() -> None:
    a, b = np.array([[1, 1, 0]], bool), np.array([[0, 1, 1]], bool)
    assert vote([a, b], [0.9, 0.4]).tolist() == [[True, True, False]]
    assert vote([a, b], [0.5, 0.5]).tolist() == [[True, True, True]]
    assert vote([a, a, b], [0.5, 0.5, 0.5]).tolist() == [[True, True, False]]
    assert vote([a], [0.0]).tolist() == a.tolist()


def test_where_the_votes_are_divided_nobody_decides() -> None:
    masks = [
        np.array([[True, True, True, False]]),
        np.array([[True, True, False, False]]),
        np.array([[1, 0, 0, 0]], bool),
    ]
    votes = shares(masks, [1.0, 1.0, 2.0])
    assert votes.tolist() == [[1.0, 0.5, 0.25, 0.0]]
    split = undecided(votes, 0.2)
    assert split is not None and split.tolist() == [[False, True, True, False]]
    split = undecided(votes, 0.3)
    assert split is not None and split.tolist() == [[False, True, False, False]]
    assert undecided(votes, 0.0) is None
    assert undecided(shares(masks[:1] * 3, [1.0] * 3), 0.2) is None
