"""A live camera, or the replay of a bag, as an input: frames wait in a bounded queue; what was not labelled is named.

Every frame that is offered before `end` is accounted for: it waits, it is with the one who labels, it was settled, or
it is in `missed`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from afss_ros.labelling.inputs import Candidate, slug
from afss_ros.labelling.manifest import DAMAGED, MISSED, Missed
from afss_ros.sources import Unreadable

_NO_ROOM = "could not be kept up with: the queue was full"
_TOO_LATE = "labelling ended before it"


class LiveInput:
    """Frames that are offered by one thread and labelled by another. See `teacher.Input`.

    Keys are made of topic and stamp, so that a bag replayed again adds what was missed and repeats nothing.
    """

    def __init__(self, topic: str, capacity: int, missed: Iterable[Missed] = ()) -> None:
        """Keep at most `capacity` frames waiting. `missed` are those of a run before that no manifest holds yet."""
        self.name = "live"
        self.topics: tuple[str, ...] = (topic,)
        self.length: int | None = None
        self.missed: deque[Missed] = deque(missed)
        """What will not be labelled, `lost` places too, in order; who has written one down takes it from the left."""
        self._capacity = capacity
        self._waiting: deque[Candidate] = deque()
        self._given: deque[Missed] = deque()
        self._changed = threading.Condition()
        self._ended = self._closed = False

    @property
    def unwritten(self) -> tuple[str, ...]:
        """Keys of the missed frames that no manifest holds yet, the newest first."""
        return tuple(frame.key for frame in reversed(self.missed.copy()) if frame.status == MISSED)

    @property
    def waiting(self) -> int:
        """Frames in the queue."""
        return len(self._waiting)

    def offer(self, stamp_ns: int, frame_id: str, read: Callable[[], NDArray[np.uint8]]) -> Missed | None:
        """Add a frame. Returned, and remembered in `missed`, is what will not be labelled; nothing is after `end`."""
        topic = self.topics[0]
        sequence = slug(topic)
        candidate = Candidate(f"{sequence}_{stamp_ns}", sequence, stamp_ns, frame_id, f"live:{topic}", read)
        with self._changed:
            if self._ended:
                return None
            if self._closed or len(self._waiting) >= self._capacity:
                missed = _missed(candidate, _TOO_LATE if self._closed else _NO_ROOM)
                self.missed.append(missed)
                return missed
            self._waiting.append(candidate)
            self._changed.notify()
        return None

    def lost(self, count: int, before_ns: int, after_ns: int) -> None:
        """Note that `count` frames never arrived, between those of two stamps."""
        topic = self.topics[0]
        reason = f"{count} frames never arrived, between the stamps {before_ns} and {after_ns} ns"
        place = Missed(f"{slug(topic)}_{before_ns}_to_{after_ns}", f"live:{topic}", after_ns, reason, DAMAGED)
        with self._changed:
            if not self._ended:
                self.missed.append(place)

    def end(self) -> None:
        """No frame is wanted any more; those that wait are still given out."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def settle(self, key: str | None = None) -> None:
        """It is decided what becomes of the frame `key` and of all that were given out before; None: of all."""
        with self._changed:
            keys = [frame.key for frame in self._given]
            count = len(keys) if key is None else keys.index(key) + 1 if key in keys else 0
            for _ in range(count):
                self._given.popleft()

    def __iter__(self) -> Iterator[Candidate | Unreadable]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ended or self._closed)
                if not self._waiting:
                    return
                candidate = self._waiting.popleft()
                self._given.append(_missed(candidate, _TOO_LATE))
            yield candidate

    def close(self) -> None:
        """Nobody labels any more: what waits, or was given out and not settled, is missed. May be called twice."""
        with self._changed:
            self._closed = True
            self.missed.extend(self._given)
            self.missed.extend(_missed(candidate, _TOO_LATE) for candidate in self._waiting)
            self._given.clear()
            self._waiting.clear()
            self._changed.notify()


def _missed(candidate: Candidate, reason: str) -> Missed:
    return Missed(candidate.key, candidate.source, candidate.stamp_ns, reason)
