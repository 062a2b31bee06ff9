"""Frames as a camera driver would publish them: images, raw or compressed, each with its CameraInfo."""

from __future__ import annotations

import array
from collections.abc import Callable
from dataclasses import asdict

from builtin_interfaces.msg import Time
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo as CameraInfoMessage
from sensor_msgs.msg import CompressedImage, Image, RegionOfInterest
from std_msgs.msg import Header

from afss_ros.camera import CameraInfo
from afss_ros.images import encode_compressed
from afss_ros.nodes.messages import image_message
from afss_ros.perception import Frame

_DEPTH = 10
_ACKNOWLEDGE_S = 5


class CameraPublisher:
    """Publishes on `image` (or `image`/compressed) and on `camera_info` beside it.

    Args:
        compressed: None for raw images, else the format and the JPEG quality.
        camera_info: the calibration of the newest frame, None where the source carries none; published as recorded.
        horizontal_fov: of the pinhole that stands in for it where there is none, in radians.
    """

    def __init__(
        self,
        node: Node,
        *,
        reliability: str,
        compressed: tuple[str, int] | None,
        camera_info: Callable[[], CameraInfo | None],
        horizontal_fov: float,
    ) -> None:
        qos = QoSProfile(
            history=HistoryPolicy.KEEP_LAST, depth=_DEPTH, reliability=ReliabilityPolicy[reliability.upper()]
        )
        base = node.resolve_topic_name("image")
        self.topic = base if compressed is None else f"{base}/compressed"
        self._compressed = compressed
        self._images = node.create_publisher(Image if compressed is None else CompressedImage, self.topic, qos)
        self._infos = node.create_publisher(CameraInfoMessage, "camera_info", qos)
        self._reliable = reliability == "reliable"
        self._camera_info = camera_info
        self._horizontal_fov = horizontal_fov

    @property
    def subscriber_count(self) -> int:
        return int(self._images.get_subscription_count())

    def publish(self, frame: Frame, stamp: Time, frame_id: str) -> None:
        """Publish one frame under a stamp and frame of the caller's choice."""
        header = Header(stamp=stamp, frame_id=frame_id)
        height, width = frame.image.shape[:2]
        self._infos.publish(camera_info_message(self._info_for(width, height), header))
        self._images.publish(self._image(frame, header))

    def flush(self) -> bool:
        """Wait until the reliable subscribers have everything; False when they did not within 5 s."""
        if not self._reliable:
            return True
        timeout = Duration(seconds=_ACKNOWLEDGE_S)
        return bool(self._images.wait_for_all_acked(timeout)) and bool(self._infos.wait_for_all_acked(timeout))

    def _image(self, frame: Frame, header: Header) -> Image | CompressedImage:
        if self._compressed is None:
            return image_message(frame.image, "rgb8", header)
        image_format, quality = self._compressed
        data = array.array("B", encode_compressed(frame.image, image_format, quality))
        return CompressedImage(header=header, format=image_format, data=data)

    def _info_for(self, width: int, height: int) -> CameraInfo:
        known = self._camera_info()
        return CameraInfo.pinhole(width, height, self._horizontal_fov) if known is None else known


def camera_info_message(info: CameraInfo, header: Header) -> CameraInfoMessage:
    """A calibration as sensor_msgs/CameraInfo."""
    return CameraInfoMessage(
        header=header,
        height=int(info.height),
        width=int(info.width),
        distortion_model=info.distortion_model,
        d=info.d.tolist(),
        k=info.k.ravel().tolist(),
        r=info.r.ravel().tolist(),
        p=info.p.ravel().tolist(),
        binning_x=info.binning_x,
        binning_y=info.binning_y,
        roi=RegionOfInterest(**asdict(info.roi)),
    )
