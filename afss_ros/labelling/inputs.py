"""What is to be labelled, one frame at a time, and decoded only when somebody wants the pixels.

A bag is read message by message: frames that the selection passes over, and those that an earlier run has labelled,
cost no decoding. Several topics are read one after the other, each a sequence of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from afss_ros.bags import BagError, BagMessage, BagReader
from afss_ros.images import ImageError
from afss_ros.perception import Frame
from afss_ros.sources import Damage, Source, SourceError, Unreadable, open_source
from afss_ros.sources.bag import BagImages, choose_topic, decode_message, header_stamp_ns
from afss_ros.sources.pictures import PERIOD_NS, SUFFIXES, natural_order, read_picture
from afss_ros.teacher.errors import TeacherError

UNREADABLE = (ImageError, BagError, OSError)
"""What `Candidate.read` raises for a frame that cannot be used; everything else is a defect."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A frame that may be labelled.

    Attributes:
        key: unique in the input and the same in every run; names files.
        sequence: frames that follow each other in time share it: a bag's topic, a video, a folder.
        stamp_ns: its header's stamp, or the time of recording where that is 0.
        frame_id: the camera's optical frame.
        source: where it came from: `<bag>:<topic>`, or a file's name.
        read: decodes it: uint8 (H, W, 3) RGB; raises one of `UNREADABLE`.
        seen: what somebody else saw of it, which saves decoding it here: see `plan.look`; raises as `read` does.
    """

    key: str
    sequence: str
    stamp_ns: int
    frame_id: str
    source: str
    read: Callable[[], NDArray[np.uint8]]
    seen: Callable[[], tuple[NDArray[np.uint8], tuple[int, int]]] | None = None


class Input(Protocol):
    """Candidates in order; `name` is for manifests and the same wherever the input lies."""

    name: str
    topics: tuple[str, ...]
    length: int | None

    def __iter__(self) -> Iterator[Candidate | Unreadable]: ...

    def close(self) -> None:
        """Release the files."""
        ...


def open_input(path: Path, topics: Sequence[str] = ()) -> Input:
    """Open a bag, a folder of pictures, a picture or a video.

    Raises:
        TeacherError: nothing there, no such kind, a topic that is missing or not clear.
    """
    try:
        source = open_source(path, topic=topics[0] if topics else None)
        source.close()
        if isinstance(source, BagImages):
            return BagInput(path, topics or (source.topic,))
        if path.is_dir() or path.suffix.lower() in SUFFIXES:
            return PictureInput(path)
        return VideoInput(path, open_source(path))
    except (SourceError, BagError) as error:
        raise TeacherError(str(error)) from error


def open_inputs(paths: Sequence[Path], topics: Sequence[str] = ()) -> Input:
    """Open several inputs as one; see `open_input`, of which each must be able to be opened.

    Raises:
        TeacherError: there are none, or see `open_input`.
    """
    if not paths:
        raise TeacherError("nothing to label; give a bag, a folder of pictures or a video")
    return open_input(paths[0], topics) if len(paths) == 1 else ManyInputs(paths, topics)


class ManyInputs:
    """Inputs one after the other; a key begins with the name of its recording, numbered where two have the same.

    Attributes:
        parts: the inputs.
    """

    def __init__(self, paths: Sequence[Path], topics: Sequence[str] = ()) -> None:
        self.parts: list[Input] = []
        try:
            for path in paths:
                self.parts.append(open_input(path, topics))
        except BaseException:
            self.close()
            raise
        self.name = ", ".join(part.name for part in self.parts)
        self.topics = tuple(dict.fromkeys(topic for part in self.parts for topic in part.topics))
        lengths = [part.length for part in self.parts]
        self.length: int | None = None if None in lengths else sum(length or 0 for length in lengths)

    def __iter__(self) -> Iterator[Candidate | Unreadable]:
        for number in range(len(self.parts)):
            yield from self.part(number)

    def part(self, number: int) -> Iterator[Candidate | Unreadable]:
        """The candidates of one input, under the keys that they have among all."""
        part = self.parts[number]
        stems = [slug(Path(part.name).stem) for part in self.parts]
        name = distinct(stems)[number]
        # The keys of a bag or a video begin with its stem; those of pictures are their own names.
        stem = "" if isinstance(part, PictureInput) else stems[number]
        for item in part:
            if isinstance(item, Candidate):
                sequence = name if not stem else name + item.sequence.removeprefix(stem)
                yield replace(item, key=_under(stem, name, item.key), sequence=sequence)
            else:
                yield replace(item, name=_under(stem, name, item.name))

    def close(self) -> None:
        """Release all files."""
        for part in self.parts:
            part.close()


def _under(stem: str, name: str, text: str) -> str:
    return name + text.removeprefix(stem) if stem and text.startswith(stem) else f"{name}_{text}"


class BagInput:
    """Image topics of a bag, raw or compressed."""

    def __init__(self, path: Path, topics: Sequence[str]) -> None:
        """Open the bag.

        Raises:
            SourceError: a topic is none of the bag's image topics.
        """
        self._bag = BagReader(path)
        self.path = path
        self.topics = tuple(choose_topic(self._bag.topics, topic) for topic in dict.fromkeys(topics))
        self.name = path.name
        self.length: int | None = sum(self._bag.topics[topic].count for topic in self.topics)

    def __iter__(self) -> Iterator[Candidate | Unreadable]:
        names = distinct([slug(topic) for topic in self.topics])
        for topic, name in zip(self.topics, names, strict=True):
            sequence = f"{slug(Path(self.name).stem)}_{name}"
            for index, message in enumerate(self._bag.messages([topic])):
                key, source = f"{sequence}_{index:06d}", f"{self.name}:{topic}"
                try:
                    content = self._bag.deserialize(message)
                except BagError as error:
                    yield Unreadable(key, str(error))
                    continue
                stamp_ns = header_stamp_ns(content.header) or message.stamp_ns
                read = partial(_read_message, self._bag, message)
                yield Candidate(key, sequence, stamp_ns, content.header.frame_id, source, read)
        for number, damage in enumerate(self._bag.damages):
            yield Damage(f"{self.name}:damage_{number:03d}", f"the bag is damaged: {damage}")

    def close(self) -> None:
        """Release the bag."""
        self._bag.close()


def _read_message(bag: BagReader, message: BagMessage) -> NDArray[np.uint8]:
    content: Any = bag.deserialize(message)
    return np.ascontiguousarray(decode_message(content, message.msgtype))


class PictureInput:
    """The pictures of a folder in natural order, or a single one."""

    def __init__(self, path: Path) -> None:
        found = path.iterdir() if path.is_dir() else [path]
        self._paths = sorted((p for p in found if p.suffix.lower() in SUFFIXES and p.name[0] != "."), key=natural_order)
        stems = Counter(p.stem for p in self._paths)
        self._keys = distinct([slug(p.stem if stems[p.stem] == 1 else p.name) for p in self._paths])
        self.name = path.resolve().name
        self.topics: tuple[str, ...] = ()
        self.length: int | None = len(self._paths)

    def __iter__(self) -> Iterator[Candidate | Unreadable]:
        for number, (key, path) in enumerate(zip(self._keys, self._paths, strict=True), start=1):
            yield Candidate(key, slug(self.name), number * PERIOD_NS, "", path.name, partial(read_picture, path))

    def close(self) -> None:
        """There is nothing to release."""


class VideoInput:
    """The frames of a video file; a video decodes only in order, so nothing is saved by not wanting a frame."""

    def __init__(self, path: Path, source: Source) -> None:
        self._source = source
        self.name = path.name
        self.topics: tuple[str, ...] = ()
        self.length = source.length

    def __iter__(self) -> Iterator[Candidate | Unreadable]:
        sequence = slug(Path(self.name).stem)
        for index, frame in enumerate(self._source):
            if isinstance(frame, Frame):
                image = frame.image
                yield Candidate(f"{sequence}_{index:06d}", sequence, frame.stamp_ns, "", self.name, partial(_is, image))
            else:
                yield frame

    def close(self) -> None:
        """Release the video."""
        self._source.close()


def _is(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return image


def slug(text: str) -> str:
    """Only what may stand in a key.

    >>> slug("/camera/image raw")
    'camera_image_raw'
    """
    return re.sub(r"[^A-Za-z0-9_.+-]+", "_", text).strip("_.+-") or "frame"


def distinct(names: Sequence[str]) -> list[str]:
    """The same names, numbered where one has been there before: what differs may have the same slug.

    >>> distinct(["cam_image", "cam_image", "cam_image_2"])
    ['cam_image', 'cam_image_3', 'cam_image_2']
    """
    taken = set(names)
    numbers: Counter[str] = Counter()
    distinct = []
    for name in names:
        numbers[name] += 1
        while numbers[name] > 1 and f"{name}_{numbers[name]}" in taken:
            numbers[name] += 1
        distinct.append(f"{name}_{numbers[name]}" if numbers[name] > 1 else name)
        taken.add(distinct[-1])
    return distinct
