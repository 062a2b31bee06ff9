"""A student on trial passes after enough good frames, and never after a bad one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from afss_ros.nodes.perception.trial import Trial
from afss_ros.perception import Detection, Frame, Perception
from afss_ros.student import StudentError

FRAME = Frame(np.zeros((4, 4, 3), np.uint8))


def _seen(score: float) -> Perception:
    return Perception(
        (Detection("spacecraft", np.array([0, 0, 1, 1], np.float32), score),), None, {4: "spacecraft"}, 0, {}
    )


def test_it_passes_after_as_many_frames_as_asked() -> None:
    trial = Trial(lambda _: _seen(0.7), frames=2)
    trial(FRAME)
    assert not trial.passed
    trial(FRAME)
    assert trial.passed


@pytest.mark.parametrize("score", [float("nan"), float("inf"), 1.5, -0.1])
def test_a_score_that_is_none_fails(score: float) -> None:
    trial = Trial(lambda _: _seen(score), frames=1)
    with pytest.raises(ValueError, match="score must lie in"):
        trial(FRAME)
    assert "frame 1 of its trial failed" in trial.failure


def test_one_failure_is_not_made_good() -> None:
    answers: Iterator[Perception | StudentError] = iter([StudentError("inference failed"), _seen(0.5), _seen(0.5)])

    def perceive(_: Frame) -> Perception:
        answer = next(answers)
        if isinstance(answer, StudentError):
            raise answer
        return answer

    trial = Trial(perceive, frames=1)
    with pytest.raises(StudentError, match="inference failed"):
        trial(FRAME)
    trial(FRAME)
    assert not trial.passed
