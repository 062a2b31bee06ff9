"""Where a frame's time goes, small: every step is timed, and both kinds of turns are flown."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from afss_ros.nodes.bench import own
from afss_ros.student import Student

IMAGE = np.full((128, 128, 3), 200, np.uint8)


def test_every_step_of_a_frame_has_its_time(tiny_student: Path) -> None:
    with Student(tiny_student, provider="cpu", threads=1) as student:
        steps = own.stages(student, IMAGE, frames=2)
    assert len(steps) == 9
    assert all(each["least"] > 0 and each["warm"] > 0 for each in steps.values())


def test_what_guards_add_is_a_difference_of_turns(tiny_student: Path) -> None:
    with Student(tiny_student, provider="cpu", threads=1, hold_weights=True) as student:
        added = own.guards_in_turns(student, IMAGE, turns=2)
    assert added.without > 0 and 0 < added.themselves < added.guarded
    assert added.low <= added.added <= added.high
    assert added.share == (added.themselves + added.known_answer) * 30 / 1e3
