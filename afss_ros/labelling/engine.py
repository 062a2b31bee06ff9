"""The labelling run: units in, a data set out, frame by frame, so that a killed run goes on where it was.

The order of writing one frame is what makes this safe: thumbnail, then sample (whole or not at all), then its line in
the manifest. A frame without a line is done again and gives the same bytes; a frame with one is done for good.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afss_ros import __version__
from afss_ros.cluster import Tally
from afss_ros.datasets import DatasetError, DatasetWriter
from afss_ros.datasets.files import TEMPORARY, remove_leftovers, write_atomically
from afss_ros.labelling.ahead import ahead
from afss_ros.labelling.assemble import Introduction, Teacher, introduce
from afss_ros.labelling.frame import Labels, Made, Pick, put_frame
from afss_ros.labelling.inputs import Candidate, Input
from afss_ros.labelling.manifest import LOOKED_AT, SET_ASIDE, Manifest, Missed
from afss_ros.labelling.plan import Cuts, Event, Unit, plan
from afss_ros.labelling.settings import LabelSettings
from afss_ros.sources import Unreadable
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.protocols import Rgb
from afss_ros.teacher.values import Labelled

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        key: the frame written last, or the last of a unit that was there already; empty for a unit without frames.
        image, instances: of that frame; None for a frame that the teacher did not see.
        seen: frames of the input that are decided about, thinned ones included.
        counts: frames by status (see `manifest`), with `thinned`.
        shards: how the work stands where several do it; None where this process does.
    """

    key: str
    image: Rgb | None
    instances: tuple[Labelled, ...]
    seen: int
    counts: dict[str, int]
    shards: Tally | None = None


class LabellingRun:
    """One output folder, open for labelling. Iterate `run()`; stop whenever you like; open it again to go on."""

    def __init__(self, out: Path, source: Input, teacher: Teacher | Introduction, settings: LabelSettings) -> None:
        """Make or resume `out`.

        Args:
            teacher: only introduced where others label, see `spread`.

        Raises:
            TeacherError: `out` was made with other settings or from another input, is being written, or is unwritable.
        """
        self.out = out
        self.settings = settings
        self._source = source
        self._teacher = teacher if isinstance(teacher, Teacher) else None
        known = introduce(teacher, settings) if isinstance(teacher, Teacher) else teacher
        self._labels = Labels.of(settings, known.prompts)
        self.thinned = 0
        self.set_aside = 0
        try:
            out.mkdir(parents=True, exist_ok=True)
            _require_same(out, provenance(source, known, settings))
            (out / "thumbs").mkdir(exist_ok=True)
            self._manifest = Manifest(out / "manifest.jsonl")
        except OSError as error:
            raise TeacherError(f"{out}: cannot be written ({error}); choose another --out") from error
        try:
            remove_leftovers(out)  # nobody else writes here, the manifest is locked
            self._writer = DatasetWriter(out, provenance=provenance(source, known, settings))
        except (OSError, DatasetError) as error:
            self._manifest.close()
            raise TeacherError(f"{out}: cannot be written ({error})") from error
        for sentence in known.unheeded:
            _log.warning("%s", sentence)

    @property
    def counts(self) -> dict[str, int]:
        """Frames by status, thinned ones included; `set aside`, where there are any, are left to the next run."""
        aside = {SET_ASIDE: self.set_aside} if self.set_aside else {}
        return {**self._manifest.counts, "thinned": self.thinned, **aside}

    def last_missed(self, count: int) -> tuple[str, ...]:
        """Keys of the live frames missed last and not labelled since, the newest first."""
        return self._manifest.last_missed(count)

    def miss(self, frame: Missed) -> None:
        """Note in the manifest a live frame that was not labelled, unless it has been before.

        Raises:
            TeacherError: the output cannot be written any more.
        """
        try:
            self._manifest.miss(frame)
        except OSError as error:
            raise self._stopped(error) from error

    def run(self, interrupt: Callable[[], None] = lambda: None) -> Iterator[Progress]:
        """Label what is not labelled yet; yields after every frame written and every unit found done.

        Args:
            interrupt: releases the input where it waits for a frame; called when this iterator is closed, or fails.

        Raises:
            TeacherError: the output cannot be written any more; running again goes on.
        """
        units = ahead(self.plan(self._source), 2, interrupt)
        seen = 0
        with contextlib.closing(units):  # type: ignore[type-var]
            for unit in units:
                seen += unit.frames
                if unit.finished:
                    self.thinned += unit.thinned
                    yield Progress(unit.events[-1].key if unit.events else "", None, (), seen, self.counts)
                else:
                    yield from self._do(unit, seen)
                    self.thinned += unit.trailing

    def plan(self, candidates: Iterable[Candidate | Unreadable | None], *, decode: bool = True) -> Iterator[Unit]:
        """The units that candidates fall into; see `plan.plan`."""
        video = self.settings.video
        is_video = video.propagator != "off"
        cuts = Cuts(video.chunk if is_video else self.settings.batch, video.gap_s if is_video else None, video.jump)
        return plan(candidates, self.settings.frames, cuts, self._manifest.get, decode=decode)

    def is_known(self, key: str) -> bool:
        """Whether the manifest has a frame."""
        return self._manifest.get(key) is not None

    def list_unit(self, unit: Unit, made: Iterable[Made], seen: int, shards: Tally) -> Iterator[Progress]:
        """List a unit whose frames others have put: `made`, of all that it picks, in order."""
        made = iter(made)
        for event in unit.events:
            frame = next(made) if event.candidate is not None else None
            if not event.done:
                try:
                    self._note(event) if frame is None else self.enter(frame)
                except (OSError, DatasetError) as error:
                    raise self._stopped(error) from error
            self.thinned += event.thinned
            if not event.done:
                yield Progress(event.key, None, (), seen, self.counts, shards)
        self.thinned += unit.trailing

    def finish(self) -> dict[str, int]:
        """Close the set (instances.json) and write summary.json; returns the counts. Call when `run` is exhausted."""
        try:
            self._writer.close()
            summary = {"input": self._source.name, "topics": list(self._source.topics), "frames": self.counts}
            write_atomically(self.out / "summary.json", (json.dumps(summary, indent=1) + "\n").encode())
        except (OSError, DatasetError) as error:
            raise self._stopped(error) from error
        return self.counts

    def close(self) -> None:
        """Release the folder, finished or not."""
        self._writer.close(write_coco=False)
        self._manifest.close()

    def _do(self, unit: Unit, seen: int) -> Iterator[Progress]:
        assert self._teacher is not None
        picks = unit.picks
        images = [event.image for event in picks if event.image is not None]
        found = iter(self._teacher.label(images) if picks and not all(event.done for event in picks) else [])
        for event in unit.events:
            instances = tuple(next(found, ())) if event.candidate is not None else ()
            if event.done:
                self.thinned += event.thinned
                continue
            try:
                self._write(event, instances)
            except (OSError, DatasetError) as error:
                raise self._stopped(error) from error
            self.thinned += event.thinned
            yield Progress(event.key, event.image, instances, seen, self.counts)

    def _note(self, event: Event) -> None:
        """List a frame that is not labelled."""
        assert event.record is not None
        # Of a scene that stands still nearly every frame is skipped, as it should be: nothing to be warned of.
        level = logging.DEBUG if event.record["status"] == "skipped" else logging.WARNING
        _log.log(level, "%s: %s", event.key, event.record["reason"])
        self._manifest.append(event.record)

    def _write(self, event: Event, instances: tuple[Labelled, ...]) -> None:
        if event.record is not None:
            self._note(event)
            return
        assert event.candidate is not None
        assert event.image is not None
        assert event.hashed is not None
        pick = Pick.of(event.candidate, event.hashed)
        self.enter(put_frame(self.out, pick, event.image, instances, self._labels))

    def enter(self, made: Made) -> None:
        """List a frame whose files are in place: sample first, then its line in the manifest."""
        if made.sample is not None and made.sample["key"] not in self._writer:
            self._writer.enter(made.sample)
        self._manifest.append(made.line)

    def _stopped(self, error: Exception) -> TeacherError:
        done = sum(self._manifest.counts[status] for status in LOOKED_AT)
        return TeacherError(
            f"stopped after {done} frames: {error}. They are safe in {self.out}; make room, or make the folder"
            " writable, and run the same command again to go on"
        )


def provenance(source: Input, teacher: Introduction, settings: LabelSettings) -> dict[str, Any]:
    """How the labels come to be, the same for every run of one set: plain JSON values."""
    return {
        "made_by": f"afss label {__version__}",
        "input": {"name": source.name, "topics": list(source.topics)},
        "prompts": teacher.prompts.as_dict(),
        "parts_asked_for": list(teacher.prompts.parts),
        **({"unheeded": list(teacher.unheeded)} if teacher.unheeded else {}),
        "views": list(teacher.views),
        "keep": settings.keep,
        "teacher": teacher.provenance,
        "settings": settings.as_dict(),
    }


def _require_same(out: Path, wanted: dict[str, Any]) -> None:
    path = out / "dataset.json"
    if not path.exists():
        if not all(_is_beginning(path) for path in out.iterdir()):
            raise TeacherError(f"{out} is not empty and holds no labelling to go on with; choose another --out")
        return
    try:
        present = json.loads(path.read_text())["provenance"]
    except (ValueError, KeyError, TypeError) as error:
        raise TeacherError(f"{path} is not what a labelling run writes; restore it, or use another --out") from error
    differing = _differences(present, json.loads(json.dumps(wanted)))
    if differing:
        raise TeacherError(
            f"{out} was begun with other settings ({'; '.join(differing[:4])}); run with those, or use another --out"
        )


def _is_beginning(path: Path) -> bool:
    """Whether a run that ended before it had written its provenance leaves this."""
    if path.name == "thumbs":
        return path.is_dir() and not any(path.iterdir())
    return bool(TEMPORARY.fullmatch(path.name)) or (path.name == "manifest.jsonl" and path.stat().st_size == 0)


def _differences(before: Any, now: Any, where: str = "") -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        names = sorted(before.keys() | now.keys())
        return [d for n in names for d in _differences(before.get(n), now.get(n), f"{where}.{n}" if where else n)]
    return [] if before == now else [f"{where} was {before!r}, is {now!r}"]
