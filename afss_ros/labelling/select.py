"""Which frames are worth labelling: every n-th, spaced in time, spaced in motion, and none twice.

Motion and sameness are told from one perceptual hash (`datasets.phash`). Hashes differ in bits; the hash of every
frame looked at is in the manifest, so a resumed run decides as the first one did, without decoding again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets.phash import BITS, distance
from afss_ros.teacher.errors import TeacherError


@dataclass(frozen=True, slots=True)
class Selection:
    """What to label of a sequence.

    Attributes:
        every: the n-th frame of every n.
        seconds: at least this much time between frames.
        motion: at least this many bits of hash between a frame and the one labelled before it; 0: any.
        duplicates: a frame within this many bits of *any* frame labelled before is a near-duplicate; -1: keep them.
    """

    every: int = 1
    seconds: float = 0.0
    motion: int = 0
    duplicates: int = 4

    def __post_init__(self) -> None:
        if self.every < 1 or self.seconds < 0 or not 0 <= self.motion <= BITS or not -1 <= self.duplicates <= BITS:
            raise TeacherError(
                f"frames: every must be 1 or more, seconds 0 or more, motion 0..{BITS}, duplicates -1..{BITS};"
                f" got {self.every}, {self.seconds}, {self.motion}, {self.duplicates}"
            )


class Selector:
    """Decides frame by frame; one for each sequence."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self._index = -1
        self._stamp_ns: int | None = None
        self._hashes = np.zeros((64, BITS // 8), np.uint8)
        self._keys: list[str] = []

    def in_time(self, stamp_ns: int) -> bool:
        """Whether the next frame is one to look at, by its place and time alone. Call once a frame, in order."""
        self._index += 1
        if self._index % self.selection.every:
            return False
        last = self._stamp_ns
        # A clock that jumps back starts the spacing anew, or a reset would silence the rest of the bag.
        if last is not None and 0 <= stamp_ns - last < round(self.selection.seconds * 1e9):
            return False
        self._stamp_ns = stamp_ns
        return True

    def reason_to_skip(self, hashed: NDArray[np.uint8]) -> str | None:
        """Why a frame with this hash adds nothing; None when it does."""
        if not self._keys:
            return None
        if self.selection.motion:
            moved = int(distance(self._hashes[len(self._keys) - 1], hashed))
            if moved < self.selection.motion:
                return f"moved {moved} bits since {self._keys[-1]}, less than {self.selection.motion}"
        if self.selection.duplicates >= 0:
            bits = distance(self._hashes[: len(self._keys)], hashed)
            nearest = int(np.argmin(bits))
            if bits[nearest] <= self.selection.duplicates:
                return f"near-duplicate of {self._keys[nearest]} ({int(bits[nearest])} bits)"
        return None

    def take(self, key: str, hashed: NDArray[np.uint8]) -> None:
        """Remember a frame that will be labelled."""
        count = len(self._keys)
        if count == len(self._hashes):
            self._hashes = np.concatenate([self._hashes, np.zeros_like(self._hashes)])
        self._hashes[count] = hashed
        self._keys.append(key)
