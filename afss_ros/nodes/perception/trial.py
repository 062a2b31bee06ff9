"""A student on trial: watched through its first frames."""

from __future__ import annotations

from collections.abc import Callable

from afss_ros.perception import Frame, Perception


class Trial:
    """Perceives as a student does, and counts what comes of it.

    Args:
        perceive: the student.
        frames: how many must succeed.

    Attributes:
        failure: why it failed; empty as long as it did not.
    """

    def __init__(self, perceive: Callable[[Frame], Perception], frames: int) -> None:
        self._perceive = perceive
        self._frames = frames
        self._good = 0
        self.failure = ""

    def __call__(self, frame: Frame) -> Perception:
        """Perceive a frame; raises what the student does, which refuses scores outside 0..1, too."""
        try:
            perception = self._perceive(frame)
        except Exception as error:
            self.failure = f"frame {self._good + 1} of its trial failed: {error}"
            raise
        self._good += 1
        return perception

    @property
    def passed(self) -> bool:
        """Whether enough frames succeeded, and none failed."""
        return not self.failure and self._good >= self._frames
