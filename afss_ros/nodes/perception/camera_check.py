"""Whether camera_info and the images tell the same story.

Boxes and masks are in pixels of the image; whoever projects them uses camera_info. When the two disagree about the
image size, every projection is wrong without an error anywhere, so the node says it on /diagnostics.
"""

from __future__ import annotations

from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo

from afss_ros.camera import image_size


class CameraCheck:
    """Listens to `camera_info` and compares its size with the images'."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._declared: tuple[int, int] | None = None
        self._seen: tuple[int, int] | None = None
        self.newest: CameraInfo | None = None
        """The last camera_info that came."""
        self._subscription = node.create_subscription(CameraInfo, "camera_info", self._hear, qos_profile_sensor_data)

    @property
    def conflict(self) -> str:
        """How the newest camera_info contradicts the newest image; empty when it does not, or one is missing."""
        declared, seen = self._declared, self._seen
        if declared is None or seen is None or declared == seen:
            return ""
        return "camera_info says {}x{} pixels, the image has {}x{}".format(*declared, *seen)

    def close(self) -> None:
        self._node.destroy_subscription(self._subscription)

    def see_image(self, width: int, height: int) -> None:
        self._seen = (width, height)

    def _hear(self, info: CameraInfo) -> None:
        self.newest = info
        self._declared = image_size(info)
