"""How many threads are taken: figures written by hand, so that no machine's load decides."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import pytest

from afss_ros import threads
from afss_ros.threads import Cores, threads_for

IDLE = Cores(8, math.inf, 8.0)
STAT = """cpu  900 0 90 5000 60 0 0 0 0 0
cpu0 300 0 30 1000 10 0 0 0 0 0
cpu1 300 0 30 2000 20 0 0 0 0 0
cpu10 300 0 30 4000 30 0 0 0 0 0
intr 12345 7
"""


@pytest.fixture
def one_core_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads, "look", lambda: Cores(4, math.inf, 1.1))


@pytest.mark.parametrize(
    ("cores", "number"),
    [
        (IDLE, 8),
        (Cores(8, math.inf, 7.8), 8),  # daemons
        (Cores(8, math.inf, 7.5), 7),  # half a core is somebody's
        (Cores(8, math.inf, 0.0), 1),
        (Cores(2, math.inf, 1.0), 1),
        (Cores(1, math.inf, 1.0), 1),
        (Cores(8, 2.0, 8.0), 2),
        (Cores(8, 0.5, 8.0), 1),
        (Cores(2, math.inf, 64.0), 2),
    ],
)
def test_a_thread_for_every_core_that_is_free(cores: Cores, number: int) -> None:
    assert threads_for(cores) == number


@pytest.mark.parametrize(("value", "number"), [("", 0), ("3", 3), (" 4,2", 4), ("many", 0), ("-1", 0), ("0", 0)])
def test_of_openmps_variable_the_outermost_level_counts(value: str, number: int) -> None:
    assert threads.asked_for({"OMP_NUM_THREADS": value}) == number
    assert threads.asked_for({}) == 0


@pytest.mark.usefixtures("one_core_free")
def test_what_was_asked_for_comes_first_and_what_is_free_last(monkeypatch: pytest.MonkeyPatch) -> None:
    assert threads.chosen() == 1
    assert threads.chosen(before=3) == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert threads.chosen(before=3) == 2
    with threads.limited(5) as number:
        assert number == threads.chosen(before=3) == threads.current() == 5
        assert threads.chosen(6) == 6
    assert threads.chosen() == 2
    assert threads.current() == 0


@pytest.mark.usefixtures("one_core_free")
def test_opencv_is_told_and_has_its_threads_back_after_a_failure() -> None:
    before = cv2.getNumThreads()
    with pytest.raises(KeyError), threads.limited(before + 2):
        assert cv2.getNumThreads() == before + 2
        raise KeyError
    assert cv2.getNumThreads() == before
    assert threads.current() == 0


def test_idle_time_is_that_of_the_cores_that_are_allowed() -> None:
    assert threads.idle_ticks(STAT, {0, 1}) == 1000 + 10 + 2000 + 20
    assert threads.idle_ticks(STAT, {10}) == 4030


@pytest.mark.parametrize(
    ("content", "cores"), [("max 100000\n", math.inf), ("150000 100000\n", 1.5), ("nonsense", math.inf)]
)
def test_a_control_groups_quota_is_read_in_cores(content: str, cores: float, tmp_path: Path) -> None:
    assert threads.quota_of(tmp_path) == math.inf
    (tmp_path / "cpu.max").write_text(content)
    assert threads.quota_of(tmp_path) == cores


def test_what_is_seen_of_this_machine_makes_sense() -> None:
    seen = threads.look()
    assert 1 <= threads_for(seen) <= seen.allowed
    assert seen.quota > 0
    assert seen.free >= 0


def test_threads_wait_asleep_unless_the_user_said_how() -> None:
    environment: dict[str, str] = {}
    threads.wait_asleep(environment)
    assert environment == {"OMP_WAIT_POLICY": "passive"}
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"):
        own = {name: "1"}
        threads.wait_asleep(own)
        assert own == {name: "1"}
