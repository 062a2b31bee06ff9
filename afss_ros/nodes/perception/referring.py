"""`~/query` in, `~/referred` out: what a sentence means in every frame, from what the student saw anyway."""

from __future__ import annotations

import threading
from collections import Counter

import numpy as np
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header, String
from vision_msgs.msg import Detection2DArray

from afss_ros.nodes.messages import detections_message, image_message
from afss_ros.perception import Frame, Perception
from afss_ros.refer import Answer, NetworkResolver, ReferError
from afss_ros.refer.in_flight import Query, by_grammar, by_network

_LOG_PERIOD_S = 10.0
_WHITE = 255
_LATCHED = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)


class Referring:
    """Answers the newest query on every frame with the grammar or a network; silent while there is no query.

    A query arrives in the executor's thread and frames in the worker's; neither waits for the other.

    Args:
        class_names: of the student, by id.
        network: answers instead of the grammar; this closes it. Names that the student has not get ids after its own.
    """

    def __init__(
        self, node: LifecycleNode, class_names: dict[int, str], network: NetworkResolver | None = None
    ) -> None:
        self._node = node
        self._network = network
        self._class_ids = {name: number for number, name in class_names.items()}
        for name in network.facts.nouns if network is not None else ():
            self._class_ids.setdefault(name, max(self._class_ids.values(), default=0) + 1)
        self._understand = by_grammar if network is None else by_network(network)
        self._lock = threading.Lock()
        self._query = ""
        self._asked: Query | None = None
        self._refused = ""
        self._last = ""
        self._counts: Counter[str] = Counter()
        self._listener = node.create_subscription(String, "~/query", self._take, _LATCHED)
        self._mask = node.create_lifecycle_publisher(Image, "~/referred", 5)
        self._detections = node.create_lifecycle_publisher(Detection2DArray, "~/referred_detections", 5)

    @property
    def query(self) -> str:
        """The sentence that is being answered; empty for none."""
        with self._lock:
            return self._query if self._asked is not None else ""

    @property
    def refused(self) -> str:
        """Why the newest query is not answered; empty when it is."""
        with self._lock:
            return self._refused

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """What /diagnostics tells, by key."""
        with self._lock:
            understood = self._asked.understood if self._asked is not None else ""
            said = (("refer.query", self._query), ("refer.understood_as", understood), ("refer.answer", self._last))
            counts = ("found", "none", "ambiguous", "unknown", "failed", "queries_refused")
            return (*said, *((f"refer.{name}", str(self._counts[name])) for name in counts))

    def __call__(self, frame: Frame, perception: Perception, header: Header) -> Answer | None:
        """Answer the query on a frame and publish it under the frame's header. Never raises: the frame is right.

        Where there is no such thing, an empty mask and no detection say so. None without a query.
        """
        with self._lock:
            asked = self._asked
        if asked is None:
            return None
        try:
            found = asked.answer(frame, perception)
        except Exception as error:
            with self._lock:
                self._counts["failed"] += 1
                self._last = f"failed: {type(error).__name__}: {error}"
            self._node.get_logger().error(
                f"a query could not be answered: {type(error).__name__}: {error}", throttle_duration_sec=_LOG_PERIOD_S
            )
            return None
        self._mask.publish(image_message(found.mask.astype(np.uint8) * _WHITE, "mono8", header))
        self._detections.publish(detections_message(found.detections, self._class_ids, header))
        with self._lock:
            self._counts[found.state] += 1
            self._last = f"{found.state}: {found.why}"
        return found

    def close(self) -> None:
        self._node.destroy_subscription(self._listener)
        for publisher in (self._mask, self._detections):
            self._node.destroy_lifecycle_publisher(publisher)
        if self._network is not None:
            self._network.close()

    def _take(self, message: String) -> None:
        """Take a query; an empty one ends the answers, and one that makes no sense does too, with its reason."""
        text = message.data.strip()
        asked, refused = None, ""
        if text:
            try:
                asked = self._understand(text)
            except ReferError as error:
                refused = str(error)
        with self._lock:
            self._query, self._asked, self._refused, self._last = text[:300], asked, refused, refused
            self._counts["queries_refused"] += bool(refused)
        if refused:
            self._node.get_logger().warning(f"query refused: {refused}")
        elif asked is not None:
            self._node.get_logger().info(f"query {text!r}, understood as {asked.understood}")
