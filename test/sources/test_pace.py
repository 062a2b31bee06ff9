"""Frames are due when the recording says, whatever happened in between."""

from __future__ import annotations

import pytest

from afss_ros.sources.pace import Pace

SECOND = 1_000_000_000


def test_recorded_stamps_keep_their_distance() -> None:
    pace = Pace()
    due = [pace.due(stamp, now_s=100.0) for stamp in (7 * SECOND, 8 * SECOND, int(8.5 * SECOND))]
    assert due == pytest.approx([100.0, 101.0, 101.5])


def test_a_given_rate_replaces_the_stamps() -> None:
    pace = Pace(rate_hz=4.0)
    assert [pace.due(stamp, 10.0) for stamp in (0, 9 * SECOND, 3)] == pytest.approx([10.0, 10.25, 10.5])


def test_a_stall_is_not_followed_by_a_burst() -> None:
    pace = Pace(rate_hz=10.0)
    pace.due(0, 0.0)
    assert pace.due(1, now_s=3.0) == 3.0
    assert pace.due(2, now_s=3.0) == pytest.approx(3.1)


def test_a_small_lag_is_caught_up_with() -> None:
    pace = Pace(rate_hz=10.0)
    pace.due(0, 0.0)
    assert pace.due(1, now_s=0.2) == pytest.approx(0.1)


def test_long_pauses_and_stamps_that_go_back_do_not_stop_the_show() -> None:
    pace = Pace()
    assert [pace.due(s, 0.0) for s in (0, 3600 * SECOND, 1 * SECOND)] == pytest.approx([0.0, 5.0, 5.0])
