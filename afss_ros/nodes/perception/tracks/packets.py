"""Frames for a radio: `~/packets`, a space packet a message, made only while somebody listens."""

from __future__ import annotations

import array
import time
from collections.abc import Callable

from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSProfile
from std_msgs.msg import UInt8MultiArray

from afss_ros.downlink import Downlink, summary
from afss_ros.downlink.gather import gather
from afss_ros.nodes.perception.parameters import Settings
from afss_ros.nodes.perception.tracks.tracks import Tracks
from afss_ros.perception import Frame, Perception

_DEPTH = QoSProfile(depth=50)


class Packets:
    """Summarises frames and publishes them as fast as `downlink.bits_per_second` allows, most doubtful first.

    Args:
        settings: read for every frame.
        tracks: what is known of craft.
        clock: steady seconds.
    """

    def __init__(
        self,
        node: LifecycleNode,
        settings: Callable[[], Settings],
        tracks: Tracks,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._node = node
        self._settings = settings
        self._tracks = tracks
        self._clock = clock
        self._publisher = node.create_publisher(UInt8MultiArray, "~/packets", _DEPTH)
        self._downlink: Downlink | None = None

    @property
    def are_wanted(self) -> bool:
        """Whether somebody listens."""
        return bool(self._publisher.get_subscription_count())

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """For /diagnostics: key and value; nothing before the first frame that somebody listened to."""
        link = self._downlink
        if link is None:
            return ()
        counts = {"sent": link.sent, "waiting": link.waiting, "dropped": link.dropped}
        return tuple((f"downlink.{name}", str(count)) for name, count in counts.items())

    def offer(self, frame: Frame, perception: Perception, doubt: float) -> None:
        """Take a frame with its doubt, and publish what the link has room for now."""
        settings = self._settings()
        link = self._downlink
        how = settings.downlink_apid, settings.downlink_bits_per_second
        if link is None or (link.apid, link.bits_per_second) != how:
            link = self._downlink = Downlink(*how)
        size = frame.image.shape[0], frame.image.shape[1]
        told = gather(perception, size, doubt, *self._tracks.newest)
        link.offer(summary.encode(told), frame.stamp_ns, doubt)
        for packet in link.due(self._clock()):
            self._publisher.publish(UInt8MultiArray(data=array.array("B", packet)))

    def close(self) -> None:
        self._node.destroy_publisher(self._publisher)
