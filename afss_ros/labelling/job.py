"""One labelling run in a thread of its own, for those who must stay responsive: start, watch, stop, go on.

A recording that is stopped is gone on with later. A live set that is stopped is finished as it is: what waited and was
not labelled in time is written down as missed, then come report and exports.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from afss_ros import extras
from afss_ros.labelling.assemble import Teacher, assemble
from afss_ros.labelling.command import finish_set
from afss_ros.labelling.engine import LabellingRun, Progress
from afss_ros.labelling.inputs import Input
from afss_ros.labelling.live import LiveInput
from afss_ros.labelling.lock import pinned
from afss_ros.labelling.settings import LabelSettings
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.models.checkpoints import Access
from afss_ros.threads import limited

_log = logging.getLogger(__name__)
_SHOWN = 5  # names of missed frames in the state


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
        missed: keys of the live frames that were missed last, the newest first.
    """

    phase: str = "loading"
    failure: str = ""
    seen: int = 0
    length: int | None = None
    counts: dict[str, int] | None = None
    rate: float = 0.0
    missed: tuple[str, ...] = ()


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
        before: JobState | None = None,
    ) -> None:
        """Start. `open_source` and `advanced` are called in the job's thread.

        Args:
            before: the end of the job that this one goes on with: its counts are shown until there are new ones.
        """
        self._out, self._settings, self._access, self._bag = out, settings, access, bag
        self._open_source, self._advanced = open_source, advanced
        self._state = JobState(counts=before.counts, missed=before.missed) if before else JobState()
        self._stop_at = float("inf")
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

    def stop(self, within_s: float = 0.0) -> None:
        """Ask the job to end: what it has labelled stays, and another job goes on.

        Args:
            within_s: seconds for what is under way, to be given to a live input that has ended; the job ends after
                the frame that it is at when they are over.
        """
        self._stop_at = min(self._stop_at, time.monotonic() + within_s)

    def join(self) -> None:
        """Wait for the job's end."""
        self._thread.join()

    def _work(self) -> None:
        try:
            with limited(), contextlib.closing(self._open_source()) as source:
                teacher = assemble(pinned(self._settings, self._out), self._access)
                complete = self._label(source, teacher)
                if complete or isinstance(source, LiveInput):
                    finish_set(self._out, bag=self._bag)
            self._become("done" if complete else "stopped")
        except TeacherError as error:
            self._become("failed", str(error))
        except ImportError as error:
            said = extras.explained(error, extra="ground")
            self._become("failed", said or f"{type(error).__name__}: {error}")
            if said is None:
                raise
        except Exception as error:  # a thread's exception is seen by nobody: say it where the state is shown
            self._become("failed", f"{type(error).__name__}: {error}")
            raise

    def _label(self, source: Input, teacher: Teacher) -> bool:
        live = source if isinstance(source, LiveInput) else None
        with contextlib.closing(LabellingRun(self._out, source, teacher, self._settings)) as run:
            try:
                complete = self._advance(run, source, live)
            finally:
                if live is not None:
                    live.close()
                    self._note_missed(run, live)
            if complete or live is not None:
                self._become("finishing")
                run.finish()
        return complete

    def _advance(self, run: LabellingRun, source: Input, live: LiveInput | None) -> bool:
        """Label until the input ends (True) or it is time to stop."""
        self._state = JobState("labelling", "", 0, source.length, run.counts, 0.0, run.last_missed(_SHOWN))
        started, labelled = time.monotonic(), 0
        steps = run.run() if live is None else run.run(interrupt=live.close)
        with contextlib.closing(steps):  # type: ignore[type-var]
            for progress in steps:
                labelled += progress.image is not None
                if live is not None:
                    live.settle(progress.key)
                    self._note_missed(run, live)
                rate = labelled / max(1e-3, time.monotonic() - started)
                missed = run.last_missed(_SHOWN)
                self._state = JobState("labelling", "", progress.seen, source.length, run.counts, rate, missed)
                self._advanced(progress)
                if time.monotonic() >= self._stop_at:
                    return False
        if live is not None:
            live.settle()
        return True

    def _note_missed(self, run: LabellingRun, live: LiveInput) -> None:
        """Write down what will not be labelled; where there is no room for it, it stays in memory for the next job."""
        while live.missed:
            try:
                run.miss(live.missed[0])
            except TeacherError as error:
                _log.warning("%d frames were missed and cannot be written down: %s", len(live.missed), error)
                return
            live.missed.popleft()
        self._state = dataclasses.replace(self._state, counts=run.counts, missed=run.last_missed(_SHOWN))

    def _become(self, phase: str, failure: str = "") -> None:
        self._state = dataclasses.replace(self._state, phase=phase, failure=failure)
