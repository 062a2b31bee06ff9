"""Questions of training: near the truth, but not it; and corrections where an answer is wrong."""

from __future__ import annotations

import numpy as np

from afss_ros.geo.sam2 import prompts
from afss_ros.geo.sam2.prompts import BOTTOM_RIGHT, INSIDE, OUTSIDE, TOP_LEFT


def test_boxes_are_off_by_a_tenth_and_stay_in_the_picture() -> None:
    boxes = np.tile(np.array([[10, 20, 50, 40]], np.float32), (2000, 1))
    moved = prompts.jittered(boxes, (60, 60), np.random.default_rng(0))
    off = moved - boxes
    assert 3 < off[:, [0, 2]].std() < 4 and 1.5 < off[:, [1, 3]].std() < 2  # 40 and 20 wide, cut at two deviations
    assert np.abs(off[:, [0, 2]]).max() <= 8.01 and np.abs(off[:, [1, 3]]).max() <= 4.01
    at_the_edge = prompts.jittered(
        np.array([[0, 0, 60, 60]], np.float32).repeat(50, 0), (60, 60), np.random.default_rng(1)
    )
    assert at_the_edge.min() >= 0 and at_the_edge.max() <= 60
    thin = np.array([[5, 5, 6, 30]], np.float32).repeat(50, 0)
    narrow = prompts.jittered(thin, (60, 60), np.random.default_rng(2))
    assert (narrow[:, 2:] - narrow[:, :2] >= 0.9).all()


def test_a_box_is_its_two_corners() -> None:
    asked = prompts.of_boxes(np.array([[1, 2, 3, 4]], np.float32))
    assert asked.points.tolist() == [[[1, 2], [3, 4]]] and asked.labels.tolist() == [[TOP_LEFT, BOTTOM_RIGHT]]


def test_a_point_lies_in_its_object() -> None:
    masks = np.zeros((3, 20, 30), bool)
    masks[0, 3, 7] = masks[1, 10:15, 20:29] = True
    points = np.stack([prompts.inside(masks, np.random.default_rng(i)) for i in range(40)])
    assert (points[:, 0] == [7.5, 3.5]).all()
    assert points[:, 1].min(0).tolist() == [20.5, 10.5] and points[:, 1].max(0).tolist() == [28.5, 14.5]
    assert (points[:, 2] == [15, 10]).all()  # of an empty one, the middle


def test_corrections_come_from_the_error_and_say_which() -> None:
    truth = np.zeros((3, 20, 20), bool)
    truth[:, 5:15, 5:15] = True
    found = truth.copy()
    found[0, 5:15, 5:8] = False  # missed
    found[1, 5:15, 15:18] = True  # false
    known = np.ones((20, 20), bool)
    known[5:10] = False
    for seed in range(20):
        more = prompts.corrections(truth, found, np.random.default_rng(seed), known)
        assert more.labels.tolist() == [[INSIDE], [OUTSIDE], [INSIDE]]
        (x0, y0), (x1, y1), (x2, y2) = more.points[:, 0].tolist()
        assert 5 <= x0 < 8 and 10 <= y0 < 15 and 15 <= x1 < 18 and 10 <= y1 < 15 and 5 <= x2 < 15 and 5 <= y2 < 15
    asked = prompts.of_points(np.zeros((3, 2))).with_more(more)
    assert asked.points.shape == (3, 2, 2) and asked.labels.shape == (3, 2)


def test_bare_ground_touches_no_object() -> None:
    taken = np.random.default_rng(0).random((80, 100)) < 0.01
    boxes = prompts.bare_ground(taken, np.array([[8, 6], [5, 12]]), 10, np.random.default_rng(1))
    assert len(boxes) == 10
    for x0, y0, x1, y1 in boxes.astype(int).tolist():
        assert (x1 - x0, y1 - y0) in {(8, 6), (5, 12)} and not taken[y0:y1, x0:x1].any()
    assert prompts.bare_ground(np.ones((9, 9), bool), np.array([[4, 4]]), 3, np.random.default_rng(2)).shape == (0, 4)
