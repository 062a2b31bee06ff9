"""When weights in memory are looked at, and what is said of what was found."""

from __future__ import annotations

import numpy as np
import pytest

from afss_ros.nodes.perception.health.memory import MemoryCheck
from afss_ros.student.memory.held import PIECE_BYTES, HeldWeights


class _World:
    """A clock that is set by hand, a camera that leaves time or none, and weights of ten pieces."""

    def __init__(self) -> None:
        self.now = self.free_s = 0.0
        self.frames = self.repaired = 0
        self.held = HeldWeights({"w": np.zeros(10 * PIECE_BYTES, np.uint8)})
        self.check = MemoryCheck(
            [self.held],
            every_s=10.0,
            free_s=lambda: self.free_s,
            frames=lambda: self.frames,
            on_repair=self._count,
            clock=lambda: self.now,
        )

    def _count(self) -> None:
        self.repaired += 1

    @property
    def facts(self) -> dict[str, str]:
        return dict(self.check.facts)


@pytest.fixture
def world() -> _World:
    return _World()


def test_all_is_looked_at_in_the_time_given_in_idle_moments(world: _World) -> None:
    world.free_s = 1.0
    for world.now in np.arange(0.0, 9.9, 0.5):
        world.check.idle()
    assert world.facts["memory.passes"] == "0"
    world.now = 10.0
    world.check.idle()
    assert world.facts["memory.passes"] == "1"


def test_a_camera_without_a_gap_does_not_keep_memory_from_being_looked_at(world: _World) -> None:
    for world.now in np.arange(0.0, 12.0, 0.5):
        world.check.idle()
        world.check.before_frame()
    assert world.facts["memory.passes"] == "1"


def test_nothing_is_looked_at_before_a_frame_that_an_idle_moment_can_do(world: _World) -> None:
    world.held.arrays["w"][0] ^= 1
    world.now = 1.0
    world.check.before_frame()
    assert world.check.repairs == 0
    world.free_s = 1.0
    world.check.idle()
    assert world.check.repairs == 1


def test_answers_are_suspect_from_the_finding_until_all_else_is_known_to_be_sound(world: _World) -> None:
    world.frames, world.held.arrays["w"][0] = 7, 1
    world.now = 3.0
    world.check.before_frame()
    assert world.check.repairs == world.repaired == 1
    assert world.check.warning == (
        "memory: 1 flipped bit in the weights of w, repaired; up to 7 frames before may be wrong"
    )
    suspect = [world.check.suspect]
    world.check.before_frame()
    assert [*suspect, world.check.suspect] == [True, False]
    world.now = 64.0
    assert world.check.warning == ""
    assert world.facts["memory.last_repair"] == "1 flipped bit in the weights of w"


def test_what_cannot_be_repaired_is_a_failure_until_other_weights_come(world: _World) -> None:
    world.held.arrays["w"][0], world.held._copy[0], world.now = 1, 2, 3.0
    world.check.before_frame()
    assert "both damaged" in world.check.failure
    world.check.go_on_with([HeldWeights({"w": np.zeros(5, np.uint8)})])
    assert world.check.failure == ""
    world.check.go_on_with([])
    assert world.facts == {}
