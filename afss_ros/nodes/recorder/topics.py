"""Topics of the running graph into a bag, message by message, as the bytes that came over the wire."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.topic_endpoint_info import TopicEndpointInfo

from afss_ros.bags import LATCHED, BagError, BagWriter
from afss_ros.nodes.message_types import message_class

QUEUE_DEPTH = 100
"""Messages that may wait while the disk is busy."""


class TopicRecorder:
    """Writes every message of the chosen topics to a bag, stamped with the time of its arrival.

    Args:
        on_failure: told once, when the bag can no longer be written; nothing is recorded from then on.
        on_message: told the topic and the bytes of every recorded message.
    """

    def __init__(
        self,
        node: Node,
        bag: BagWriter,
        *,
        on_failure: Callable[[BagError], None],
        on_message: Callable[[str, bytes], None] = lambda _topic, _cdr: None,
    ) -> None:
        self._node = node
        self._bag = bag
        self._on_failure = on_failure
        self._on_message = on_message
        self._failed = False
        self.counts: Counter[str] = Counter()
        """Messages recorded, by topic."""

    def record(self, topic: str, msgtype: str, qos: QoSProfile) -> None:
        """Subscribe to a topic under its full name.

        Raises:
            MessageTypeError: the type is not installed here.
            BagError: its definition is unknown.
        """
        latched = qos.durability == DurabilityPolicy.TRANSIENT_LOCAL
        self._bag.add_topic(topic, msgtype, qos=[LATCHED] if latched else [])
        self.counts[topic] = 0
        self._node.create_subscription(
            message_class(msgtype), topic, lambda cdr: self._write(topic, msgtype, cdr), qos, raw=True
        )

    def _write(self, topic: str, msgtype: str, cdr: bytes) -> None:
        if self._failed:
            return
        try:
            self._bag.write_raw(topic, msgtype, cdr, time.time_ns())
        except BagError as error:
            self._failed = True
            self._on_failure(error)
            return
        self.counts[topic] += 1
        self._on_message(topic, cdr)


def recording_qos(*, reliable: bool = True, latched: bool = False) -> QoSProfile:
    """The QoS of a recorder's subscription: reliable ones lose nothing, however long the disk takes."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=QUEUE_DEPTH,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def matching_qos(publishers: list[TopicEndpointInfo]) -> QoSProfile:
    """The strongest QoS that every publisher of a topic offers, so that all of them are heard."""
    offered = [publisher.qos_profile for publisher in publishers]
    return recording_qos(
        reliable=all(q.reliability == ReliabilityPolicy.RELIABLE for q in offered),
        latched=all(q.durability == DurabilityPolicy.TRANSIENT_LOCAL for q in offered),
    )
