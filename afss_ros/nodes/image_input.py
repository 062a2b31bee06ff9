"""Camera images in: the subscription, and the way from a message to RGB.

`image` is remapped like any topic; with the compressed transport the subscription is to <image>/compressed, the
remapped name first, as image_transport does it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSPolicyKind, QoSProfile, ReliabilityPolicy, qos_policy_name_from_kind
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CompressedImage, Image

from afss_ros import images

ImageMessage: TypeAlias = "Image | CompressedImage"


class ImageInput:
    """A subscription to a camera that keeps only the newest image.

    Args:
        transport: "raw" or "compressed".
        reliability: "best_effort" or "reliable".
        on_image: called in the executor's thread with every message.
    """

    def __init__(
        self, node: Node, *, transport: str, reliability: str, on_image: Callable[[ImageMessage], None]
    ) -> None:
        self._node = node
        base = node.resolve_topic_name("image")
        self.topic = f"{base}/compressed" if transport == "compressed" else base
        self._reliability = reliability
        self._subscription = node.create_subscription(
            CompressedImage if transport == "compressed" else Image,
            self.topic,
            on_image,
            QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy[reliability.upper()]),
            event_callbacks=SubscriptionEventCallbacks(incompatible_qos=self._warn_incompatible),
            # Reliability has a parameter of its own, which works across a reload; two ways to set it would fight.
            qos_overriding_options=QoSOverridingOptions((QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH)),
        )

    def close(self) -> None:
        self._node.destroy_subscription(self._subscription)

    def _warn_incompatible(self, event: Any) -> None:
        policy = qos_policy_name_from_kind(event.last_policy_kind)
        cure = (
            "set input.reliability to best_effort"
            if self._reliability == "reliable" and policy == "RELIABILITY"
            else f"make the publisher's {policy} compatible (see `ros2 topic info --verbose {self.topic}`)"
        )
        self._node.get_logger().warning(
            f"a publisher on {self.topic} offers an incompatible {policy}: its images will not arrive; {cure}"
        )


def to_rgb(message: ImageMessage) -> NDArray[np.uint8]:
    """Decode a message: uint8 (H, W, 3), RGB.

    Raises:
        images.ImageError: the message cannot be an image (size, step, encoding, truncated data).
    """
    if isinstance(message, CompressedImage):
        return images.decode_compressed(message.data, message.format)
    try:
        return images.to_rgb(
            height=message.height,
            width=message.width,
            encoding=message.encoding,
            step=message.step,
            data=message.data,
            is_bigendian=bool(message.is_bigendian),
        )
    except images.UnsupportedEncoding as unsupported:
        return _through_cv_bridge(message, unsupported)


def _through_cv_bridge(message: Image, unsupported: images.UnsupportedEncoding) -> NDArray[np.uint8]:
    """Encodings that numpy views do not cover. cv_bridge is optional: pip has none, and apt's needs NumPy 1."""
    try:
        from cv_bridge import CvBridge
    except Exception as error:  # with NumPy 2, apt's cv_bridge raises more than ImportError
        raise images.UnsupportedEncoding(f"{unsupported} (and cv_bridge is not usable: {error})") from unsupported
    try:
        return np.ascontiguousarray(CvBridge().imgmsg_to_cv2(message, desired_encoding="rgb8"), np.uint8)
    except Exception as error:
        raise images.ImageError(f"cv_bridge cannot convert encoding {message.encoding!r}: {error}") from error
