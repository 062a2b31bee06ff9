"""Craft through the frames of a source, as the messages that a node would publish of them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np

from afss_ros.bags import messages, spatial
from afss_ros.camera import CameraInfo
from afss_ros.labels import SPACECRAFT
from afss_ros.perception import Frame, Perception
from afss_ros.student.doubt import Glance, doubt, glance
from afss_ros.tracking import Settings, Tracker
from afss_ros.tracking.described import describe, flags, identities, identity
from afss_ros.tracking.placed import Placed, by_length, place
from afss_ros.tracking.rays import Rays
from afss_ros.tracking.settings import TrackingError, least_score

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """What a frame's detections are called, and the messages that tell more, by the names of their topics."""

    identities: tuple[str, ...]
    messages: tuple[tuple[str, Any], ...]


class Follower:
    """Follows craft from frame to frame.

    Args:
        threshold: of the detections' scores.
        length_m: largest dimension of the craft; 0 is unknown.
        rectified: whether the pictures are rectified already.
    """

    def __init__(self, threshold: float, length_m: float, *, rectified: bool = False) -> None:
        self._tracker = Tracker(Settings(least_score=least_score(threshold)))
        self._threshold = threshold
        self._length_m = length_m
        self._rectified = rectified
        self._rays: tuple[CameraInfo, Rays | None] | None = None
        self._before: Glance | None = None
        self._warned: set[str] = set()

    def __call__(self, frame: Frame, perception: Perception, camera: CameraInfo | None) -> Followed:
        """Follow into a frame, whose camera may be known."""
        size = frame.image.shape[0], frame.image.shape[1]
        stamp_ns, frame_id = frame.stamp_ns, frame.frame_id or "camera"
        tracks = self._tracker(perception, size)
        class_ids = {name: number for number, name in perception.class_names.items()}
        told = [("tracks", spatial.detections_2d(describe(tracks, class_ids), stamp_ns, frame_id))]
        if (rays := self._rays_of(camera)) is not None:
            placed = place(rays, tracks, frame.image, by_length(rays, self._length_m), self._warn)
            bearings = [_thing(p, p.bearing.direction, p.bearing.covariance, 0.0) for p in placed]
            told.append(("bearings", spatial.detections_3d(bearings, stamp_ns, frame_id)))
            if self._length_m > 0:
                positions = [
                    _thing(p, p.position, p.covariance, self._length_m)
                    for p in placed
                    if p.position is not None and p.covariance is not None
                ]
                told.append(("positions", spatial.detections_3d(positions, stamp_ns, frame_id)))
        now = glance(perception, size)
        judged = doubt(perception, now, self._before, threshold=self._threshold)
        self._before = now
        told_of_craft = {} if perception.presence is None else {"craft": perception.presence}
        numbers = {"doubt": judged.score, **judged.reasons, **told_of_craft}
        values = {name: f"{value:.3f}" for name, value in numbers.items()}
        told.append(("doubt", messages.diagnostics("run: doubt", judged.reason, values, stamp_ns, frame_id)))
        return Followed(identities(tracks, len(perception.detections)), tuple(told))

    def _rays_of(self, camera: CameraInfo | None) -> Rays | None:
        if camera is None:
            self._warn("the source tells nothing of its camera, so tracks have no bearing")
            return None
        if self._rays is None or self._rays[0] is not camera:
            try:
                self._rays = camera, Rays(camera, rectified=self._rectified)
            except TrackingError as error:
                self._warn(f"no bearings: {error}")
                self._rays = camera, None
        return self._rays[1]

    def _warn(self, sentence: str) -> None:
        if sentence not in self._warned and len(self._warned) < 20:
            self._warned.add(sentence)
            _log.warning("%s", sentence)


def _thing(
    placed: Placed, position: np.ndarray[Any, np.dtype[np.float64]], covariance: Any, length_m: float
) -> spatial.Thing:
    whole = np.zeros((6, 6))
    whole[:3, :3] = covariance
    return spatial.Thing(
        identity(placed.track), str(SPACECRAFT), placed.track.score, position, np.eye(3), np.full(3, length_m), whole,
        tuple((flag, (0.0, 0.0, 0.0)) for flag in flags(placed.track)),
    )  # fmt: skip
