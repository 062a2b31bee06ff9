"""The student that the parameters ask for: loaded and warmed up, or given up after a while."""

from __future__ import annotations

from collections.abc import Callable

from afss_ros.nodes.deadline import within
from afss_ros.nodes.perception import model_file
from afss_ros.nodes.perception.parameters import Settings
from afss_ros.student import Student, Tiling

NAME = "loading the student"
_POLL_S = 0.1


def load(settings: Settings, meanwhile: Callable[[float], bool]) -> tuple[Student, list[float]]:
    """Load and warm up a student in a thread that can be left behind: a model may be made so that it never ends.

    Args:
        meanwhile: called again and again, with the seconds that have passed; False gives up.

    Returns:
        The student, and the milliseconds of each warm-up run.

    Raises:
        StudentError, FileNotFoundError: there is none that can fly.
        DeadlineError: it took longer than `watchdog.configure_limit`, or was given up.
    """

    def loaded() -> tuple[Student, list[float]]:
        student = Student(
            model_file.locate(settings.model_path),
            provider=settings.model_provider,
            threads=settings.model_threads,
            score_threshold=settings.detection_score_threshold,
            min_area=settings.detection_min_area,
            tiling=Tiling(settings.model_tiling, settings.model_tile_overlap, settings.model_max_tiles),
            integrity=settings.model_integrity,
        )
        warm_up_ms = student.warm_up(settings.model_warm_up_runs)
        student.prove()
        return student, warm_up_ms

    return within(
        settings.watchdog_configure_limit,
        loaded,
        name=NAME,
        period_s=min(settings.diagnostics_period, _POLL_S),
        meanwhile=meanwhile,
        dispose=lambda late: late[0].close(),
    )
