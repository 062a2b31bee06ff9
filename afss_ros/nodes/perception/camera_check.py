"""Whether camera_info and the images tell the same story.

Boxes and masks are in pixels of the image; whoever projects them uses camera_info. When the two disagree about the
image size, every projection is wrong without an error anywhere, so the node says it on /diagnostics.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo

from afss_ros.camera import image_size

_KEPT = 32
"""Calibrations remembered by the stamp of their picture: more than ever wait for the student."""


class CameraCheck:
    """Listens to `camera_info` and compares its size with the images'."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._declared: tuple[int, int] | None = None
        self._seen: tuple[int, int] | None = None
        self.newest: CameraInfo | None = None
        """The last camera_info that came."""
        self._recent: deque[tuple[int, CameraInfo]] = deque(maxlen=_KEPT)
        self._subscription = node.create_subscription(CameraInfo, "camera_info", self._hear, qos_profile_sensor_data)

    @property
    def conflict(self) -> str:
        """How the newest camera_info contradicts the newest image; empty when it does not, or one is missing."""
        declared, seen = self._declared, self._seen
        if declared is None or seen is None or declared == seen:
            return ""
        return "camera_info says {}x{} pixels, the image has {}x{}".format(*declared, *seen)

    def at(self, stamp_ns: int) -> CameraInfo | None:
        """The camera_info of the picture with this stamp; the newest one where none has it; None where none came."""
        return next((info for stamp, info in tuple(self._recent) if stamp == stamp_ns), self.newest)

    def close(self) -> None:
        self._node.destroy_subscription(self._subscription)

    def see_image(self, width: int, height: int) -> None:
        self._seen = (width, height)

    def _hear(self, info: CameraInfo) -> None:
        before, self.newest = self.newest, info
        stamp = int(info.header.stamp.sec) * 1_000_000_000 + int(info.header.stamp.nanosec)
        # One object for as long as nothing changes: what is made of it is made once.
        same = before is not None and _calibration(before) == _calibration(info)
        if same:
            self.newest = before
        assert self.newest is not None
        self._recent.append((stamp, self.newest))
        self._declared = image_size(info)


def _calibration(info: CameraInfo) -> tuple[Any, ...]:
    """All that a camera_info says but its time."""
    roi = info.roi
    return (
        info.width, info.height, info.distortion_model, tuple(info.d), tuple(info.k), tuple(info.r), tuple(info.p),
        info.binning_x, info.binning_y, roi.x_offset, roi.y_offset, roi.width, roi.height, roi.do_rectify,
        info.header.frame_id,
    )  # fmt: skip
