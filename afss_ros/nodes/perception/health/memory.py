"""The weights in memory, hashed piece by piece while a student flies, and repaired where they lie."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from afss_ros.student import StudentError
from afss_ros.student.memory.held import HeldWeights, Repair

_LONGEST_S = 0.001
"""Idle time that is left alone before a frame; a piece takes a tenth of that."""
_MOST_BEFORE_A_FRAME = 64
_OVERDUE = 0.1
"""Of all pieces, which idle moments may leave."""
_TOLD_S = 60.0


class MemoryCheck:
    """Looks at all that is held once in a while: in idle moments, and a little before a frame where there are none.

    Args:
        weights: of the students that are loaded.
        every_s: seconds from one look at a piece to the next.
        free_s: seconds for which no frame is to be expected.
        frames: how many were answered so far.
        on_repair: called in the thread that found flipped bits in weights, once they are repaired.
        clock: monotonic seconds.

    Attributes:
        failure: what cannot be repaired; nothing is checked any more then. Empty as long as all can be.
        repairs: how many pieces were.
    """

    def __init__(
        self,
        weights: Sequence[HeldWeights],
        *,
        every_s: float,
        free_s: Callable[[], float],
        frames: Callable[[], int] = lambda: 0,
        on_repair: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._every_s = every_s
        self._free_s = free_s
        self._frames = frames
        self._on_repair = on_repair
        self._clock = clock
        self._lock = threading.Lock()
        self.repairs = 0
        self._said, self._told_until, self._last = "", -1.0, ""
        self.go_on_with(weights)

    def go_on_with(self, weights: Sequence[HeldWeights]) -> None:
        """Other students are loaded; theirs are sound."""
        with self._lock:
            self._pieces = [(held, number) for held in weights for number in range(held.pieces)]
            self._held_bytes = sum(held.size for held in weights)
            self._frames_at = [self._frames()] * len(self._pieces)
            self._began = self._clock()
            self._done = self._until_sure = 0
            self.failure = ""

    @property
    def suspect(self) -> bool:
        """Whether flipped bits were found and not all that is held has been looked at since."""
        return self._until_sure > 0

    @property
    def warning(self) -> str:
        """What was repaired in the last minute; empty for nothing."""
        return self._said if self.suspect or self._clock() < self._told_until else ""

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """For /diagnostics: how much is held, how often all of it was looked at, and what was repaired."""
        if not self._pieces:
            return ()
        return (
            ("memory.held_bytes", str(self._held_bytes)),
            ("memory.passes", str(self._done // len(self._pieces))),
            ("memory.repairs", str(self.repairs)),
            *((("memory.last_repair", self._last),) if self._last else ()),
        )

    def idle(self) -> None:
        """Look at what is due, as long as there is time."""
        while self._due() and self._free_s() > _LONGEST_S:
            self._look()

    def before_frame(self) -> None:
        """Look at a little of what is overdue: a camera may leave no idle moment."""
        due = self._due()
        if self._until_sure or due > _OVERDUE * len(self._pieces):
            for _ in range(min(due, _MOST_BEFORE_A_FRAME)):
                self._look()

    def _due(self) -> int:
        """How many pieces are due; all of them, while it is not sure that the others are sound."""
        if not self._pieces or self.failure or not self._every_s:
            return 0
        if self._until_sure:
            return self._until_sure
        # What nobody had time for is not made up for twice.
        late = int((self._clock() - self._began) / self._every_s * len(self._pieces)) - self._done
        return min(late, len(self._pieces))

    def _look(self) -> None:
        with self._lock:
            if self._pieces and not self.failure:
                self._look_at_next()

    def _look_at_next(self) -> None:
        place = self._done % len(self._pieces)
        held, number = self._pieces[place]
        try:
            repair = held.check(number)
        except StudentError as error:
            self.failure = str(error)
            return
        frames = self._frames()
        if repair is not None:
            self._note(repair, frames - self._frames_at[place])
        elif self._until_sure:
            self._until_sure -= 1
            if not self._until_sure:
                self._began = self._clock() - (self._done + 1) * self._every_s / len(self._pieces)
        self._frames_at[place] = frames
        self._done += 1

    def _note(self, repair: Repair, frames: int) -> None:
        self.repairs += 1
        self._last = str(repair)
        self._said = f"memory: {repair}, repaired"
        self._told_until = self._clock() + _TOLD_S
        if repair.what == "weights":
            self._said += f"; up to {frames} frames before may be wrong"
            self._until_sure = len(self._pieces)
            self._on_repair()
