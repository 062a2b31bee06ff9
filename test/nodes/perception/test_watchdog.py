"""How long a frame may be in work."""

from __future__ import annotations

import pytest

from afss_ros.nodes.perception.watchdog import LEAST_LIMIT_S, UNMEASURED_LIMIT_S, frame_limit_s


@pytest.mark.parametrize(
    ("given_s", "warm_up_ms", "looks", "limit_s"),
    [
        (0.0, [40.0, 90.0], 1, LEAST_LIMIT_S),
        (0.0, [5000.0, 400.0, 300.0], 1, 4.0),  # the first run makes room for the others
        (0.0, [400.0], 1, 4.0),
        (0.0, [900.0, 900.0], 3, 27.0),
        (0.0, [], 1, UNMEASURED_LIMIT_S),
        (0.5, [900.0], 3, 0.5),
    ],
)
def test_the_limit_comes_from_the_warm_up_unless_it_is_given(
    given_s: float, warm_up_ms: list[float], looks: int, limit_s: float
) -> None:
    assert frame_limit_s(given_s, warm_up_ms, looks) == pytest.approx(limit_s)
