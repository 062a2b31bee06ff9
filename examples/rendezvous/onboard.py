"""Perception in this process: what perception_node does with tracking, without a graph."""

from __future__ import annotations

import numpy as np

from afss_ros.perception import Frame
from afss_ros.student import Student
from afss_ros.tracking import Settings, State, Tracker, bearing, ranging
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
        sights = []
        for track in tracks:
            if track.state is not State.CONFIRMED or track.detection is None or track.at_border:
                continue
            light = bearing.light_of(view.picture, track.box_xyxy, track.seen)
            ray = bearing.bearing(rays, track.box_xyxy, track.seen, at_border=False, light=light)
            told = ranging.from_length(ranging.diameter_of(track.seen, track.box_xyxy), rays.focal, self._length_m)
            sights.append(
                Sight(
                    time,
                    str(track.identity),
                    ray.direction,
                    np.asarray(ray.covariance),
                    told.metres if told else None,
                    told.sigma if told else None,
                )
            )
        return sights
