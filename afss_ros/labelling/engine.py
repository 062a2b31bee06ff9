"""The labelling run: units in, a data set out, frame by frame, so that a killed run goes on where it was.

The order of writing one frame is what makes this safe: thumbnail, then sample (whole or not at all), then its line in
the manifest. A frame without a line is done again and gives the same bytes; a frame with one is done for good.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from afss_ros import __version__
from afss_ros.datasets import DatasetError, DatasetWriter, Instance
from afss_ros.datasets import rle as run_length
from afss_ros.datasets.files import write_atomically
from afss_ros.datasets.pictures import encode_picture
from afss_ros.labelling.ahead import ahead
from afss_ros.labelling.assemble import Teacher
from afss_ros.labelling.inputs import Input
from afss_ros.labelling.keep import parse_keep
from afss_ros.labelling.manifest import LOOKED_AT, Manifest, Missed
from afss_ros.labelling.plan import Cuts, Event, Unit, plan
from afss_ros.labelling.settings import LabelSettings
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.heeding import unheeded
from afss_ros.teacher.prompts import CRAFT, label_map
from afss_ros.teacher.protocols import Rgb
from afss_ros.teacher.values import Labelled

_log = logging.getLogger(__name__)
_THUMBNAIL = 320  # pixels of the longest side
_TEMPORARY = re.compile(r"\..+\.\d+(\.partial)?")  # what `write_atomically` and `BagWriter` leave when they are killed


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        key: the frame written last, or the last of a unit that was there already; empty for a unit without frames.
        image, instances: of that frame; None for a frame that the teacher did not see.
        seen: frames of the input that are decided about, thinned ones included.
        counts: frames by status (see `manifest`), with `thinned`.
    """

    key: str
    image: Rgb | None
    instances: tuple[Labelled, ...]
    seen: int
    counts: dict[str, int]


class LabellingRun:
    """One output folder, open for labelling. Iterate `run()`; stop whenever you like; open it again to go on."""

    def __init__(self, out: Path, source: Input, teacher: Teacher, settings: LabelSettings) -> None:
        """Make or resume `out`.

        Raises:
            TeacherError: `out` was made with other settings or from another input, is being written, or is unwritable.
        """
        self.out = out
        self.settings = settings
        self._source = source
        self._teacher = teacher
        self._keep = parse_keep(settings.keep)
        self.thinned = 0
        try:
            out.mkdir(parents=True, exist_ok=True)
            _require_same(out, provenance(source, teacher, settings))
            (out / "thumbs").mkdir(exist_ok=True)
            self._manifest = Manifest(out / "manifest.jsonl")
        except OSError as error:
            raise TeacherError(f"{out}: cannot be written ({error}); choose another --out") from error
        try:
            _remove_leftovers(out)
            self._writer = DatasetWriter(out, provenance=provenance(source, teacher, settings))
        except (OSError, DatasetError) as error:
            self._manifest.close()
            raise TeacherError(f"{out}: cannot be written ({error})") from error
        for sentence in unheeded(settings.detector.name, teacher.detector, teacher.prompts):
            _log.warning("%s", sentence)

    @property
    def counts(self) -> dict[str, int]:
        """Frames by status, thinned ones included."""
        return {**self._manifest.counts, "thinned": self.thinned}

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
        video = self.settings.video
        is_video = video.propagator != "off"
        cuts = Cuts(video.chunk if is_video else self.settings.batch, video.gap_s if is_video else None, video.jump)
        units = ahead(plan(self._source, self.settings.frames, cuts, self._manifest.get), 2, interrupt)
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

    def _write(self, event: Event, instances: tuple[Labelled, ...]) -> None:
        if event.record is not None:
            # Of a scene that stands still nearly every frame is skipped, as it should be: nothing to be warned of.
            level = logging.DEBUG if event.record["status"] == "skipped" else logging.WARNING
            _log.log(level, "%s: %s", event.key, event.record["reason"])
            self._manifest.append(event.record)
            return
        candidate, image = event.candidate, event.image
        assert candidate is not None
        assert image is not None
        assert event.hashed is not None
        kept, refused = self._divide(instances)
        status = "kept" if kept else "refused" if refused else "empty"
        thumbnail = self.out / "thumbs" / f"{event.key}.jpg"
        write_atomically(thumbnail, encode_picture(_shrink(image), ".jpg", 85))
        if kept and event.key not in self._writer:
            self._writer.add(
                event.key,
                image,
                label_map(kept, event.size, refused=refused),
                [_instance(instance) for instance in kept],
                split=self.settings.split,
                sequence=candidate.sequence,
                attributes={
                    "stamp_ns": candidate.stamp_ns,
                    "frame_id": candidate.frame_id,
                    "source": candidate.source,
                },
                image_format=self.settings.image_format,
                parts=self._teacher.prompts.parts,
            )
        self._manifest.append(
            {
                "key": event.key,
                "source": candidate.source,
                "stamp_ns": candidate.stamp_ns,
                "frame_id": candidate.frame_id,
                "sequence": candidate.sequence,
                "status": status,
                "width": event.size[1],
                "height": event.size[0],
                "phash": event.hashed.tobytes().hex(),
                "instances": [_record(instance, instance in kept) for instance in instances],
            }
        )

    def _divide(self, instances: tuple[Labelled, ...]) -> tuple[list[Labelled], list[Labelled]]:
        """Those that the filter keeps, and those it refuses; a part falls with its craft."""
        passed = [instance for instance in instances if self._keep(instance.scores)]
        crafts = [instance.mask for instance in passed if instance.class_name == CRAFT]
        kept = [instance for instance in passed if any(np.any(instance.mask & craft) for craft in crafts)]
        return kept, [instance for instance in instances if instance not in kept]

    def _stopped(self, error: Exception) -> TeacherError:
        done = sum(self._manifest.counts[status] for status in LOOKED_AT)
        return TeacherError(
            f"stopped after {done} frames: {error}. They are safe in {self.out}; make room, or make the folder"
            " writable, and run the same command again to go on"
        )


def provenance(source: Input, teacher: Teacher, settings: LabelSettings) -> dict[str, Any]:
    """How the labels come to be, the same for every run of one set: plain JSON values."""
    said = unheeded(settings.detector.name, teacher.detector, teacher.prompts)
    return {
        "made_by": f"afss label {__version__}",
        "input": {"name": source.name, "topics": list(source.topics)},
        "prompts": teacher.prompts.as_dict(),
        "parts_asked_for": list(teacher.prompts.parts),
        **({"unheeded": said} if said else {}),
        "views": [str(view) for view in teacher.refinement.views],
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
    return bool(_TEMPORARY.fullmatch(path.name)) or (path.name == "manifest.jsonl" and path.stat().st_size == 0)


def _differences(before: Any, now: Any, where: str = "") -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        names = sorted(before.keys() | now.keys())
        return [d for n in names for d in _differences(before.get(n), now.get(n), f"{where}.{n}" if where else n)]
    return [] if before == now else [f"{where} was {before!r}, is {now!r}"]


def _remove_leftovers(out: Path) -> None:
    """Temporary files of a killed run; nobody else writes here, the manifest is locked."""
    for path in sorted(out.rglob(".*")):
        if not _TEMPORARY.fullmatch(path.name):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _shrink(image: Rgb) -> Rgb:
    height, width = image.shape[:2]
    scale = min(1.0, _THUMBNAIL / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _instance(instance: Labelled) -> Instance:
    score = round(instance.scores.get("detector_score", 0.0), 4)
    box = instance.box_xyxy.astype(np.float32)
    return Instance(instance.class_name, box, run_length.encode(instance.mask), score)


def _record(instance: Labelled, kept: bool) -> dict[str, Any]:
    return {
        "class_name": instance.class_name,
        "box_xyxy": [round(float(v), 2) for v in instance.box_xyxy],
        "scores": {name: round(float(value), 4) for name, value in instance.scores.items()},
        "origin": instance.origin,
        "kept": kept,
        "rle": run_length.encode(instance.mask),
    }
