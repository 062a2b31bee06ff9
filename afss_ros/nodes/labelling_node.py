"""labelling_node: the teacher as a node. It labels a bag by parameter, or a live camera or replay, into a data set.

Live images are subscribed to reliably and wait in a bounded queue; those that could not be kept up with are counted
and named, and a replay of the same bag adds them. Exit codes: 0 a bag was labelled, or a signal ended the node;
1 labelling failed; 2 a parameter is refused.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from afss_ros import labels, overlay
from afss_ros.nodes import spinning
from afss_ros.nodes.image_input import to_rgb
from afss_ros.nodes.labelling_parameters import SPECS
from afss_ros.nodes.messages import image_message
from afss_ros.nodes.parameters import descriptor
from afss_ros.perception import Detection, Perception
from afss_ros.teacher.checkpoints import Access
from afss_ros.teacher.engine import Progress
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.inputs import Input, open_input
from afss_ros.teacher.job import Job, JobState
from afss_ros.teacher.live import LiveInput
from afss_ros.teacher.prompts import label_map
from afss_ros.teacher.settings import LabelSettings, load_settings, parse_overrides

_LEVELS = {"failed": DiagnosticStatus.ERROR, "stopped": DiagnosticStatus.WARN}


class LabellingNode(Node):  # type: ignore[misc]  # rclpy is untyped
    """Runs one labelling job at a time.

    Raises:
        TeacherError: a parameter or the configuration is refused.
    """

    def __init__(self, ended: threading.Event) -> None:
        """Start labelling; sets `ended` when a bag is done, if that is wished."""
        super().__init__("labelling_node")
        values = {s.name: self.declare_parameter(s.name, s.default, descriptor(s)).value for s in SPECS}
        if not values["out"]:
            raise TeacherError("out is not set; give the folder of the data set to make")
        self._values: dict[str, Any] = values
        self._ended = ended
        self._settings = _read_settings(values)
        self._live: LiveInput | None = None
        self._missed: list[str] = []
        self._preview = self.create_publisher(Image, "~/preview", 1)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.create_service(Trigger, "~/stop", self._on_stop)
        self.create_service(Trigger, "~/resume", self._on_resume)
        self.topic = ""
        if not values["bag"]:
            self._subscribe(values["image_transport"] == "compressed")
        self._job = self._start()
        self.create_timer(0.5, self._report, clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def state(self) -> JobState:
        """What the job is doing."""
        return self._job.state

    def close(self) -> None:
        """Stop labelling and wait for it; what is labelled is safe."""
        self._job.stop()
        if self._live is not None:
            self._live.end()
        self._job.join()
        if self.context.ok():
            self._report()

    def _start(self) -> Job:
        values = self._values
        if values["bag"]:
            topics = [values["topic"]] if values["topic"] else []
            source = partial(open_input, Path(values["bag"]).expanduser(), topics)
        else:
            self._live = LiveInput(self.topic, values["queue_size"])
            self._missed = self._live.missed
            source = partial(_itself, self._live)
        access = Access(values["download"], values["accept_licence"])
        out = Path(values["out"]).expanduser()
        return Job(out, self._settings, access, source, self._show, bag=values["labelled_bag"])

    def _subscribe(self, compressed: bool) -> None:
        base = self.resolve_topic_name("image")
        self.topic = f"{base}/compressed" if compressed else base
        # Reliable, and deep enough for what arrives while the executor is busy: a label must not be lost unnoticed.
        profile = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=100, reliability=ReliabilityPolicy.RELIABLE)
        self.create_subscription(CompressedImage if compressed else Image, self.topic, self._on_image, profile)

    def _on_image(self, message: Any) -> None:
        if self._live is None or not self._job.running:
            return
        stamp = message.header.stamp
        stamp_ns = stamp.sec * 1_000_000_000 + stamp.nanosec or self.get_clock().now().nanoseconds
        if not self._live.offer(stamp_ns, message.header.frame_id, partial(to_rgb, message)) and self._missed:
            self.get_logger().warning(f"could not keep up, not labelled: {self._missed[-1]}")

    def _on_stop(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """End the run: a bag after the frame it is at, live images after those that wait."""
        if self._live is not None:
            self._live.end()
        else:
            self._job.stop()
        response.success = self._job.running
        response.message = "stopping" if response.success else f"not running: {self.state.phase}"
        return response

    def _on_resume(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Go on where the last run ended."""
        response.success = not self._job.running
        if response.success:
            self._job = self._start()
        response.message = "labelling" if response.success else "running already"
        return response

    def _show(self, progress: Progress) -> None:
        """Publish a preview of a frame while somebody looks; called in the job's thread."""
        if progress.image is None or not self._preview.get_subscription_count() or not self.context.ok():
            return
        size = progress.image.shape[0], progress.image.shape[1]
        found = tuple(
            Detection(i.class_name, i.box_xyxy, min(1.0, i.scores["detector_score"])) for i in progress.instances
        )
        perception = Perception(found, label_map(progress.instances, size), labels.CLASS_NAMES)
        stamp = self.get_clock().now().to_msg()
        picture = overlay.draw(progress.image, perception)
        self._preview.publish(image_message(picture, "rgb8", Header(stamp=stamp, frame_id=progress.key)))

    def _report(self) -> None:
        state = self.state
        self._diagnostics.publish(diagnostics(self._name(), state, self._facts(), self.get_clock().now().to_msg()))
        if self._values["bag"] and self._values["exit_when_done"] and state.phase in ("done", "failed"):
            self._ended.set()

    def _name(self) -> str:
        return f"{self.get_fully_qualified_name().lstrip('/')}: labelling"

    def _facts(self) -> dict[str, str]:
        live = {} if self._live is None else {"frames.waiting": str(self._live.waiting)}
        missed = {f"missed.{n}": key for n, key in enumerate(reversed(self._missed[-5:]), 1)}
        source = {"input": self._values["bag"] or self.topic, "out": self._values["out"]}
        return {**source, **live, "frames.missed": str(len(self._missed)), **missed}


def diagnostics(name: str, state: JobState, facts: dict[str, str], stamp: Time) -> DiagnosticArray:
    """The message for /diagnostics: the phase, the rate, and what became of every frame."""
    values = {
        **facts,
        "phase": state.phase,
        "frames.seen": str(state.seen),
        "frames.expected": "unknown" if state.length is None else str(state.length),
        "frames_per_second": f"{state.rate:.2f}",
        **{f"frames.{status}": str(count) for status, count in (state.counts or {}).items()},
    }
    missed = int(facts.get("frames.missed", "0"))
    level = _LEVELS.get(state.phase, DiagnosticStatus.WARN if missed else DiagnosticStatus.OK)
    message = state.failure or (f"{state.phase}, {missed} frames not kept up with" if missed else state.phase)
    pairs = [KeyValue(key=key, value=value) for key, value in values.items()]
    status = DiagnosticStatus(level=level, name=name, message=message, values=pairs)
    return DiagnosticArray(header=Header(stamp=stamp), status=[status])


def _read_settings(values: dict[str, Any]) -> LabelSettings:
    texts = [text for text in values["settings"].split(";") if text.strip()]
    path = Path(values["config"]).expanduser() if values["config"] else None
    return load_settings(path, parse_overrides(texts))


def _itself(source: Input) -> Input:
    return source


def main(args: Sequence[str] | None = None) -> int:
    """Label; see the module for the exit codes."""
    with spinning.ros(args) as stop:
        try:
            node = LabellingNode(stop)
        except (TeacherError, ParameterException) as error:
            get_logger("labelling_node").fatal(f"parameter refused: {error}")
            return 2
        try:
            spinning.spin(node, stop)
        finally:
            node.close()
            failure = node.state.failure
            counts = node.state.counts
            node.destroy_node()
        if failure:
            get_logger("labelling_node").fatal(failure)
            return 1
        get_logger("labelling_node").info(f"{node.state.phase}: {counts}")
        return 0


if __name__ == "__main__":
    sys.exit(main())
