"""A live camera, or the replay of a bag, as an input: frames wait in a bounded queue, and what did not fit is named."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from afss_ros.sources import Unreadable
from afss_ros.teacher.inputs import Candidate, slug


class LiveInput:
    """Frames that are offered by one thread and labelled by another. See `teacher.Input`.

    Keys are made of topic and stamp, so that a bag replayed again adds what was missed and repeats nothing.
    """

    def __init__(self, topic: str, capacity: int) -> None:
        """Keep at most `capacity` frames waiting."""
        self.name = "live"
        self.topics: tuple[str, ...] = (topic,)
        self.length: int | None = None
        self.missed: list[str] = []
        """Keys of the frames that could not be kept up with, in order."""
        self._capacity = capacity
        self._waiting: deque[Candidate] = deque()
        self._changed = threading.Condition()
        self._ended = False

    @property
    def waiting(self) -> int:
        """Frames in the queue."""
        return len(self._waiting)

    def offer(self, stamp_ns: int, frame_id: str, read: Callable[[], NDArray[np.uint8]]) -> bool:
        """Add a frame; False when there is no room for it, which is remembered in `missed`."""
        topic = self.topics[0]
        sequence = slug(topic)
        key = f"{sequence}_{stamp_ns}"
        with self._changed:
            if self._ended:
                return False
            if len(self._waiting) >= self._capacity:
                self.missed.append(key)
                return False
            self._waiting.append(Candidate(key, sequence, stamp_ns, frame_id, f"live:{topic}", read))
            self._changed.notify()
        return True

    def end(self) -> None:
        """No frame will come any more; those that wait are still given out."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def __iter__(self) -> Iterator[Candidate | Unreadable]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ended)
                if not self._waiting:
                    return
                candidate = self._waiting.popleft()
            yield candidate

    def close(self) -> None:
        """End, so that nobody waits for a frame that will not come."""
        self.end()
