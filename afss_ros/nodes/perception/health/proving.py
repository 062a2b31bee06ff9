"""The known answer, asked for in flight: in idle moments, so that no frame waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable

from afss_ros.student import StudentError

_MARGIN = 1.5


class Proving:
    """Asks a student for its known answer every while, when no frame is to be expected meanwhile.

    Args:
        prove: `Student.prove`: False where there is nothing to ask for; raises StudentError when the answer is wrong.
        every_s: seconds between two questions, read each time; 0 asks none.
        free_s: seconds for which no frame is to be expected.
        takes_s: how long a question takes, as far as it is known before the first; a camera that never falls silent
            leaves no better moment for that one than a gap that is long enough.
        clock: monotonic seconds.

    Attributes:
        failure: why the last answer was wrong; nothing is asked any more then. Empty as long as all were right.
        answers: how many were right.
        healed: what was wrong with the student before this one.
    """

    def __init__(
        self,
        prove: Callable[[], bool],
        *,
        every_s: Callable[[], float],
        free_s: Callable[[], float],
        takes_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._every_s = every_s
        self._free_s = free_s
        self._clock = clock
        self._takes_s = takes_s
        self.answers = 0
        self.healed = ""
        self._begin(prove)

    def _begin(self, prove: Callable[[], bool]) -> None:
        self._prove = prove
        self._asked_at = self._clock()
        self._has_answer = True
        self._hurried = False
        self.failure = ""

    def heal(self, prove: Callable[[], bool], reason: str = "") -> None:
        """Go on with another student, which has just given its known answer."""
        self.healed = f"the student was loaded anew, since {reason or self.failure}"
        self._begin(prove)

    def hurry(self) -> None:
        """Ask in the next idle moment, however long ago the last question was."""
        self._hurried = True

    def go_on_with(self, prove: Callable[[], bool]) -> None:
        """Another student flies, by choice."""
        self.healed = ""
        self._begin(prove)

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """For /diagnostics: right answers in flight, and seconds since the last, that of configure included."""
        if not self._has_answer:
            return ()
        age_s = self._clock() - self._asked_at
        return (("known_answer.given", str(self.answers)), ("known_answer.age_s", f"{age_s:.0f}"))

    def idle(self) -> None:
        """Ask, if it is time to and there is time to."""
        every_s, began = self._every_s(), self._clock()
        due = self._hurried or (every_s and began - self._asked_at >= every_s)
        if self.failure or not self._has_answer or not due:
            return
        if self._free_s() < _MARGIN * self._takes_s:
            return
        try:
            self._has_answer = self._prove()
        except StudentError as error:
            self.failure = str(error)
            return
        self._hurried = False
        self._asked_at = self._clock()
        self._takes_s = self._asked_at - began
        self.answers += self._has_answer
