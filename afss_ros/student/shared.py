"""One session for several cameras: the same student opened once, and seen by each as its own.

What is large, the weights and the session's memory, is there once. What belongs to a camera stays its own: thresholds,
tiling, the plan for its frames' size, its known answer. Looks are taken in the order in which they were asked for, so
no camera waits for more than one look of every other one. Where a GPU runs a graph whose batch axis is free, looks that
wait at the same time share a run (`providers.batches`).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.student.errors import StudentError
from afss_ros.student.providers.batches import BatchSession, Together
from afss_ros.student.runtime import Session
from afss_ros.student.student import Student

_OWN = ("score_threshold", "min_area", "merge_gap", "extent_threshold", "tiling")
"""What each camera's student has for itself, of the options of `Student`."""


class FairLock:
    """A lock that is given in the order in which it was asked for."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._held = False

    def __enter__(self) -> None:
        with self._mutex:
            if not self._held:
                self._held = True
                return
            turn = threading.Event()
            self._waiting.append(turn)
        try:
            turn.wait()
        except BaseException:
            # The thread was told to end while it waited: it must not keep a turn that nobody will use.
            with self._mutex:
                if not turn.is_set():
                    self._waiting.remove(turn)
                    raise
            self._pass_on()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._held = False


class Shelf:
    """The students that a process has open: another camera that asks for the same one shares its session.

    `open` takes what `Student` takes, and raises what it raises.

    Args:
        cameras: how many there are: looks that may share a run.
    """

    def __init__(self, cameras: int = 1) -> None:
        self._cameras = cameras
        self._mutex = threading.Lock()
        self._there: dict[tuple[Any, ...], _Shared] = {}

    def open(self, path: str | Path, **options: Any) -> Student:
        """A student of this file, with a session that another one may have too."""
        own = {name: value for name, value in options.items() if name in _OWN}
        rest = {name: value for name, value in options.items() if name not in _OWN}
        key = (_file(Path(path)), tuple(sorted((name, str(value)) for name, value in rest.items())))
        with self._mutex:  # of several that ask at once, the first opens it
            shared = self._there.get(key)
            if shared is None:
                shared = self._there[key] = _Shared(Student(path, batch=self._cameras, **rest), self, key)
            return _Seat(shared, own)

    def __len__(self) -> int:
        """Sessions that are open and trusted."""
        return len(self._there)

    def drop(self, key: tuple[Any, ...], shared: _Shared) -> None:
        """Let nobody share a student any more: it is closed, or not to be trusted."""
        if self._there.get(key) is shared:
            del self._there[key]


def _file(path: Path) -> tuple[Any, ...]:
    """What tells a file from another one, or from what it was before."""
    try:
        about = path.stat()
    except OSError:
        return (str(path),)  # the student says what is wrong with it
    return str(path.resolve()), about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns


class _Shared:
    """A session, and how many share it."""

    def __init__(self, student: Student, shelf: Shelf, key: tuple[Any, ...]) -> None:
        self.student = student
        session, turn = student._open_session(), FairLock()
        self.session = Together(session, turn) if isinstance(session, BatchSession) else _Turns(session, turn)
        self._shelf, self._key = shelf, key
        self._count = 0
        self._mutex = threading.Lock()

    def take(self) -> None:
        with self._mutex:
            self._count += 1

    def leave(self) -> None:
        with self._mutex:
            self._count -= 1
            if self._count:
                return
        self.distrust()
        self.student.close()

    def distrust(self) -> None:
        """Let those that open this student from now on have another session."""
        self._shelf.drop(self._key, self)


class _Turns:
    """A session that others use too: one look at a time, and what it says is copied before the next."""

    def __init__(self, session: Session, turn: FairLock) -> None:
        self._bound = session
        self._turn = turn

    def run(self, image: NDArray[np.uint8]) -> Mapping[str, NDArray[Any]]:
        with self._turn:
            return {name: np.array(value) for name, value in self._bound.run(image).items()}


class _Seat(Student):
    """A student that shares another one's session."""

    def __init__(self, shared: _Shared, own: Mapping[str, Any]) -> None:
        # All that was read and checked when the file was opened; then what is this camera's own.
        self.__dict__.update(shared.student.__dict__)
        for name, value in own.items():
            setattr(self, name, value)
        self._session = shared.session
        self._view = None
        self._first_answer = None
        self._lock = threading.Lock()
        self._shared: _Shared | None = shared
        shared.take()

    def prove(self) -> bool:
        try:
            return super().prove()
        except StudentError:
            # Loaded anew, it must not be this session again.
            self.distrust()
            raise

    def distrust(self) -> None:
        if self._shared is not None:
            self._shared.distrust()

    def close(self) -> None:
        super().close()
        shared, self._shared = self._shared, None
        if shared is not None:
            shared.leave()
