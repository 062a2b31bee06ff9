"""A frame's craft in space: what a filter takes of a tracker and a calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afss_ros.tracking import ranging
from afss_ros.tracking.bearing import Bearing, bearing, light_of
from afss_ros.tracking.rays import Rays
from afss_ros.tracking.settings import TrackingError
from afss_ros.tracking.values import State, Track

Array = NDArray[np.float64]
Ranger = Callable[[Track, Bearing], ranging.Range | None]
"""How far a craft is, if that can be told."""


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A craft with its bearing and, if it has a range, its position (3,) and covariance (3, 3), metres."""

    track: Track
    bearing: Bearing
    position: Array | None = None
    covariance: Array | None = None


def place(
    rays: Rays,
    tracks: Sequence[Track],
    image: NDArray[np.uint8],
    ranger: Ranger,
    warn: Callable[[str], None] = lambda sentence: None,
) -> list[Placed]:
    """Bearing and perhaps position of every confirmed craft that a frame (H, W, 3) shows by itself.

    Args:
        warn: told why a craft has no bearing.
    """
    found = []
    for track in tracks:
        if track.state is not State.CONFIRMED or track.detection is None:
            continue
        light = light_of(image, track.box_xyxy, track.seen)
        try:
            ray = bearing(rays, track.box_xyxy, track.seen, at_border=track.at_border, light=light)
        except TrackingError as error:
            warn(f"no bearing of craft {track.identity}: {error}")
            continue
        told = ranger(track, ray)
        where = () if told is None else ranging.position(ray.direction, ray.covariance, told)
        found.append(Placed(track, ray, *where))
    return found


def by_length(rays: Rays, length_m: float) -> Ranger:
    """Ranges from the craft's largest dimension in metres; none where that is 0."""

    def of(track: Track, ray: Bearing) -> ranging.Range | None:
        if length_m <= 0:
            return None
        diameter = ranging.diameter_of(track.seen, track.box_xyxy)
        return ranging.from_length(diameter, rays.focal, length_m, at_border=track.at_border)

    return of
