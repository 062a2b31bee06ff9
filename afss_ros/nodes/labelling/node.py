"""labelling_node: the teacher as a node. It labels a bag by parameter, or a live camera or replay, into a data set.

Live images are subscribed to reliably and wait in a bounded queue; those that could not be kept up with are counted
and named, and a replay of the same bag adds them. A signal ends a live set: what waits is labelled for a while, the
rest is named, and the set is finished. Exit codes: 0 a bag was labelled, or a signal ended the node; 1 labelling
failed; 2 a parameter is refused.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.executors import SingleThreadedExecutor
from rclpy.logging import get_logger
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from afss_ros import labels, overlay
from afss_ros.labelling.engine import Progress
from afss_ros.labelling.inputs import Input, open_input
from afss_ros.labelling.job import Job, JobState
from afss_ros.labelling.live import LiveInput
from afss_ros.labelling.manifest import MISSED
from afss_ros.labelling.settings import LabelSettings, load_settings, parse_overrides
from afss_ros.nodes import spinning
from afss_ros.nodes.arrivals import Arrivals
from afss_ros.nodes.image_input import to_rgb
from afss_ros.nodes.labelling.parameters import SPECS
from afss_ros.nodes.messages import image_message
from afss_ros.nodes.parameter_specs import descriptor
from afss_ros.nodes.unchanged import TakesUnchanged
from afss_ros.perception import Detection, Perception
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.models.checkpoints import Access
from afss_ros.teacher.prompts import CRAFT, label_map
from afss_ros.threads import wait_asleep

_TAKING_S = 2.0  # for images that have arrived before a signal, and are still with DDS
_LEVELS = {"failed": DiagnosticStatus.ERROR, "stopped": DiagnosticStatus.WARN}


class LabellingNode(TakesUnchanged):
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
        self._arrivals = Arrivals()
        self._arrived = self._stamp_ns = 0
        self._phase = ""
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
        """Stop labelling and wait for it: live images that wait get `drain_s` seconds, and the set is finished."""
        if self._live is None:
            self._job.stop()
        else:
            self._take_what_has_arrived()
            waiting = self._live.waiting
            self._live.end()
            self._job.stop(self._values["drain_s"])
            if self._job.running:
                patience = f"{waiting} images wait, and get {self._values['drain_s']:g} s (drain_s)"
                self.get_logger().info(f"ending: {patience}; then the set is finished")
        self._job.join()
        if self.context.ok():
            self._report()

    def _take_what_has_arrived(self) -> None:
        """Hand over the images that DDS holds and the executor, which a signal ended, has not taken."""
        if not self.context.ok():
            return
        executor = SingleThreadedExecutor()
        executor.add_node(self)
        deadline, idle = time.monotonic() + _TAKING_S, 0
        while idle < 3 and time.monotonic() < deadline:
            before = self._arrived
            spinning.serve_once(executor, 0.02, self.get_logger())
            idle = 0 if self._arrived > before else idle + 1
        executor.remove_node(self)
        executor.shutdown()

    @property
    def missed(self) -> int:
        """Live images that arrived and are not labelled."""
        unwritten = () if self._live is None else self._live.unwritten
        return (self.state.counts or {}).get(MISSED, 0) + len(unwritten)

    def _start(self, before: JobState | None = None) -> Job:
        values = self._values
        if values["bag"]:
            topics = [topic.strip() for topic in values["topic"].split(",") if topic.strip()]
            source = partial(open_input, Path(values["bag"]).expanduser(), topics)
        else:
            self._live = LiveInput(self.topic, values["queue_size"], () if self._live is None else self._live.missed)
            source = partial(_itself, self._live)
        access = Access(values["download"], values["accept_licence"])
        out = Path(values["out"]).expanduser()
        return Job(out, self._settings, access, source, self._show, bag=values["labelled_bag"], before=before)

    def _subscribe(self, compressed: bool) -> None:
        base = self.resolve_topic_name("image")
        self.topic = f"{base}/compressed" if compressed else base
        # Reliable, and deep enough for what arrives while the executor is busy: a label must not be lost unnoticed.
        profile = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=100, reliability=ReliabilityPolicy.RELIABLE)
        self.create_subscription(CompressedImage if compressed else Image, self.topic, self._on_image, profile)

    def _on_image(self, message: Any, info: Mapping[str, Any]) -> None:
        assert self._live is not None
        stamp = message.header.stamp
        stamp_ns = stamp.sec * 1_000_000_000 + stamp.nanosec or self.get_clock().now().nanoseconds
        publishers = self.count_publishers(self.topic)
        lost = self._arrivals.take(info.get("publication_sequence_number"), publishers=publishers)
        if lost:
            self.get_logger().warning(f"{lost} images never arrived, between stamps {self._stamp_ns} and {stamp_ns} ns")
            self._live.lost(lost, self._stamp_ns, stamp_ns)
        self._stamp_ns = stamp_ns
        self._arrived += 1
        missed = self._live.offer(stamp_ns, message.header.frame_id, partial(to_rgb, message))
        if missed is not None:
            self.get_logger().warning(f"not labelled: {missed.key}: {missed.reason}")

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
            self._job = self._start(self.state)
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
        if state.phase != self._phase:
            self._phase = state.phase
            self._say(state)
        if self._values["bag"] and self._values["exit_when_done"] and state.phase in ("done", "failed"):
            self._ended.set()

    def _say(self, state: JobState) -> None:
        """Say in the log what a new phase means for the set."""
        out = self._values["out"]
        if state.phase in ("stopped", "failed"):
            counts = f" {state.phase}: {state.counts}, {self.missed} missed."
            resume = f"~/resume, or the same parameters, go on; `afss label --out {out} --finish` writes report and"
            self.get_logger().warning(f"{out}:{counts} {resume} exports of what there is")

    def _name(self) -> str:
        return f"{self.get_fully_qualified_name().lstrip('/')}: labelling"

    def _facts(self) -> dict[str, str]:
        live = {} if self._live is None else {"frames.waiting": str(self._live.waiting)}
        unwritten = () if self._live is None else self._live.unwritten
        names = [*unwritten, *self.state.missed][:5]
        missed = {f"missed.{n}": key for n, key in enumerate(names, 1)}
        source = {"input": self._values["bag"] or self.topic, "out": self._values["out"]}
        lost = {"frames.lost": str(self._arrivals.lost)}
        return {**source, **live, "frames.missed": str(self.missed), **missed, **lost}


def diagnostics(name: str, state: JobState, facts: dict[str, str], stamp: Time) -> DiagnosticArray:
    """The message for /diagnostics: the phase, the rate, and what became of every frame."""
    values = {
        "phase": state.phase,
        "frames.seen": str(state.seen),
        "frames.expected": "unknown" if state.length is None else str(state.length),
        "frames_per_second": f"{state.rate:.2f}",
        **{f"frames.{status}": str(count) for status, count in (state.counts or {}).items()},
        **facts,  # they know of missed frames that are in no manifest yet
    }
    gone = {name: count for name in ("missed", "lost") if (count := int(facts.get(f"frames.{name}", "0")))}
    level = _LEVELS.get(state.phase, DiagnosticStatus.WARN if gone else DiagnosticStatus.OK)
    message = state.failure or ", ".join([state.phase, *(f"{count} frames {name}" for name, count in gone.items())])
    pairs = [KeyValue(key=key, value=value) for key, value in values.items()]
    status = DiagnosticStatus(level=level, name=name, message=message, values=pairs)
    return DiagnosticArray(header=Header(stamp=stamp), status=[status])


def _read_settings(values: dict[str, Any]) -> LabelSettings:
    texts = [text for text in values["settings"].split(";") if text.strip()]
    path = Path(values["config"]).expanduser() if values["config"] else None
    prompt = {"prompts": {CRAFT: values["prompt"]}} if values["prompt"] else {}
    return load_settings(path, {**prompt, **parse_overrides(texts)})


def _itself(source: Input) -> Input:
    return source


def main(args: Sequence[str] | None = None) -> int:
    """Label; see the module for the exit codes."""
    wait_asleep()
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
            spinning.destroy(node)
        if failure:
            get_logger("labelling_node").fatal(failure)
            return 1
        get_logger("labelling_node").info(f"{node.state.phase}: {counts}")
        return 0


if __name__ == "__main__":
    sys.exit(main())
