"""Silence of the detections, told to a subscriber by the middleware."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from perception_peer import Peer, craft_image, image_message
from rclpy.duration import Duration
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.qos import LivelinessPolicy, QoSProfile, ReliabilityPolicy
from vision_msgs.msg import Detection2DArray


def subscribe(peer: Peer, qos: QoSProfile, **callbacks: Any) -> list[Any]:
    heard: list[Any] = []
    peer.node.create_subscription(
        Detection2DArray,
        "/perception_node/detections",
        heard.append,
        qos,
        event_callbacks=SubscriptionEventCallbacks(**callbacks),
    )
    return heard


@pytest.fixture
def promised(peer: Peer) -> Iterator[Peer]:
    """A node that promises detections every half second."""
    assert peer.reload(detections__deadline=0.5, detections__liveliness_lease=0.5)
    yield peer
    assert peer.reload(detections__deadline=0.0, detections__liveliness_lease=0.0)
    assert peer.reload(detections__deadline=0.0, detections__liveliness_lease=0.0)


def test_a_missed_deadline_is_told_to_the_subscriber_and_counted_by_the_node(promised: Peer) -> None:
    missed: list[Any] = []
    qos = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE, deadline=Duration(seconds=0.5))
    heard = subscribe(promised, qos, deadline=missed.append)
    promised.show(promised.camera(), image_message(craft_image(), promised.now()), heard)
    promised.spin_until(lambda: bool(missed), "a missed deadline")
    promised.status(lambda values: int(values.get("detections.deadlines_missed", "0")) > 0)


def test_a_silent_node_is_not_alive_on_its_topic(promised: Peer) -> None:
    changes: list[Any] = []
    qos = QoSProfile(
        depth=5,
        reliability=ReliabilityPolicy.RELIABLE,
        liveliness=LivelinessPolicy.MANUAL_BY_TOPIC,
        liveliness_lease_duration=Duration(seconds=0.5),
    )
    heard = subscribe(promised, qos, liveliness=changes.append)
    promised.show(promised.camera(), image_message(craft_image(), promised.now()), heard)
    promised.spin_until(lambda: any(change.not_alive_count > 0 for change in changes), "the end of the lease")
