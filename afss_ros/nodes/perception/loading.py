"""The student that the parameters ask for: loaded and warmed up, or given up after a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from afss_ros.nodes.deadline import DeadlineError, within
from afss_ros.nodes.perception import model_file, modes
from afss_ros.nodes.perception.parameters import Settings
from afss_ros.refer import NetworkResolver, ReferError
from afss_ros.student import Student, StudentError, slots
from afss_ros.student.providers.settings import ProviderSettings, parse_options

NAME = "loading the student"
LoadError = (StudentError, OSError, DeadlineError)
"""Why a student cannot be had."""
_POLL_S = 0.1


def candidates(settings: Settings) -> list[Path]:
    """The students that the parameters allow, best first: those of the slots, or the one file.

    Raises:
        StudentError, FileNotFoundError: there is none.
    """
    if not settings.model_slots:
        return [model_file.locate(settings.model_path)]
    root = Path(settings.model_slots)
    if not (found := slots.to_fly(root)):
        faults = "; ".join(f"{name}: {slots.fault(root, name)}" for name in slots.NAMES)
        raise StudentError(f"model.slots {root} holds no student that is whole ({faults}); afss slot {root} MODEL")
    return found


def load_best(
    settings: Settings, meanwhile: Callable[[float], bool], open_student: Callable[..., Student] = Student
) -> tuple[Student, list[float]]:
    """Load the first candidate that can fly; of one that is not the first, `warning` says why."""
    failures: list[str] = []
    found = candidates(settings)
    for path in found:
        try:
            student, warm_up_ms = load(settings, meanwhile, path, open_student)
        except LoadError as error:
            if path == found[-1]:
                raise
            failures.append(f"{path}: {error}")
            continue
        if failures:
            student.warning = f"{path} flies, since {'; '.join(failures)}"
        if settings.model_slots:
            slots.settle(Path(settings.model_slots), path)
        return student, warm_up_ms
    raise StudentError("there is no student to load")


def load(
    settings: Settings,
    meanwhile: Callable[[float], bool],
    path: Path,
    open_student: Callable[..., Student] = Student,
) -> tuple[Student, list[float]]:
    """Load and warm up a student in a thread that can be left behind: a model may be made so that it never ends.

    Args:
        meanwhile: called again and again, with the seconds that have passed; False gives up.
        open_student: `Student`, or what gives one of those that are open already.

    Returns:
        The student, and the milliseconds of each warm-up run.

    Raises:
        StudentError, FileNotFoundError: there is none that can fly.
        DeadlineError: it took longer than `watchdog.configure_limit`, or was given up.
    """

    def loaded() -> tuple[Student, list[float]]:
        student = open_student(
            path,
            provider=settings.model_provider,
            threads=settings.model_threads,
            score_threshold=settings.detection_score_threshold,
            min_area=settings.detection_min_area,
            tiling=modes.tiling(settings),
            integrity=settings.model_integrity,
            provider_settings=_told(settings),
            hold_weights=settings.model_check_memory_every > 0,
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


def _told(settings: Settings) -> ProviderSettings:
    """What the parameters tell the provider.

    Raises:
        ProviderError: `provider.options` cannot be read.
    """
    return ProviderSettings(
        device_id=settings.provider_device_id,
        fp16=settings.provider_fp16,
        workspace_mib=settings.provider_workspace_mib,
        cache_directory=settings.provider_cache_directory,
        cache_mib=settings.provider_cache_mib,
        max_cpu_share=settings.provider_max_cpu_share,
        binding=settings.provider_binding,
        options=parse_options(settings.provider_options),
    )


def load_spare(
    settings: Settings,
    student: Student,
    meanwhile: Callable[[float], bool],
    open_student: Callable[..., Student] = Student,
) -> Student | None:
    """The student of survival, kept loaded beside the other; None where one flies in all modes.

    Raises:
        StudentError, FileNotFoundError, DeadlineError: see `load`; or it knows other classes than `student`.
    """
    if not settings.power_survival_model:
        return None
    path = model_file.locate(settings.power_survival_model)
    spare, _ = load(replace(settings, power_mode=modes.SURVIVAL), meanwhile, path, open_student)
    if spare.class_names != student.class_names:
        spare.close()
        raise StudentError(
            f"{spare.path} knows {', '.join(spare.class_names.values())}, and {student.path} knows"
            f" {', '.join(student.class_names.values())}: give power.survival_model a student of the same classes"
        )
    return spare


def load_network(settings: Settings) -> NetworkResolver | None:
    """The referring network, with the student's provider and threads; None where none is asked for.

    Raises:
        StudentError: there is none that can fly.
    """
    if settings.refer_resolver != "network":
        return None
    if not settings.refer_model:
        raise StudentError("refer.resolver is network, but refer.model names none; give an .onnx of afss refer export")
    try:
        path = Path(settings.refer_model).expanduser()
        return NetworkResolver(path, settings.model_provider, settings.model_threads)
    except ReferError as error:
        raise StudentError(f"refer.model: {error}") from error
