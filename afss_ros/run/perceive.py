"""The perception of the nodes, over files, without a ROS graph."""

from __future__ import annotations

import json
import logging
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from afss_ros.camera import CameraInfo, is_rectified
from afss_ros.run.errors import RunError
from afss_ros.run.follower import Follower
from afss_ros.run.sinks import FORMATS, OUTPUTS, BagSink, Sink, write_atomically
from afss_ros.share import default_student
from afss_ros.sources import Damage, Source, Unreadable, open_source
from afss_ros.student import Student, Tiling

_log = logging.getLogger(__name__)

SUMMARY = "run.json"
_MARK = ".afss-run"
"""Marks a folder whose results a later run may replace, also when this one is interrupted."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to run.

    Attributes:
        source, topic: see `sources.open_source`.
        out: folder for the results; the results of an earlier run there are replaced.
        model: the student; None is the one that comes with the package.
        provider: see `Student`.
        score_threshold: detections below it are dropped.
        formats: keys of `sinks.FORMATS`.
        tiling: "none" or "auto"; see `student.Tiling`.
        grey_bits: see `sources.open_source`.
        tracking: whether craft are followed, and tracks, bearings and positions written into the bag.
        target_length_m: largest dimension of the craft, from which ranges are told; 0 is unknown.
    """

    source: Path
    out: Path
    topic: str | None = None
    model: Path | None = None
    provider: str = "auto"
    score_threshold: float = 0.5
    formats: Sequence[str] = tuple(FORMATS)
    tiling: str = "none"
    grey_bits: int = 16
    tracking: bool = False
    target_length_m: float = 0.0


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What run.json says.

    Attributes:
        frames: perceived.
        detections: by class name.
        unreadable: name and reason of every input that was skipped.
        latency_ms: p50 and p95 by stage.
        model: path, sha256, family.
    """

    source: str
    frames: int
    detections: dict[str, int]
    unreadable: list[dict[str, str]]
    latency_ms: dict[str, dict[str, float]]
    provider: str
    model: dict[str, str]


def run(
    options: Options,
    *,
    started: Callable[[int | None], None] = lambda _length: None,
    advanced: Callable[[], None] = lambda: None,
    skipped: Callable[[Unreadable], None] = lambda _unreadable: None,
) -> RunSummary:
    """Perceive every frame of a source and keep the results in `options.out`.

    Args:
        started: told the number of inputs, if it is known.
        advanced: called after every input.
        skipped: told every unreadable input.

    Raises:
        RunError: an unknown format, an `out` that holds something else, or not one readable frame.
        SourceError: the source cannot be opened.
        StudentError: the student cannot be used.
    """
    if unknown := [f for f in options.formats if f not in FORMATS]:
        raise RunError(f"unknown format {', '.join(unknown)}; known are {', '.join(FORMATS)}")
    if options.tracking and "mcap" not in options.formats:
        raise RunError("tracks are written into the bag; let mcap be among the formats")
    if not 0 <= options.target_length_m < float("inf"):
        raise RunError(f"a craft's length must be 0, unknown, or more metres, got {options.target_length_m}")
    with (
        open_source(options.source, topic=options.topic, grey_bits=options.grey_bits) as source,
        Student(
            options.model or default_student(),
            provider=options.provider,
            score_threshold=options.score_threshold,
            tiling=Tiling(options.tiling),
        ) as student,
    ):
        _make_room(options.out)
        started(source.length)
        sinks = [_sink(name, options, source, student.score_threshold) for name in options.formats]
        try:
            tally = _perceive(source, student, sinks, advanced, skipped)
            for sink in sinks:
                sink.close()
        except BaseException:
            for sink in sinks:
                sink.discard()
            raise
        model = {"path": str(student.path), "sha256": student.sha256, "family": student.contract.family}
        summary = tally.summary(source.name, student.provider, model)
    write_atomically(options.out / SUMMARY, (json.dumps(asdict(summary), indent=2) + "\n").encode())
    return summary


def _sink(name: str, options: Options, source: Source, threshold: float) -> Sink:
    def camera() -> CameraInfo | None:
        return source.camera_info

    if name == "mcap" and options.tracking:
        rectified = is_rectified(source.name.rsplit(":", 1)[-1])
        return BagSink(options.out, camera, Follower(threshold, options.target_length_m, rectified=rectified))
    return FORMATS[name](options.out, camera)


@dataclass(slots=True)
class _Tally:
    frames: int = 0
    early: int = 0
    detections: Counter[str] = field(default_factory=Counter)
    unreadable: list[Unreadable] = field(default_factory=list)
    timings: dict[str, list[float]] = field(default_factory=dict)

    def summary(self, source: str, provider: str, model: dict[str, str]) -> RunSummary:
        latency = {}
        for stage, values in self.timings.items():
            p50, p95 = np.percentile(values, (50, 95))
            latency[stage] = {"p50": round(float(p50), 3), "p95": round(float(p95), 3)}
        unreadable = [asdict(u) for u in self.unreadable]
        return RunSummary(source, self.frames, dict(self.detections), unreadable, latency, provider, model)


def _perceive(
    source: Source,
    student: Student,
    sinks: Sequence[Sink],
    advanced: Callable[[], None],
    skipped: Callable[[Unreadable], None],
) -> _Tally:
    tally = _Tally()
    used: Counter[str] = Counter()
    for item in source:
        if isinstance(item, Unreadable):
            tally.unreadable.append(item)
            skipped(item)
            if not isinstance(item, Damage):
                advanced()
            continue
        tally.early += item.stamp_ns < 0
        perception = student(item)
        key = unique(source.key(item), used)
        for sink in sinks:
            sink.add(key, item, perception)
        tally.frames += 1
        tally.detections.update(d.class_name for d in perception.detections)
        for stage, milliseconds in perception.timings_ms.items():
            tally.timings.setdefault(stage, []).append(milliseconds)
        advanced()
    if tally.early:
        _log.warning(
            "%d of %d frames have stamps before 1970, by a clock that was never set: their headers keep them, run.mcap"
            " has them under the time of recording",
            *(tally.early, tally.frames),
        )
    if tally.frames == 0:
        reason = f": {tally.unreadable[0].name}: {tally.unreadable[0].reason}" if tally.unreadable else ""
        raise RunError(f"{source.name} holds no frame that can be read{reason}")
    return tally


def unique(key: str, used: Counter[str]) -> str:
    """The key, with a number when it was used before: `a`, `a-2`, `a-3`. Counts in `used`."""
    used[key] += 1
    return key if used[key] == 1 else f"{key}-{used[key]}"


def _make_room(out: Path) -> None:
    """Remove the results of an earlier run, and only those.

    Raises:
        RunError: the folder holds results that are not a run's.
    """
    out.mkdir(parents=True, exist_ok=True)
    earlier = [out / name for name in OUTPUTS if (out / name).exists()]
    if earlier and not (out / _MARK).exists():
        raise RunError(f"{earlier[0]} is in the way and not from a run; remove it or choose another folder")
    (out / _MARK).touch()
    if earlier:
        _log.warning("%s: replacing the results of an earlier run: %s", out, ", ".join(path.name for path in earlier))
    for path in [*earlier, out / SUMMARY]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
