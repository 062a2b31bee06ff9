"""Tracks as what a Detection2D holds, whoever makes the message: a node, or a bag.

A Detection2D has no field for state, velocity and centroid, so they are further hypotheses of score 0, each with its
name as class id and its numbers in the position of its pose; the first one is the object, as everywhere. The table is
in docs/tracking.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afss_ros.tracking.values import Part, Track

Named = tuple[str, tuple[float, float, float]]
_NOWHERE = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """A craft or a part.

    Attributes:
        identity: of a craft its number, of a part `<craft>/<part>`, of a tentative craft `tentative-<n>`.
        class_id: as LabelInfo has it.
        box_xyxy: float32 (4,).
        more: further hypotheses, by name.
    """

    identity: str
    class_id: str
    score: float
    box_xyxy: NDArray[np.float32]
    more: tuple[Named, ...]


def identity(track: Track) -> str:
    """What Detection2D.id says of a track: its number, or nothing while it is tentative."""
    return str(track.identity) if track.identity else ""


def flags(track: Track) -> tuple[str, ...]:
    """What is raised of `border` and `shared`."""
    return tuple(name for name, raised in (("border", track.at_border), ("shared", track.shared)) if raised)


def describe(tracks: Sequence[Track], class_ids: Mapping[str, int]) -> list[Described]:
    """Craft, each followed by its parts; a class that `class_ids` does not have goes under its name."""
    found = []
    for track in tracks:
        name = identity(track) or f"tentative-{track.serial}"
        found.append(_craft(track, name, class_ids))
        found += [_part(part, name) for part in track.parts]
    return found


def identities(tracks: Sequence[Track], detections: int) -> tuple[str, ...]:
    """The identity of each of a frame's detections, empty where it has none."""
    names = [""] * detections
    for track in tracks:
        if track.detection is not None and track.detection < detections:
            names[track.detection] = identity(track)
    return tuple(names)


def _craft(track: Track, name: str, class_ids: Mapping[str, int]) -> Described:
    class_id = class_ids.get(track.class_name)
    whole = track.seen.whole if track.seen is not None else None
    more: list[Named] = [
        (track.state.value, (track.age_s, track.unseen_s, 0.0)),
        ("velocity", (*track.velocity, 0.0)),
    ]
    if whole is not None:
        more.append(("centroid", (*whole.centroid, whole.area)))
    more += [(flag, _NOWHERE) for flag in flags(track)]
    return Described(
        name, str(class_id) if class_id is not None else track.class_name, track.score, track.box_xyxy, tuple(more)
    )


def _part(part: Part, craft: str) -> Described:
    return Described(
        f"{craft}/{part.name}", str(part.label), 1.0, part.box_xyxy, (("centroid", (*part.centroid, part.area)),)
    )
