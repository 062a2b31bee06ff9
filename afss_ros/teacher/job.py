"""One labelling run in a thread of its own, for those who must stay responsive: start, watch, stop, go on."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from afss_ros.teacher.assemble import Teacher, assemble
from afss_ros.teacher.checkpoints import Access
from afss_ros.teacher.command import finish_set
from afss_ros.teacher.engine import LabellingRun, Progress
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.inputs import Input
from afss_ros.teacher.lock import pinned
from afss_ros.teacher.settings import LabelSettings


@dataclass(frozen=True, slots=True)
class JobState:
    """What a job is doing.

    Attributes:
        phase: `loading` the teacher, `labelling`, `finishing` what is made from the whole set, `stopped` on request,
            `done`, or `failed`.
        failure: why it failed; empty otherwise.
        seen, length: frames decided about, and to expect (None: unknown).
        counts: frames by status.
        rate: frames labelled a second, since labelling began.
    """

    phase: str = "loading"
    failure: str = ""
    seen: int = 0
    length: int | None = None
    counts: dict[str, int] | None = None
    rate: float = 0.0


class Job:
    """Labels an input into a folder; the same as `command.label`, in a thread."""

    def __init__(
        self,
        out: Path,
        settings: LabelSettings,
        access: Access,
        open_source: Callable[[], Input],
        advanced: Callable[[Progress], None],
        *,
        bag: bool = True,
    ) -> None:
        """Start. `open_source` and `advanced` are called in the job's thread."""
        self._out, self._settings, self._access, self._bag = out, settings, access, bag
        self._open_source, self._advanced = open_source, advanced
        self._state = JobState()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="afss-labelling")
        self._thread.start()

    @property
    def state(self) -> JobState:
        """What the job is doing now."""
        return self._state

    @property
    def running(self) -> bool:
        """Whether the job's thread is alive."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Ask the job to end after the frame it is at; what it has labelled stays, and another job goes on."""
        self._stop.set()

    def join(self) -> None:
        """Wait for the job's end."""
        self._thread.join()

    def _work(self) -> None:
        try:
            teacher = assemble(pinned(self._settings, self._out), self._access)
            with contextlib.closing(self._open_source()) as source:
                complete = self._label(source, teacher)
            if complete:
                self._become("finishing")
                finish_set(self._out, bag=self._bag)
            self._become("done" if complete else "stopped")
        except TeacherError as error:
            self._become("failed", str(error))
        except Exception as error:  # a thread's exception is seen by nobody: say it where the state is shown
            self._become("failed", f"{type(error).__name__}: {error}")
            raise

    def _label(self, source: Input, teacher: Teacher) -> bool:
        with contextlib.closing(LabellingRun(self._out, source, teacher, self._settings)) as run:
            self._become("labelling")
            started, labelled = time.monotonic(), 0
            for progress in run.run():
                labelled += progress.image is not None
                rate = labelled / max(1e-3, time.monotonic() - started)
                self._state = JobState("labelling", "", progress.seen, source.length, progress.counts, rate)
                self._advanced(progress)
                if self._stop.is_set():
                    return False
            run.finish()
        return True

    def _become(self, phase: str, failure: str = "") -> None:
        state = self._state
        self._state = JobState(phase, failure, state.seen, state.length, state.counts, state.rate)
