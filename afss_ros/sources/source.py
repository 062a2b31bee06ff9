"""What every source of frames is, whatever it reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, TypeVar

from afss_ros.camera import CameraInfo
from afss_ros.perception import Frame

Opened = TypeVar("Opened", bound="OpenSource")


class SourceError(Exception):
    """A source that cannot be opened; the message names it and what would work."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An input that should have been a frame and is not.

    Attributes:
        name: which one: a path, or bag, topic and stamp.
        reason: what is wrong with it.
    """

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Damage(Unreadable):
    """A place where a recording is broken; frames may be missing there, and it is none itself."""


class Source(Protocol):
    """Frames in order, read one at a time; may be iterated again from the start.

    Attributes:
        name: for people.
        length: how many frames to expect, readable or not; None when unknown.
        rate_hz: mean frame rate of the recording; None for a folder, which has none.
        camera_info: the camera's calibration where the source carries it.
        frame_id: the camera's optical frame; empty when unknown.
    """

    name: str
    length: int | None
    rate_hz: float | None
    camera_info: CameraInfo | None
    frame_id: str

    def __iter__(self) -> Iterator[Frame | Unreadable]: ...

    def key(self, frame: Frame) -> str:
        """A short name of one of its frames, the same every time, to name files after: picture, number, or stamp."""
        ...

    def close(self) -> None:
        """Release the files."""
        ...

    def __enter__(self) -> Source: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class OpenSource:
    """The context manager that every source is."""

    def close(self) -> None:
        """Release the files."""

    def __enter__(self: Opened) -> Opened:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
