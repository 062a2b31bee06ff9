"""Candidates in order, each with what some worker saw of it: looking takes as long as decoding does, deciding nothing.

Whether a frame is worth a look follows from its place and time alone; so looks can be asked for ahead of the decisions,
which need them in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from afss_ros.cluster import Shard
from afss_ros.images import ImageError
from afss_ros.labelling.inputs import Candidate, Input, ManyInputs
from afss_ros.labelling.select import Selection, Selector
from afss_ros.labelling.spread.step import Look, Place, Seen
from afss_ros.sources import Unreadable

SIZE = 32
"""Frames of one look."""
AHEAD = 1024
"""Frames that may be read ahead of the decisions: what is held of each is a few hundred bytes."""


@dataclass(frozen=True, slots=True)
class Placed(Candidate):
    """A candidate that only workers can read; `place` is where."""

    place: Place = (0, 0)


@dataclass(slots=True)
class _Item:
    item: Candidate | Unreadable
    place: Place
    awaited: bool


class Looks:
    """Candidates with what was seen of them; None where a look has not come back yet. Iterate once.

    Attributes:
        wanted: looks to be asked for, taken from the left by whoever asks.
    """

    def __init__(
        self, source: Input, names: Sequence[str], selection: Selection, is_known: Callable[[str], bool]
    ) -> None:
        self.wanted: deque[Shard] = deque()
        self._source, self._names = source, names
        self._selection, self._is_known = selection, is_known
        self._selectors: dict[str, Selector] = {}
        self._seen: dict[Place, Seen | None] = {}
        self._batch: list[Place] = []

    def __iter__(self) -> Iterator[Candidate | Unreadable | None]:
        items = self._items()
        pending: deque[_Item] = deque()
        exhausted = False
        while True:
            while not exhausted and len(pending) < AHEAD:
                more = next(items, None)
                if more is None:
                    exhausted = True
                else:
                    pending.append(more)
            self._flush()
            if not pending:
                return
            first = pending[0]
            if first.awaited and first.place not in self._seen:
                yield None
                continue
            pending.popleft()
            item = first.item
            if first.awaited:
                seen = self._seen.pop(first.place)
                if seen is None:  # set aside: as if it were not there, this time
                    continue
                assert isinstance(item, Placed)
                item = replace(item, seen=partial(_given, seen))
            yield item

    def settle(self, look: Look, seen: Sequence[Seen] | None) -> None:
        """A look has come back; None where it was set aside."""
        for number, place in enumerate(look.places):
            self._seen[look.recording, place] = None if seen is None else seen[number]

    def _items(self) -> Iterator[_Item]:
        many = self._source if isinstance(self._source, ManyInputs) else None
        for recording in range(len(many.parts) if many else 1):
            part = many.part(recording) if many else iter(self._source)
            for index, item in enumerate(part):
                place = recording, index
                awaited = isinstance(item, Candidate) and self._is_worth_it(item)
                if awaited:
                    if self._batch and self._batch[0][0] != recording:
                        self._flush()
                    self._batch.append(place)
                    if len(self._batch) == SIZE:
                        self._flush()
                if isinstance(item, Candidate):  # without its message
                    c = item
                    item = Placed(c.key, c.sequence, c.stamp_ns, c.frame_id, c.source, _elsewhere, place=place)
                yield _Item(item, place, awaited)

    def _is_worth_it(self, item: Candidate) -> bool:
        selector = self._selectors.setdefault(item.sequence, Selector(self._selection))
        return selector.in_time(item.stamp_ns) and not self._is_known(item.key)

    def _flush(self) -> None:
        if not self._batch:
            return
        recording, places = self._batch[0][0], tuple(index for _, index in self._batch)
        each = tuple(Shard(self._named(recording, (p,)), Look(recording, (p,))) for p in places)
        self.wanted.append(Shard(self._named(recording, places), Look(recording, places), each))
        self._batch = []

    def _named(self, recording: int, places: Sequence[int]) -> str:
        which = f"frame {places[0]}" if len(places) == 1 else f"frames {places[0]} to {places[-1]}"
        return f"{self._names[recording]}: looking at {which}"


def _given(seen: Seen) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    if isinstance(seen, str):
        raise ImageError(seen)
    hashed, height, width = seen
    return np.frombuffer(bytes.fromhex(hashed), np.uint8), (height, width)


def _elsewhere() -> NoReturn:
    raise ImageError("this frame is decoded by a worker")
