"""Which frames are labelled, and that two runs choose alike."""

from __future__ import annotations

import numpy as np
import pytest
from recorded import picture

from afss_ros.datasets.phash import BITS, COARSE_BITS, coarse_distance, distance, perceptual_hash
from afss_ros.labelling.select import Selection, Selector
from afss_ros.teacher.errors import TeacherError

SECOND = 1_000_000_000


def chosen_in_time(selection: Selection, stamps: list[float]) -> list[int]:
    selector = Selector(selection)
    return [i for i, stamp in enumerate(stamps) if selector.in_time(round(stamp * SECOND))]


def test_every_third_frame() -> None:
    assert chosen_in_time(Selection(every=3), [0, 1, 2, 3, 4, 5, 6]) == [0, 3, 6]


def test_frames_spaced_in_time_survive_a_clock_that_jumps_back() -> None:
    assert chosen_in_time(Selection(seconds=1.0), [0.0, 0.5, 1.0, 1.4, 2.1]) == [0, 2, 4]
    assert chosen_in_time(Selection(seconds=1.0), [50.0, 50.5, 3.0, 3.5, 4.0]) == [0, 2, 4]


def test_noise_changes_the_hash_little_and_motion_much() -> None:
    still = perceptual_hash(picture(0))
    noisy = perceptual_hash(np.clip(picture(0).astype(int) + 1, 0, 255).astype(np.uint8))
    assert still.shape == (BITS // 8,)
    assert distance(still, noisy) <= 8 < 30 < distance(still, perceptual_hash(picture(9)))


def test_a_near_duplicate_of_any_frame_before_is_skipped_and_the_reason_names_it() -> None:
    selector = Selector(Selection(duplicates=4))
    for index in (0, 9):
        hashed = perceptual_hash(picture(index))
        assert selector.reason_to_skip(hashed) is None
        selector.take(f"frame{index}", hashed)
    assert selector.reason_to_skip(perceptual_hash(picture(0))) == "near-duplicate of frame0 (0 bits)"
    assert Selector(Selection(duplicates=-1)).reason_to_skip(perceptual_hash(picture(0))) is None


def test_frames_spaced_in_motion_are_compared_with_the_last_one_alone() -> None:
    selector = Selector(Selection(motion=20, duplicates=-1))
    selector.take("first", perceptual_hash(picture(0)))
    assert selector.reason_to_skip(perceptual_hash(picture(0))) == "moved 0 bits since first, less than 20"
    selector.take("far", perceptual_hash(picture(9)))
    assert selector.reason_to_skip(perceptual_hash(picture(0))) is None


def test_many_frames_are_remembered() -> None:
    selector = Selector(Selection(duplicates=0))
    hashes = np.random.default_rng(0).integers(0, 256, (200, BITS // 8), np.uint8)
    for i, hashed in enumerate(hashes):
        assert selector.reason_to_skip(hashed) is None
        selector.take(str(i), hashed)
    assert selector.reason_to_skip(hashes[3]) == "near-duplicate of 3 (0 bits)"


def test_a_selection_that_selects_nothing_sensible_is_refused() -> None:
    with pytest.raises(TeacherError, match="every must be 1 or more"):
        Selection(every=0)


def test_the_coarse_hash_tells_scenes_apart_by_their_lowest_frequencies() -> None:
    zero = np.zeros(BITS // 8, np.uint8)
    assert coarse_distance(zero, ~zero) == COARSE_BITS == 80
    assert coarse_distance(perceptual_hash(picture(0)), perceptual_hash(picture(1))) < 20
