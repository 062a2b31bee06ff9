"""One recording as blocks of time: what is left to validate on when there is no second one.

Weaker than another recording: craft, light and background are the same on both sides of a cut, so scores of such a
validation choose between steps of one training, and say little about the next flight.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

GUARD = 0.05
"""Share of the frames that are dropped at a cut, for the frames on its two sides resemble each other most."""

_NEAR = 0.1
"""How far a cut may move to fall into a gap of the recording, as a share of the frames."""


def cut_sequence(times: Sequence[float], val: float, test: float) -> list[str] | None:
    """Cut one sequence into `train`, then `val`, then `test`, each a block of time.

    A cut falls into a gap of the recording where a large one is near; elsewhere the frames before it are dropped.

    Args:
        times: of each frame, in any unit and order.
        val, test: wanted shares of the frames.

    Returns:
        The split of each frame, "" for one that is dropped; None when there are too few frames to cut.

    >>> cut_sequence([0, 1, 2, 3, 4, 5], val=0.3, test=0.0)
    ['train', 'train', 'train', '', 'val', 'val']
    >>> cut_sequence([0, 1, 2, 3, 60, 61], val=0.3, test=0.0)
    ['train', 'train', 'train', 'train', 'val', 'val']
    """
    order = np.argsort(np.asarray(times, np.float64), kind="stable")
    intervals = np.diff(np.asarray(times, np.float64)[order])
    splits = ["" for _ in times]
    end = len(times)
    for split, share in (("test", test), ("val", val)):
        if share <= 0:
            continue
        stop, start = _cut(intervals, end - max(1, round(share * len(times))), end)
        if stop < 1:
            return None
        for i in order[start:end]:
            splits[i] = split
        end = stop
    for i in order[:end]:
        splits[i] = "train"
    return splits


def _cut(intervals: np.ndarray[tuple[int], np.dtype[np.float64]], wanted: int, end: int) -> tuple[int, int]:
    """Where the earlier block stops and the later one starts; what is between them is dropped.

    Args:
        intervals: float64 (N - 1,), from each frame to the next.
        wanted: where the later block should start.
        end: where it ends.
    """
    frames = len(intervals) + 1
    guard, slack = max(1, round(GUARD * frames)), round(_NEAR * frames)
    first, last = max(1, wanted - slack), min(end - 1, wanted + slack)
    if first <= last:
        place = first + int(np.argmax(intervals[first - 1 : last]))
        if intervals[place - 1] > (guard + 1) * np.median(intervals):
            return place, place
    return wanted - guard, wanted
