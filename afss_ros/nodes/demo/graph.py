"""The demo's own node: it records inputs and outputs and listens to what the other two say of themselves."""

from __future__ import annotations

import time
from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from afss_ros.bags import BagError, BagWriter
from afss_ros.nodes.demo.errors import DemoError
from afss_ros.nodes.recorder.topics import TopicRecorder, recording_qos

IMAGE = "/camera/image"
COMPRESSED = "/camera/image/compressed"
CAMERA_INFO = "/camera/camera_info"
DETECTIONS = "/perception_node/detections"
MASK = "/perception_node/mask"
OVERLAY = "/perception_node/overlay"
LABEL_INFO = "/perception_node/label_info"
PERCEPTION = "perception_node: perception"
SOURCE = "source_node: source"
_POLL_S = 0.05


def image_topic(compressed: bool) -> str:
    """Where the demo's camera publishes."""
    return COMPRESSED if compressed else IMAGE


class DemoGraph(Node):  # type: ignore[misc]  # rclpy is untyped
    """Hears everything, from before the first frame is sent.

    Args:
        compressed: whether the camera sends CompressedImage.
    """

    def __init__(self, bag: BagWriter, *, compressed: bool) -> None:
        super().__init__("demo")
        self._reports: dict[str, dict[str, str]] = {}
        self._statuses: dict[str, tuple[DiagnosticStatus, float]] = {}
        self._failure: BagError | None = None
        self._output_times: list[float] = []
        self.image_topic = image_topic(compressed)
        self._recorder = TopicRecorder(self, bag, on_failure=self._fail, on_message=self._note)
        image_type = "sensor_msgs/msg/CompressedImage" if compressed else "sensor_msgs/msg/Image"
        for topic, msgtype in (
            (self.image_topic, image_type),
            (CAMERA_INFO, "sensor_msgs/msg/CameraInfo"),
            (DETECTIONS, "vision_msgs/msg/Detection2DArray"),
            (MASK, "sensor_msgs/msg/Image"),
            (OVERLAY, "sensor_msgs/msg/Image"),
        ):
            self._recorder.record(topic, msgtype, recording_qos())
        self._recorder.record(LABEL_INFO, "vision_msgs/msg/LabelInfo", recording_qos(latched=True))
        self.create_subscription(DiagnosticArray, "/diagnostics", self._hear, 50)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self)

    @property
    def processed(self) -> int:
        """Results recorded so far."""
        return self._recorder.counts[DETECTIONS]

    @property
    def fps(self) -> float:
        """Results per second between the first and the last; 0 when there were fewer than two."""
        times = self._output_times
        return (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else 0.0

    def recorded(self, topic: str) -> int:
        return self._recorder.counts[topic]

    def report(self, name: str) -> dict[str, str]:
        """Keys and values of the newest diagnostic status of that name; empty before the first."""
        return self._reports.get(name, {})

    def message(self, name: str) -> str:
        """The newest diagnostic message of that name."""
        return str(self._statuses[name][0].message) if name in self._statuses else ""

    def is_in_error(self, name: str) -> bool:
        """Whether the newest diagnostic status of that name says ERROR."""
        return name in self._statuses and self._statuses[name][0].level == DiagnosticStatus.ERROR

    def heard_at(self, name: str) -> float:
        """Steady time in seconds of the newest diagnostic status of that name; minus infinity before the first."""
        return self._statuses[name][1] if name in self._statuses else float("-inf")

    def spin_until(self, condition: Callable[[], bool], timeout_s: float, *, tick: Callable[[], None]) -> bool:
        """Listen until the condition holds; False when it did not in time. `tick` is called some 20 times a second.

        Raises:
            DemoError: the bag can no longer be written.
        """
        end = time.monotonic() + timeout_s
        next_tick = 0.0
        while not condition():
            now = time.monotonic()
            if now > end:
                return False
            if now > next_tick:
                tick()
                next_tick = now + _POLL_S
            self._executor.spin_once(timeout_sec=_POLL_S)
            if self._failure is not None:
                raise DemoError(f"recording failed: {self._failure}") from self._failure
        return True

    def close(self) -> None:
        self._executor.remove_node(self)
        self._executor.shutdown()
        self.destroy_node()

    def _hear(self, array: DiagnosticArray) -> None:
        for status in array.status:
            self._reports[status.name] = {v.key: v.value for v in status.values}
            self._statuses[status.name] = (status, time.monotonic())

    def _note(self, topic: str, _cdr: bytes) -> None:
        if topic == DETECTIONS:
            self._output_times.append(time.monotonic())

    def _fail(self, error: BagError) -> None:
        self._failure = error
