"""The most doubtful frame of every while, within a rate and with a gap."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from afss_ros.nodes.perception.hard_frame_choice import Choice, Limits

FREE = Limits(min_doubt=0.5, max_rate=1000.0, min_gap_s=0.0)


def play(doubts: list[float], limits: Limits, period_s: float = 1.0) -> list[tuple[float, int]]:
    """Offer one frame a period; the times and numbers of those given out, and what is released at the end."""
    choice: Choice[int] = Choice()
    given_out = []
    for number, doubt in enumerate(doubts):
        chosen = choice.offer(number, doubt, number * period_s, limits)
        if chosen is not None:
            given_out.append((number * period_s, chosen))
    last = choice.release()
    return given_out if last is None else [*given_out, (len(doubts) * period_s, last)]


def test_without_limits_every_doubtful_frame_is_taken_at_once() -> None:
    assert play([0.2, 0.6, 0.5, 0.4], FREE) == [(1.0, 1), (2.0, 2)]


def test_the_most_doubtful_of_the_gap_is_taken_and_of_equals_the_newest() -> None:
    limits = Limits(0.5, 1000.0, min_gap_s=3.0)
    assert play([0.6, 0.9, 0.7, 0.0, 0.0, 0.0], limits) == [(3.0, 1)]
    assert play([0.7, 0.7, 0.6, 0.0, 0.0, 0.0], limits) == [(3.0, 1)]


def test_a_frame_soon_after_one_that_was_taken_is_too_close() -> None:
    limits = Limits(0.5, 1000.0, min_gap_s=3.0)
    assert [n for _, n in play([0.6, 0.6, 0.9, 0.8, 1.0, 0.7, 0.6, 0.6, 0.6, 0.6], limits)] == [2, 5, 9]


def test_a_taker_that_is_busy_finds_the_most_doubtful_one_waiting() -> None:
    choice: Choice[str] = Choice()
    for name, doubt in (("a", 0.6), ("b", 0.9), ("c", 0.7)):
        assert choice.offer(name, doubt, 0.0, FREE, can_take=False) is None
    assert choice.offer("d", 0.1, 0.1, FREE) == "b"
    assert choice.given_up == 2


def test_a_rate_of_zero_pauses() -> None:
    choice: Choice[int] = Choice()
    paused = Limits(0.5, 0.0, 0.0)
    taken = [n for n in range(50) if choice.offer(n, 0.9, n / 10, paused) is not None]
    assert len(taken) <= 1  # the one that was saved up


@given(
    st.lists(st.floats(0, 1), max_size=200),
    st.floats(0.01, 5.0),
    st.floats(0.0, 10.0),
    st.sampled_from([0.1, 0.5, 2.0]),
)
def test_rate_and_gap_are_kept_whatever_comes(doubts: list[float], rate: float, gap: float, period: float) -> None:
    out = play(doubts, Limits(0.5, rate, gap), period)
    frames = [number * period for _, number in out]
    assert all(b - a >= gap - 1e-9 for a, b in pairwise(frames))
    assert all(doubts[n] >= 0.5 for _, n in out)
    # One for the first moment, one released at the end, and what the rate allows.
    assert len(out) <= 2 + rate * len(doubts) * period + 1e-6
