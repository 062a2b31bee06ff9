"""What perception_node publishes, and to whom it says why nobody hears it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from numpy.typing import NDArray
from rclpy.duration import Duration
from rclpy.event_handler import PublisherEventCallbacks
from rclpy.lifecycle import LifecycleNode, LifecyclePublisher
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSProfile,
    ReliabilityPolicy,
    qos_policy_name_from_kind,
)
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray, LabelInfo

from afss_ros.nodes.messages import detections_message, image_message, label_info_message
from afss_ros.nodes.perception.diagnostics import doubt_message
from afss_ros.nodes.perception.judging import Judgement
from afss_ros.perception import Perception

_DEPTH = 5


class Outputs:
    """The publishers of detections, mask, overlay, doubt and label info; silent until the node is active.

    Args:
        deadline_s: most seconds between two messages of detections that are promised (DDS deadline); 0 for no promise.
        lease_s: seconds without one after which detections count as dead (DDS liveliness by topic); 0 for automatic.
    """

    def __init__(
        self, node: LifecycleNode, class_names: dict[int, str], *, deadline_s: float = 0.0, lease_s: float = 0.0
    ) -> None:
        self._node = node
        self._class_names = class_names
        self._class_ids = {name: number for number, name in class_names.items()}
        self.deadlines_missed = 0
        self._detections = self._publisher(Detection2DArray, "~/detections", deadline_s=deadline_s, lease_s=lease_s)
        self._mask = self._publisher(Image, "~/mask")
        self._overlay = self._publisher(Image, "~/overlay", depth=1)
        self._doubt = self._publisher(DiagnosticArray, "~/doubt")
        self._label_info = self._publisher(LabelInfo, "~/label_info", depth=1, latched=True)

    @property
    def overlay_is_watched(self) -> bool:
        return bool(self._overlay.get_subscription_count())

    @property
    def doubt_is_watched(self) -> bool:
        return bool(self._doubt.get_subscription_count())

    def publish_doubt(self, judged: Judgement, header: Header, presence: float | None = None) -> None:
        """Publish how doubtful a frame is, and why, and how likely it shows a craft, under the image's own header."""
        self._doubt.publish(doubt_message(judged, self._node.get_fully_qualified_name(), header, presence))

    def publish(self, perception: Perception, header: Header, identities: Sequence[str] = ()) -> None:
        """Publish detections, and while somebody listens the mask if there is one, under the image's own header."""
        # Heard or not: a deadline or a lease that was promised is kept by publishing.
        self._detections.publish(detections_message(perception.detections, self._class_ids, header, identities))
        if self._mask.get_subscription_count() and (labels := perception.labels) is not None:
            self._mask.publish(image_message(labels, "mono8", header))

    def publish_overlay(self, picture: NDArray[np.uint8], header: Header) -> None:
        self._overlay.publish(image_message(picture, "rgb8", header))

    def publish_label_info(self, score_threshold: float) -> None:
        stamp = self._node.get_clock().now().to_msg()
        self._label_info.publish(label_info_message(self._class_names, score_threshold, stamp))

    def close(self) -> None:
        for publisher in (self._detections, self._mask, self._overlay, self._doubt, self._label_info):
            self._node.destroy_lifecycle_publisher(publisher)

    def _publisher(
        self,
        message_type: type,
        topic: str,
        *,
        depth: int = _DEPTH,
        latched: bool = False,
        deadline_s: float = 0.0,
        lease_s: float = 0.0,
    ) -> LifecyclePublisher:
        resolved = self._node.resolve_topic_name(topic)

        def warn_incompatible(event: Any) -> None:
            policy = qos_policy_name_from_kind(event.last_policy_kind)
            self._node.get_logger().warning(
                f"a subscriber to {resolved} requests an incompatible {policy} and will hear nothing; make it ask for"
                f" reliable or best effort, {'transient local or ' if latched else ''}volatile"
            )

        def count_missed(event: Any) -> None:
            self.deadlines_missed = int(event.total_count)

        profile = QoSProfile(
            history=HistoryPolicy.KEEP_LAST,
            depth=depth,
            reliability=ReliabilityPolicy.RELIABLE,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
        )
        if deadline_s:
            profile.deadline = Duration(seconds=deadline_s)
        if lease_s:
            profile.liveliness = LivelinessPolicy.MANUAL_BY_TOPIC
            profile.liveliness_lease_duration = Duration(seconds=lease_s)
        return self._node.create_lifecycle_publisher(
            message_type,
            topic,
            profile,
            event_callbacks=PublisherEventCallbacks(
                incompatible_qos=warn_incompatible, deadline=count_missed if deadline_s else None
            ),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
