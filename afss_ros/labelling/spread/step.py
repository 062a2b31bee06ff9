"""What a worker does of a labelling run: looks at frames, and labels units of them.

A worker opens the recordings itself, by path, and reads on from where it is: it gets places, never pictures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afss_ros.cluster.stores import Folder, is_url, local
from afss_ros.labelling.assemble import Introduction, Teacher, assemble, introduce
from afss_ros.labelling.frame import Labels, Made, Pick, put_frame
from afss_ros.labelling.inputs import UNREADABLE, Candidate, Input, open_input
from afss_ros.labelling.plan import look
from afss_ros.labelling.settings import LabelSettings
from afss_ros.sources import Unreadable
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.models.checkpoints import Access

Place = tuple[int, int]
"""Number of a recording, and of a frame in it, both from 0."""


@dataclass(frozen=True, slots=True)
class Introduce:
    """Asks who the teacher is."""


@dataclass(frozen=True, slots=True)
class Look:
    """Asks for perceptual hash and size of some frames of one recording."""

    recording: int
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """Asks for a unit to be labelled and put into the set.

    Attributes:
        teacher: its provenance, as JSON; a worker whose teacher is another one refuses.
    """

    picks: tuple[tuple[Place, Pick], ...]
    teacher: str


Seen = tuple[str, int, int] | str
"""A frame's perceptual hash as hex, height and width; or why it cannot be read."""


@dataclass(frozen=True, slots=True)
class LabelStep:
    """A labelling run, for workers. See `cluster.Step`.

    Attributes:
        recordings: paths or URLs, as they were given.
        folder: the working directory that they are relative to.
    """

    recordings: tuple[str, ...]
    topics: tuple[str, ...]
    out: Folder
    settings: LabelSettings
    access: Access
    folder: str

    @contextmanager
    def open(self) -> Iterator[Callable[[Any], Any]]:
        """Load the teacher."""
        teacher = assemble(self.settings, self.access)
        frames = _Frames(self)
        worker = _Worker(self, teacher, frames)
        try:
            yield worker.do
        finally:
            frames.close()

    def path(self, number: int) -> Path:
        """Where a recording lies, wherever this runs."""
        name = self.recordings[number]
        return local(name) if is_url(name) else Path(self.folder, name)


class _Worker:
    def __init__(self, step: LabelStep, teacher: Teacher, frames: _Frames) -> None:
        self._step, self._teacher, self._frames = step, teacher, frames
        self._known = introduce(teacher, step.settings)
        self._labels = Labels.of(step.settings, teacher.prompts)

    def do(self, task: Introduce | Look | Label) -> Introduction | list[Seen] | list[Made]:
        if isinstance(task, Introduce):
            return self._known
        if isinstance(task, Look):
            return [self._look(task.recording, place) for place in task.places]
        return self._label(task)

    def _look(self, recording: int, place: int) -> Seen:
        item = self._frames.at((recording, place))
        try:
            hashed, (height, width) = look(item.read())
        except UNREADABLE as error:
            # It goes into the manifest, which says the same wherever it was found.
            return str(error).replace(str(self._frames.path), self._step.recordings[recording])
        return hashed.tobytes().hex(), height, width

    def _label(self, task: Label) -> list[Made]:
        if teacher_of(self._known) != task.teacher:
            raise TeacherError(
                "the teacher of this worker is not that of the run (another device, precision or checkpoint); give"
                " every worker the same kind of device, or set the precision"
            )
        images = []
        for place, pick in task.picks:
            item = self._frames.at(place)
            if item.stamp_ns != pick.stamp_ns:
                raise TeacherError(f"{pick.key}: the recording is not the one that the run was planned for")
            try:
                images.append(item.read())
            except UNREADABLE as error:
                raise TeacherError(f"{pick.key} was readable when it was looked at and is not now: {error}") from error
        found = self._teacher.label(images)
        out = self._step.out
        frames = []
        for (_, pick), image, instances in zip(task.picks, images, found, strict=True):
            made = put_frame(out.path, pick, image, tuple(instances), self._labels)
            out.publish(made.files)
            frames.append(made)
        return frames


class _Frames:
    """The frames of the recordings by their place; one recording is open at a time, and read forward."""

    def __init__(self, step: LabelStep) -> None:
        self._step = step
        self.path = Path()
        self._number = -1
        self._source: Input | None = None
        self._items: Iterator[Candidate | Unreadable] = iter(())
        self._next = 0

    def at(self, place: Place) -> Candidate:
        number, index = place
        if number != self._number or self._source is None:
            self.close()
            self.path = self._step.path(number)
            self._source = open_input(self.path, self._step.topics)
            self._number = number
            self._rewind()
        elif index < self._next:
            self._rewind()
        for item in self._items:
            self._next += 1
            if self._next > index:
                if isinstance(item, Candidate):
                    return item
                raise TeacherError(f"{item.name} is no frame any more: {item.reason}")
        raise TeacherError(f"{self._step.recordings[number]} has no frame {index} any more; is it being written?")

    def close(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None

    def _rewind(self) -> None:
        assert self._source is not None
        self._items, self._next = iter(self._source), 0


def teacher_of(known: Introduction) -> str:
    """What tells one teacher from another, as text."""
    return json.dumps(known.provenance, sort_keys=True)
