"""Identities on drawn scenes: craft that cross, hide, leave, return; glints; lost frames; a day of frames."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable

import cv2
import numpy as np
import pytest

from afss_ros.labels import BODY, CLASS_NAMES, PANEL
from afss_ros.perception import Detection, Perception
from afss_ros.tracking import Settings, State, Track, Tracker
from afss_ros.tracking.described import identities
from afss_ros.tracking.settings import TrackingError, least_score

SIZE = (96, 160)
STEP_NS = 100_000_000


def scene(*craft: tuple[float, float, float, float], stamp: int, scores: Iterable[float] = ()) -> Perception:
    """Boxes x, y, width, height as craft: body on the left, panel on the right; those that touch are one detection."""
    labels = np.zeros(SIZE, np.uint8)
    for x, y, w, h in craft:
        x0, y0, x1, y1 = (round(v) for v in (max(x, 0), max(y, 0), x + w, y + h))
        labels[y0:y1, x0:x1] = BODY
        labels[y0:y1, round(x + 0.6 * w) : x1] = PANEL
    count, _, stats, _ = cv2.connectedComponentsWithStats((labels > 0).astype(np.uint8), connectivity=8)
    given = [*scores, *[0.9] * count]
    boxes = [np.array([x, y, x + w, y + h], np.float32) for x, y, w, h, _ in stats[1:]]
    found = [Detection("spacecraft", box, score) for box, score in zip(boxes, given, strict=False)]
    sure = tuple(d for d in found if d.score >= 0.5)
    return Perception(sure, labels, CLASS_NAMES, stamp * STEP_NS, rejected=tuple(d for d in found if d.score < 0.5))


def shown(tracks: Iterable[Track]) -> dict[int, tuple[float, float]]:
    """Centres of the known craft by identity."""
    boxes = {t.identity: t.box_xyxy for t in tracks if t.identity}
    return {i: (float(b[0] + b[2]) / 2, float(b[1] + b[3]) / 2) for i, b in boxes.items()}


def test_a_craft_is_confirmed_by_its_third_frame_and_keeps_its_number() -> None:
    tracker = Tracker()
    told = [tracker(scene((20 + 3 * i, 30, 24, 12), stamp=i), SIZE) for i in range(10)]
    assert [t[0].state for t in told[:3]] == [State.TENTATIVE, State.TENTATIVE, State.CONFIRMED]
    assert [t[0].identity for t in told] == [0, 0, *[1] * 8]
    assert told[-1][0].velocity == pytest.approx((30.0, 0.0), abs=4)
    assert told[-1][0].detection == 0


def test_a_glint_of_one_frame_is_never_a_craft() -> None:
    tracker = Tracker()
    known: set[int] = set()
    for i in range(60):
        glint = [(10 + 37 * i % 130, 5 + 11 * i % 50, 6, 6)] if i % 4 == 0 else []
        known |= set(shown(tracker(scene((100, 70, 24, 12), *glint, stamp=i), SIZE)))
    assert known == {1}


@pytest.mark.parametrize("slope", [-0.4, 0.0, 0.5])
@pytest.mark.parametrize("sizes", [((30, 16), (18, 10)), ((24, 12), (24, 12))], ids=["unequal", "equal"])
def test_two_craft_that_cross_keep_their_numbers(slope: float, sizes: tuple[tuple[int, int], ...]) -> None:
    tracker = Tracker()
    (w, h), (u, v) = sizes
    for i in range(45):
        left, right = (4 + 2.6 * i, 40 + slope * i), (132 - 2.6 * i, 44)
        told = shown(tracker(scene((*left, w, h), (*right, u, v), stamp=i), SIZE))
        if i == 5:
            before = {number: place[0] < 80 for number, place in told.items()}
    assert {number: place[0] > 80 for number, place in told.items()} == before and len(before) == 2


def test_a_craft_behind_another_comes_out_as_itself() -> None:
    tracker = Tracker()
    for i in range(45):
        told = shown(tracker(scene((-10 + 4 * i, 36, 44, 24), (86, 44, 14, 8), stamp=i), SIZE))
        if i == 12:
            before = dict(told)
    assert set(before) == {1, 2}
    hidden = min(before, key=lambda n: abs(before[n][0] - 93))
    assert told[hidden][0] == pytest.approx(93, abs=3)


def test_a_short_absence_and_lost_frames_keep_the_number() -> None:
    tracker = Tracker()
    for i in range(40):
        if 10 <= i < 16 or i in (22, 23, 29):
            continue  # frames that never came
        craft = [] if 18 <= i < 21 else [(10 + 2.5 * i, 30, 24, 12)]
        told = tracker(scene(*craft, stamp=i), SIZE)
        if i == 19:
            assert told[0].state is State.COASTING and told[0].detection is None
            assert told[0].box_xyxy[0] == pytest.approx(10 + 2.5 * 19, abs=4)
    assert [t.identity for t in told] == [1]


def test_a_craft_that_left_and_returns_is_the_same() -> None:
    tracker = Tracker()
    for i in range(60):
        x = 120 + 90 * np.sin(np.pi * i / 59)
        seen = [(x, 50, 24, 12)] if x < 150 else []
        told = tracker(scene((30, 15, 14, 14), *seen, stamp=i), SIZE)
        assert max((t.identity for t in told), default=0) <= 2
    assert {t.identity for t in told} == {1, 2}


def test_a_third_craft_that_nobody_knows_yet_drags_no_other_along() -> None:
    """One stands still, one passes above it, and a newcomer touches them before it is a craft."""
    tracker = Tracker()
    for i in range(44):
        newcomer = [(84 + 5 * abs(i - 15), 46, 40, 16)] if 13 <= i < 18 else []
        told = shown(tracker(scene((60, 44, 30, 16), (18 + 2 * i, 30, 30, 15), *newcomer, stamp=i), SIZE))
        if i == 6:
            passing, still = sorted(told, key=lambda identity: told[identity][0])
        if i > 6:
            assert told[still] == pytest.approx((75, 52), abs=3)
            assert told[passing] == pytest.approx((33 + 2 * i, 37.5), abs=3)
    assert len(told) == 2


def test_a_lost_craft_is_told_once_and_another_one_later_is_new() -> None:
    tracker = Tracker(Settings(coast_s=0.5, remember_s=1.0))
    states = []
    for i in range(60):
        craft = [(20, 20, 24, 12)] if i < 10 else [(110, 60, 12, 24)] if i > 45 else []
        told = tracker(scene(*craft, stamp=i), SIZE)
        states += [t.state for t in told]
    assert states.count(State.LOST) == 1 and states.index(State.LOST) == 10 + 5
    assert [t.identity for t in told] == [2]


def test_a_craft_that_is_faint_but_stays_is_known_by_its_third_frame_and_a_faint_glint_never() -> None:
    tracker = Tracker()
    told = []
    for i in range(12):
        glint = [(10 + 37 * i % 130, 5 + 11 * i % 20, 6, 6)] if i % 4 == 0 else []
        craft = (30 + i, 70, 10, 8)
        told.append(tracker(scene(*glint, craft, stamp=i, scores=[0.4] * 2), SIZE))
    assert [max(t.identity for t in each) for each in told] == [0, 0, *[1] * 10]
    # It is told of as a track alone: a detection it is not, for the threshold of those is higher.
    assert identities(told[-1], 0) == ()


def test_a_track_starts_at_six_tenths_of_the_threshold_of_detections() -> None:
    assert least_score(0.5) == Settings().least_score and least_score(0.9) == pytest.approx(0.54)


def test_doubtful_detections_go_on_with_a_craft_but_start_none() -> None:
    tracker = Tracker()
    assert all(not tracker(scene((20, 20, 24, 12), stamp=i, scores=[0.29]), SIZE) for i in range(5))
    for i in range(5, 25):
        told = tracker(scene((20 + i, 20, 24, 12), stamp=i, scores=[0.9 if i < 12 else 0.26]), SIZE)
    assert [(t.identity, t.state, t.detection) for t in told] == [(1, State.CONFIRMED, 0)]


def test_parts_keep_their_names_while_the_craft_moves() -> None:
    tracker = Tracker()
    for i in range(20):
        (craft,) = tracker(scene((10 + 4 * i, 20 + i, 40, 20), stamp=i), SIZE)
    parts = {part.name: part for part in craft.parts}
    assert set(parts) == {"body", "panel.1"}
    assert parts["panel.1"].area == pytest.approx(16 * 20, abs=40)
    assert parts["panel.1"].centroid == pytest.approx((10 + 76 + 32, 20 + 19 + 10), abs=1)
    assert parts["body"].box_xyxy.tolist() == pytest.approx([86, 39, 110, 59], abs=1)


def test_time_that_runs_backwards_begins_anew() -> None:
    tracker = Tracker()
    for i in range(5):
        tracker(scene((20, 20, 24, 12), stamp=100 + i), SIZE)
    (first,) = tracker(scene((20, 20, 24, 12), stamp=3), SIZE)
    assert first.state is State.TENTATIVE
    for i in range(3):
        told = tracker(scene((20, 20, 24, 12), stamp=4 + i), SIZE)
    assert told[0].identity == 2


def test_without_label_map_boxes_are_followed() -> None:
    tracker = Tracker()
    for i in range(6):
        box = np.array([10 + 3 * i, 10, 40 + 3 * i, 30], np.float32)
        told = tracker(Perception((Detection("spacecraft", box, 0.8),), None, CLASS_NAMES, i * STEP_NS), SIZE)
    assert told[0].identity == 1 and told[0].parts == ()


def test_the_answer_to_a_frame_hangs_on_no_later_one() -> None:
    whole, half = Tracker(), Tracker()
    frames = [scene((10 + 3 * i, 30, 24, 12), (130 - 2 * i, 33, 14, 10), stamp=i) for i in range(40)]
    told = [whole(frame, SIZE) for frame in frames]
    for frame, expected in zip(frames[:20], told, strict=False):
        assert shown(half(frame, SIZE)) == shown(expected)


def test_memory_does_not_grow_with_frames() -> None:
    """What comes and goes at random for hours leaves as much behind as it did after minutes."""
    tracker = Tracker()
    random = np.random.default_rng(0)

    def fly(start: int, count: int) -> None:
        for i in range(start, start + count):
            boxes = [
                np.array([x, y, x + w, y + h], np.float32)
                for x, y, w, h in random.uniform((0, 0, 4, 4), (140, 80, 20, 16), (6, 4))
            ]
            found = tuple(Detection("spacecraft", box, 0.9) for box in boxes)
            tracker(Perception(found, None, CLASS_NAMES, i * STEP_NS), SIZE)

    fly(0, 150)
    tracemalloc.start()
    try:
        fly(150, 100)
        before = tracemalloc.get_traced_memory()[0]
        fly(250, 250)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 100_000
    assert len(tracker._lives) <= 48 and len(tracker._lost) <= 24


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(TrackingError, match="confirm_hits"):
        Settings(confirm_hits=6)
