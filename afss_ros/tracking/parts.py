"""The names of a craft's parts, kept while the craft is tracked.

A part is known by its class and by where it is in the craft's box. What the body covers for a while gets its name back;
what is gone for long loses it, and the name is not given again.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

import numpy as np
from numpy.typing import NDArray

from afss_ros import labels
from afss_ros.student.regions import Region
from afss_ros.tracking.values import Part

_REACH = 0.3
"""How far a part moves within its craft's box between two sightings at most, in the box's diagonal of 1."""
_KEPT_S = 3.0
_MOST = 24
"""Names remembered of one craft."""


@dataclass(slots=True)
class _Known:
    name: str
    label: int
    place: tuple[float, float]
    unseen_s: float


class Parts:
    """Remembers the parts of one craft."""

    __slots__ = ("_counts", "_known")

    def __init__(self) -> None:
        self._known: list[_Known] = []
        self._counts: dict[int, int] = {}

    def follow(self, seen: tuple[Region, ...], box: NDArray[np.float64], dt: float) -> tuple[Part, ...]:
        """Name the parts that a frame shows of a craft within its box (4,), `dt` seconds after the frame before."""
        for known in self._known:
            known.unseen_s += dt
        self._known = [known for known in self._known if known.unseen_s <= _KEPT_S]
        centre = float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2
        size = max(hypot(float(box[2] - box[0]), float(box[3] - box[1])), 1.0)
        places = [((r.centroid[0] - centre[0]) / size, (r.centroid[1] - centre[1]) / size) for r in seen]
        pairs = sorted(
            (hypot(place[0] - known.place[0], place[1] - known.place[1]), i, j)
            for i, (region, place) in enumerate(zip(seen, places, strict=True))
            for j, known in enumerate(self._known)
            if region.label == known.label
        )
        names: dict[int, _Known] = {}
        taken: set[int] = set()
        for distance, i, j in pairs:
            if i not in names and j not in taken and (distance <= _REACH or seen[i].label == labels.BODY):
                names[i] = self._known[j]
                taken.add(j)
        for i, region in enumerate(seen):
            if i not in names:
                names[i] = self._new(region.label, places[i])
            names[i].place, names[i].unseen_s = places[i], 0.0
        self._known = sorted(self._known, key=lambda known: known.unseen_s)[:_MOST]
        return tuple(
            Part(names[i].name, region.label, region.box_xyxy, region.centroid, region.area)
            for i, region in enumerate(seen)
        )

    def _new(self, label: int, place: tuple[float, float]) -> _Known:
        kind = labels.CLASS_NAMES.get(label, str(label))
        count = self._counts[label] = self._counts.get(label, 0) + 1
        known = _Known("body" if label == labels.BODY else f"{kind}.{count}", label, place, 0.0)
        self._known.append(known)
        return known
