"""The known answer is asked for when no frame is to be expected, and never again once it was wrong."""

from __future__ import annotations

import math

from afss_ros.nodes.perception.health.idle import Arrivals
from afss_ros.nodes.perception.health.proving import Proving
from afss_ros.student import StudentError


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_frames_are_expected_at_the_shortest_of_the_last_intervals() -> None:
    clock = Clock()
    arrivals = Arrivals(clock)
    assert arrivals.free_s() == math.inf
    for clock.now in (0.0, 0.5, 0.7, 1.2):
        arrivals.arrived()
    assert round(arrivals.free_s(), 6) == 0.2
    clock.now = 1.3
    assert round(arrivals.free_s(), 6) == 0.1
    clock.now = 1.5
    assert arrivals.free_s() == 0.0, "overdue: it may come at any moment"
    clock.now = 2.3
    assert arrivals.free_s() == math.inf, "silent"


class Asked:
    """A student whose every question takes 40 ms."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.count = 0
        self.wrong = False
        self.has_answer = True

    def prove(self) -> bool:
        self.count += 1
        self.clock.now += 0.04
        if self.wrong:
            raise StudentError("the known answer is not given")
        return self.has_answer


def proving(asked: Asked, free_s: float = math.inf, every_s: float = 60.0) -> Proving:
    return Proving(asked.prove, every_s=lambda: every_s, free_s=lambda: free_s, clock=asked.clock)


def test_it_is_asked_once_in_a_while() -> None:
    asked = Asked(Clock())
    watch = proving(asked)
    watch.idle()
    assert asked.count == 0, "configure has just asked"
    asked.clock.now = 61.0
    watch.idle()
    watch.idle()
    assert (asked.count, watch.answers, watch.failure) == (1, 1, "")
    assert watch.facts == (("known_answer.given", "1"), ("known_answer.age_s", "0"))


def test_it_is_not_asked_while_a_frame_is_to_be_expected() -> None:
    asked = Asked(Clock())
    busy = proving(asked, free_s=0.02)
    asked.clock.now = 1000.0
    busy.idle()
    assert asked.count == 0


def test_once_it_is_known_how_long_it_takes_a_gap_is_enough() -> None:
    asked = Asked(Clock())
    free = [math.inf, 0.03, 0.07]
    watch = Proving(asked.prove, every_s=lambda: 1.0, free_s=lambda: free.pop(0), clock=asked.clock)
    for moment, count in ((2.0, 1), (4.0, 1), (6.0, 2)):
        asked.clock.now = moment
        watch.idle()
        assert asked.count == count


def test_a_camera_that_never_falls_silent_is_asked_in_its_gaps_from_the_first_question_on() -> None:
    asked = Asked(Clock())
    watch = Proving(asked.prove, every_s=lambda: 1.0, free_s=lambda: 0.07, takes_s=0.04, clock=asked.clock)
    asked.clock.now = 2.0
    watch.idle()
    assert asked.count == 1


def test_zero_asks_never_and_who_has_no_answer_is_asked_once() -> None:
    asked = Asked(Clock())
    asked.clock.now = 1000.0
    proving(asked, every_s=0.0).idle()
    assert asked.count == 0
    asked.has_answer = False
    watch = Proving(asked.prove, every_s=lambda: 1.0, free_s=lambda: math.inf, clock=asked.clock)
    for _ in range(3):
        asked.clock.now += 10.0
        watch.idle()
    assert asked.count == 1
    assert (watch.answers, watch.facts) == (0, ())


def test_a_wrong_answer_stays_until_another_student_flies() -> None:
    asked = Asked(Clock())
    watch = proving(asked, every_s=1.0)
    asked.wrong, asked.clock.now = True, 10.0
    watch.idle()
    assert watch.failure == "the known answer is not given"
    asked.clock.now = 100.0
    watch.idle()
    assert asked.count == 1, "it is known to be wrong"
    asked.wrong = False
    watch.heal(asked.prove)
    assert watch.failure == ""
    assert "the known answer is not given" in watch.healed
    asked.clock.now = 200.0
    watch.idle()
    assert watch.answers == 1
