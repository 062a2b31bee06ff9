"""Perception in this process: what perception_node does with tracking, without a graph."""

from __future__ import annotations

import numpy as np

from afss_ros.perception import Frame
from afss_ros.student import Student
from afss_ros.tracking import Settings, Tracker
from afss_ros.tracking.placed import Placed, by_length, place
from afss_ros.tracking.rays import Rays
from examples.rendezvous.navigation import Sight
from examples.rendezvous.world import View

COAST_S = 6.0
"""At a frame a second."""


class InProcess:
    """A student, a tracker, and the length of the target."""

    def __init__(self, student: Student, length_m: float) -> None:
        self._student = student
        self._length_m = length_m
        self._tracker = Tracker(Settings(coast_s=COAST_S))

    def __call__(self, time: float, view: View) -> list[Sight]:
        frame = Frame(view.picture, round(time * 1e9) + 1)
        tracks = self._tracker(self._student(frame), (view.picture.shape[0], view.picture.shape[1]))
        rays = Rays(view.camera)
        return [
            _sight(time, found)
            for found in place(rays, tracks, view.picture, by_length(rays, self._length_m))
            if not found.track.at_border
        ]


def _sight(time: float, found: Placed) -> Sight:
    ray = found.bearing
    if found.position is None or found.covariance is None:
        return Sight(time, str(found.track.identity), ray.direction, ray.covariance)
    sigma = float(np.sqrt(ray.direction @ found.covariance @ ray.direction))
    metres = float(np.linalg.norm(found.position))
    return Sight(time, str(found.track.identity), ray.direction, ray.covariance, metres, sigma)
