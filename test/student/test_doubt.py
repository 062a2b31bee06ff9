"""Doubt: what makes a frame doubtful, and what does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from afss_ros.labels import CLASS_NAMES
from afss_ros.perception import Detection, Perception
from afss_ros.student.doubt import REASONS, Doubt, doubt, glance

SIZE = (100, 100)
Box = tuple[float, float, float, float]


def seen(*craft: tuple[Box, float], labels: NDArray[np.uint8] | None = None) -> Perception:
    found = tuple(Detection("spacecraft", np.array(box, np.float32), score) for box, score in craft)
    return Perception(found, labels, CLASS_NAMES)


def craft_map(x: int, y: int, side: int = 20, panel: int = 8) -> NDArray[np.uint8]:
    """A square craft whose left `panel` columns are panel, the rest body."""
    labels = np.zeros(SIZE, np.uint8)
    labels[y : y + side, x : x + side] = 1
    labels[y : y + side, x : x + panel] = 2
    return labels


def judge(now: Perception, before: Perception | None = None) -> Doubt:
    return doubt(now, glance(now, SIZE), None if before is None else glance(before, SIZE), threshold=0.5)


@pytest.mark.parametrize(
    ("confidence", "expected"), [(None, 0.0), (1.0, 0.0), (0.9, 0.2), (0.75, 0.5), (0.5, 1.0), (0.3, 1.0)]
)
def test_low_confidence_in_the_craft_is_doubt(confidence: float | None, expected: float) -> None:
    judged = judge(replace(seen(((10, 10, 30, 30), 1.0)), craft_confidence=confidence))
    assert judged.reasons["confidence"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("scores", "rejected", "expected"),
    [
        ((0.95,), 0.0, 0.0),
        ((0.5,), 0.0, 1.0),
        ((0.56,), 0.0, 0.6),
        ((0.95, 0.53), 0.0, 0.8),
        ((0.95,), 0.47, 0.8),
        ((), 0.0, 0.0),
        ((), 0.3, 0.0),
    ],
)
def test_a_score_near_the_threshold_is_doubt(scores: tuple[float, ...], rejected: float, expected: float) -> None:
    perception = replace(seen(*(((10.0, 10.0, 30.0, 30.0), s) for s in scores)), best_rejected=rejected)
    assert judge(perception).reasons["threshold"] == pytest.approx(expected)


def test_a_craft_that_moves_and_comes_closer_is_no_doubt() -> None:
    before = seen(((20, 20, 40, 40), 0.95), labels=craft_map(20, 20))
    now = seen(((33, 28, 54, 49), 0.95), labels=craft_map(33, 28, side=21, panel=8))
    judged = judge(now, before)
    assert judged.reasons["presence"] == 0.0
    assert judged.score < 0.25


def test_a_craft_that_vanishes_or_appears_is_doubt_by_its_score() -> None:
    one, none = seen(((20, 20, 40, 40), 0.9)), seen()
    assert judge(none, one).reasons["presence"] == 0.9
    assert judge(one, none).reasons["presence"] == 0.9
    assert judge(one, one).reasons["presence"] == 0.0


def test_craft_come_and_go_at_the_border() -> None:
    assert judge(seen(), seen(((80, 20, 100, 40), 0.9))).score == 0.0


def test_the_other_craft_does_not_hide_that_one_vanished() -> None:
    two = seen(((10, 10, 30, 30), 0.9), ((60, 60, 90, 90), 0.8))
    judged = judge(seen(((62, 60, 92, 90), 0.8)), two)
    assert judged.reasons["presence"] == pytest.approx(0.9)
    assert judged.reasons["box"] == 0.0


def test_a_jump_across_the_frame_is_one_gone_and_one_come() -> None:
    assert judge(seen(((70, 70, 80, 80), 0.9)), seen(((10, 10, 20, 20), 0.9))).reasons["presence"] == 0.9


def test_a_box_that_changes_its_shape_is_doubt() -> None:
    """The antenna is part of the craft in one frame and not in the next: 20 x 20 against 30 x 20, an IoU of 2/3."""
    judged = judge(seen(((20, 20, 50, 40), 0.9)), seen(((20, 20, 40, 40), 0.9)))
    assert judged.reasons["box"] == pytest.approx(2 / 3)


def test_parts_that_flicker_are_doubt_though_the_box_stands_still() -> None:
    """Body and panel change places in a quarter of the pixels."""
    before = seen(((20, 20, 40, 40), 0.9), labels=craft_map(20, 20, panel=10))
    now = seen(((20, 20, 40, 40), 0.9), labels=craft_map(20, 20, panel=5))
    judged = judge(now, before)
    assert judged.reasons["labels"] == pytest.approx(0.5, abs=0.05)
    assert judged.reason == "labels"


def test_without_a_frame_before_only_this_one_speaks() -> None:
    judged = judge(seen(((20, 20, 40, 40), 0.9), labels=craft_map(20, 20)))
    assert set(judged.reasons) == set(REASONS)
    assert judged.score == 0.0


def test_boxes_at_and_beyond_the_edge_of_the_label_map_are_read() -> None:
    labels = np.full(SIZE, 1, np.uint8)
    whole = seen(((0, 0, 100, 100), 0.9), ((99.5, 99.5, 100, 100), 0.9), labels=labels)
    assert judge(whole, whole).score == 0.0
