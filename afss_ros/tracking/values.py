"""What a tracker says of a frame: craft with identities, and their parts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from afss_ros.student.regions import Seen


class State(Enum):
    """How sure it is that a track is a craft, and that it is there."""

    TENTATIVE = "tentative"
    CONFIRMED = "confirmed"
    COASTING = "coasting"
    LOST = "lost"


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A part of a craft, in source pixels.

    Attributes:
        name: `body`, `panel.1`, `antenna.2`: stays with the part while its craft is tracked.
        label: id of its class.
        box_xyxy: float32 (4,).
        centroid: x, y.
        area: pixels.
    """

    name: str
    label: int
    box_xyxy: NDArray[np.float32]
    centroid: tuple[float, float]
    area: float


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """A craft in one frame.

    Attributes:
        identity: a number that stays with the craft, from 1; 0 while it is tentative.
        serial: a number of this track alone, also while it is tentative.
        state: see `State`; a track is LOST in one frame, the last that tells of it.
        class_name: of the detections.
        box_xyxy: float32 (4,): as detected, or as predicted while coasting.
        score: of the detection; while coasting, that of the last one.
        velocity: x, y of the centre, px/s.
        age_s: seconds since it was first seen.
        unseen_s: seconds since it was last seen, 0 when this frame shows it.
        detection: its place among the frame's detections, rejected ones counted on after them; None when unseen or
            when it shares one with another craft, which covers it or which it covers.
        shared: whether one detection holds it and another craft.
        at_border: whether its box touches the frame's border.
        seen: its pixels.
        parts: as seen in this frame.
    """

    identity: int
    serial: int
    state: State
    class_name: str
    box_xyxy: NDArray[np.float32]
    score: float
    velocity: tuple[float, float]
    age_s: float
    unseen_s: float
    detection: int | None
    shared: bool
    at_border: bool
    seen: Seen | None
    parts: tuple[Part, ...]
