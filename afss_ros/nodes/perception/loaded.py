"""The students that the node has loaded: the one that flies, and that of survival beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from afss_ros.nodes.perception import loading, modes, watchdog
from afss_ros.nodes.perception.parameters import Settings
from afss_ros.perception import Frame, Perception
from afss_ros.student import Student


@dataclass(frozen=True, slots=True)
class Fresh:
    """Loaded anew.

    Attributes:
        warm_up_ms: milliseconds of each warm-up run.
        spare: that of survival; None where it is not to be replaced.
    """

    student: Student
    warm_up_ms: list[float]
    spare: Student | None


class Loaded:
    """Loads students, keeps them, and says which sees the next frame.

    Args:
        settings: read again and again.
        open_student: `Student`, or what gives one whose session is shared.
        ending: whether the process is about to end, asked while something takes long.

    Attributes:
        student: the one that flies; None before `load` and after `close`.
        spare: that of survival; None where one flies in all modes.
        warm_up_ms: milliseconds of the warm-up runs of the newest that was loaded.
    """

    def __init__(
        self, settings: Callable[[], Settings], open_student: Callable[..., Student], ending: Callable[[], bool]
    ) -> None:
        self._settings = settings
        self._open_student = open_student
        self._ending = ending
        self.student: Student | None = None
        self.spare: Student | None = None
        self.warm_up_ms: list[float] = []

    @property
    def all(self) -> list[Student]:
        """Those that there are, the one that flies first."""
        return [student for student in (self.student, self.spare) if student is not None]

    def load(self, meanwhile: Callable[[float], bool]) -> Student:
        """Load what the settings ask for; see `loading.load`."""
        settings = self._settings()
        self.student, self.warm_up_ms = loading.load_best(settings, meanwhile, self._open_student)
        self.spare = loading.load_spare(settings, self.student, meanwhile, self._open_student)
        return self.student

    def loader(self, model: Path) -> Callable[[], tuple[Student, list[float]]]:
        """What loads one student by the settings of now, for another thread; see `loading.load`."""
        settings = self._settings()
        return lambda: loading.load(settings, self._still_wanted, model, self._open_student)

    def reloader(self, *, spare_too: bool) -> Callable[[], Fresh]:
        """What loads the student anew from its file, else the other slot, for another thread; see `loading.load`."""
        settings, wanted, open_student = self._settings(), self._still_wanted, self._open_student

        def load() -> Fresh:
            student, warm_up_ms = loading.load_best(settings, wanted, open_student)
            spare = loading.load_spare(settings, student, wanted, open_student) if spare_too else None
            return Fresh(student, warm_up_ms, spare)

        return load

    def seeing(self, trial: Callable[[Frame], Perception] | None) -> Callable[[Frame], Perception]:
        """Who sees the frames that follow: the spare in survival, else the student, on trial or not."""
        student, settings = self.student, self._settings()
        assert student is not None
        self.set_thresholds(student)
        student.tiling = modes.tiling(settings)
        spare = self.spare if settings.power_mode == modes.SURVIVAL else None
        return spare or trial or student

    def set_thresholds(self, *students: Student) -> None:
        """Tell them, all of them unless some are named, the thresholds of the settings."""
        settings = self._settings()
        for student in students or self.all:
            student.score_threshold = settings.detection_score_threshold
            student.min_area = settings.detection_min_area

    def keep_confidence(self, wanted: bool) -> None:
        """Whether perceptions are to carry the map of confidence, whoever sees the next frame."""
        for student in self.all:
            student.keep_confidence = wanted

    def frame_limit_s(self) -> float | None:
        """Seconds after which a frame counts as stalled; None without a student."""
        if self.student is None:
            return None
        settings = self._settings()
        looks = 1 if modes.tiling(settings).mode == "none" else 1 + settings.model_max_tiles
        return watchdog.frame_limit_s(settings.watchdog_frame_limit, self.warm_up_ms, looks)

    def close(self) -> None:
        """Free them."""
        for student in self.all:
            student.close()
        self.student = self.spare = None

    def _still_wanted(self, _age_s: float) -> bool:
        return not self._ending()
