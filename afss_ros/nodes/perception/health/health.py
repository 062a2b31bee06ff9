"""Whether the student that flies is itself still: its known answer, and the memory that its weights lie in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from afss_ros.nodes.perception.health.memory import MemoryCheck
from afss_ros.nodes.perception.health.proving import Proving
from afss_ros.nodes.perception.parameters import Settings
from afss_ros.student import Student
from afss_ros.student.memory.held import HeldWeights

_PROOF_IN_WARM_UPS = 1.5
"""A proof is an inference with all that a frame has around it; a warm-up run is the inference alone."""


class Health:
    """Watches the student that flies, and the memory of all that are loaded, between frames.

    Args:
        student: the one that flies.
        loaded: it and the others.
        settings: read again and again.
        warm_up_ms: of its warm-up runs.
        free_s: seconds for which no frame is to be expected.
        frames: how many were answered so far.
    """

    def __init__(
        self,
        student: Student,
        loaded: Sequence[Student],
        *,
        settings: Callable[[], Settings],
        warm_up_ms: Sequence[float],
        free_s: Callable[[], float],
        frames: Callable[[], int],
    ) -> None:
        self._proving = Proving(
            student.prove,
            every_s=lambda: settings().model_prove_every,
            free_s=free_s,
            takes_s=_PROOF_IN_WARM_UPS * max(warm_up_ms) / 1e3 if warm_up_ms else 1.0,
        )
        self._memory = MemoryCheck(
            _held(loaded),
            every_s=settings().model_check_memory_every,
            free_s=free_s,
            frames=frames,
            on_repair=self._proving.hurry,
        )

    @property
    def failure(self) -> str:
        """Why no answer can be believed until the student is loaded anew; empty while it can."""
        return self._proving.failure or self._memory.failure

    @property
    def memory_failure(self) -> str:
        """What of it is damage in memory that cannot be repaired."""
        return self._memory.failure

    @property
    def suspect(self) -> bool:
        """Whether flipped bits were found and not all weights have been looked at since."""
        return self._memory.suspect

    @property
    def warning(self) -> str:
        """What was wrong and is right again."""
        return "; ".join(filter(None, (self._memory.warning, self._proving.healed)))

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """For /diagnostics."""
        return (*self._proving.facts, *self._memory.facts)

    def idle(self) -> None:
        """Look at memory and ask for the known answer, as far as it is time and there is time."""
        self._memory.idle()
        self._proving.idle()

    def distrust(self) -> str:
        """Before a frame: why the student must not see it; empty while it may."""
        self._memory.before_frame()
        return self.failure

    def go_on_with(self, student: Student, loaded: Sequence[Student], *, healed_of: str = "") -> None:
        """Another student flies: by choice, or since something was wrong with the one before."""
        self._memory.go_on_with(_held(loaded))
        if healed_of:
            self._proving.heal(student.prove, healed_of)
        else:
            self._proving.go_on_with(student.prove)


def _held(loaded: Sequence[Student]) -> list[HeldWeights]:
    return [student.weights for student in loaded if student.weights is not None]
