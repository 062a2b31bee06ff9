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
RAW, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"


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
        self._transport = transport
        self._faults: set[str] = set()

    def publishers(self) -> int:
        """How many publish the topic, as the graph is known here."""
        return int(self._node.count_publishers(self.topic))

    def fault(self) -> str:
        """Why images that others publish cannot arrive, as the graph stands now; empty when nothing is wrong.

        DDS does not match topics of different types and tells nobody. A new fault is a warning in the log too.
        """
        found = self._find_fault()
        if found and found not in self._faults:
            self._faults.add(found)
            self._node.get_logger().warning(found)
        return found

    def _find_fault(self) -> str:
        kind = COMPRESSED if self._transport == "compressed" else RAW
        others = {info.topic_type for info in self._node.get_publishers_info_by_topic(self.topic)}
        if wrong := sorted(others - {kind}):
            return (
                f"{self.topic} carries {', '.join(wrong)}, and {kind} is expected; {self._cure(self.topic, wrong[0])}"
            )
        if others:
            return ""
        base = self.topic.removesuffix("/compressed") if self._transport == "compressed" else self.topic
        for topic in dict.fromkeys((base, f"{base}/compressed", base.rpartition("/")[0])):
            types = {info.topic_type for info in self._node.get_publishers_info_by_topic(topic)} if topic else set()
            if topic != self.topic and (kinds := sorted(types & {RAW, COMPRESSED})):
                return f"nobody publishes {self.topic}, but {topic} carries {kinds[0]}; {self._cure(topic, kinds[0])}"
        return ""

    def _cure(self, topic: str, kind: str) -> str:
        """What to set so that images of this topic and type arrive."""
        if kind == RAW:
            transport = "" if self._transport == "raw" else "set input.image_transport to raw and "
            return f"{transport}remap image to {topic}"
        if kind == COMPRESSED and topic.endswith("/compressed"):
            transport = "" if self._transport == "compressed" else "set input.image_transport to compressed and "
            return f"{transport}remap image to {topic.removesuffix('/compressed')} (the suffix is added)"
        if kind == COMPRESSED:
            return f"compressed images are looked for at <image>/compressed: remap the publisher to {topic}/compressed"
        return "remap image to the topic of a camera"

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


class Decoder:
    """Messages to RGB, and whether grey ones look as if the camera used fewer bits than it is believed to.

    Args:
        grey_bits: of a mono16 pixel, how many the camera uses, the lowest ones; asked for every image.
    """

    def __init__(self, grey_bits: Callable[[], int]) -> None:
        self._grey_bits = grey_bits
        self._brightest = -1

    def __call__(self, message: ImageMessage) -> NDArray[np.uint8]:
        """See `to_rgb`."""
        bits = self._grey_bits()
        image = to_rgb(message, bits)
        if getattr(message, "encoding", "") == "mono16" and bits == 16:
            self._brightest = max(self._brightest, int(image[:, :, 0].max()))
        return image

    @property
    def fault(self) -> str:
        """What is odd about the grey levels so far; empty when nothing is."""
        if self._grey_bits() != 16 or not 0 <= self._brightest < images.TWELVE_BITS_OF_16:
            return ""
        return images.FEW_BITS.format(parameter="input.grey_bits")


def to_rgb(message: ImageMessage, grey_bits: int = 16) -> NDArray[np.uint8]:
    """Decode a message: uint8 (H, W, 3), RGB.

    Raises:
        images.ImageError: the message cannot be an image (size, step, encoding, truncated data).
    """
    if isinstance(message, CompressedImage):
        return images.decode_compressed(message.data, message.format, grey_bits=grey_bits)
    try:
        return images.to_rgb(
            height=message.height,
            width=message.width,
            encoding=message.encoding,
            step=message.step,
            data=message.data,
            is_bigendian=bool(message.is_bigendian),
            grey_bits=grey_bits,
        )
    except images.UnsupportedEncoding as unsupported:
        if message.encoding in images.DEPTH:
            raise
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
