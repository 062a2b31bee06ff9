"""recorder_node: topics of the running graph into an MCAP bag, until SIGINT or SIGTERM.

It subscribes to every chosen topic as soon as a publisher shows up, with the QoS that is offered. The bag appears
under its name at the end, complete. Exit codes: 0 recorded; 1 the bag cannot be written; 2 a parameter is refused.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence

from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.executors import SingleThreadedExecutor
from rclpy.logging import get_logger

from afss_ros.bags import BagError, BagWriter
from afss_ros.nodes import spinning
from afss_ros.nodes.ignored_settings import warn_of_ignored
from afss_ros.nodes.message_types import MessageTypeError
from afss_ros.nodes.parameter_specs import Spec, Takes, descriptor
from afss_ros.nodes.recorder.topics import QUEUE_DEPTH, TopicRecorder, matching_qos
from afss_ros.nodes.unchanged import TakesUnchanged

_OUTPUT = Spec("output", "", Takes.START, "Bag to write: <name>.mcap, or a directory. Required.")
_TOPICS = Spec("topics", "", Takes.START, "Topics to record. No names: all that are published.")
_LOOK_PERIOD_S = 0.2
_OTHER_ENTITIES = 8
"""At most, that have work beside the subscriptions: the timer and the parameter services."""


class RecorderNode(TakesUnchanged):
    """Records until it is closed.

    Raises:
        BagError: no output is given, or it cannot be written.
    """

    def __init__(self, stop: threading.Event) -> None:
        super().__init__("recorder_node")
        self._stop = stop
        output = self.declare_parameter(_OUTPUT.name, _OUTPUT.default, descriptor(_OUTPUT)).value
        # ROS has no empty list of texts, and a parameter without a value could not be dumped and loaded.
        wanted = self.declare_parameter(_TOPICS.name, [""], descriptor(_TOPICS)).value
        if not output:
            raise BagError("parameter output is not set; give the bag to write, as <name>.mcap")
        warn_of_ignored(self)
        self._wanted = {self.resolve_topic_name(topic) for topic in wanted if topic}
        self._refused: set[str] = set()
        self._bag = BagWriter(output)
        self._recorder = TopicRecorder(self, self._bag, on_failure=self._give_up)
        self.failure: BagError | None = None
        self.create_timer(_LOOK_PERIOD_S, self._look_for_topics, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._look_for_topics()

    def close(self) -> None:
        """Finish the bag, or discard it after a failure."""
        if self.failure is None:
            self._take_what_arrived()
        if self.failure is not None:
            self._bag.discard()
            return
        self._bag.close()
        counts = ", ".join(f"{topic} {count}" for topic, count in sorted(self._recorder.counts.items())) or "nothing"
        self.get_logger().info(f"recorded into {self._bag.path}: {counts}")

    def _take_what_arrived(self) -> None:
        """Record what waits in the queues: a signal ends the recording, not the messages that came before it."""
        executor = SingleThreadedExecutor()
        executor.add_node(self)
        entities = len(self._recorder.counts) + _OTHER_ENTITIES
        for _ in range(QUEUE_DEPTH):  # not for ever: publishers may go on
            before = self._recorder.counts.total()
            for _ in range(entities):
                spinning.serve_once(executor, 0.0, self.get_logger())
            if self._recorder.counts.total() == before:
                break
        executor.shutdown()

    def _look_for_topics(self) -> None:
        for topic, types in self.get_topic_names_and_types():
            is_known = topic in self._recorder.counts or topic in self._refused
            if is_known or (self._wanted and topic not in self._wanted):
                continue
            publishers = self.get_publishers_info_by_topic(topic)
            if publishers:
                self._record(topic, types[0], matching_qos(publishers))

    def _record(self, topic: str, msgtype: str, qos: object) -> None:
        try:
            self._recorder.record(topic, msgtype, qos)
        except (MessageTypeError, BagError) as error:
            self._refused.add(topic)
            self.get_logger().error(f"{topic} is not recorded: {error}")
            return
        self.get_logger().info(f"recording {topic} ({msgtype})")

    def _give_up(self, error: BagError) -> None:
        self.failure = error
        self._stop.set()


def main(args: Sequence[str] | None = None) -> int:
    """Record; see the module for the exit codes."""
    with spinning.ros(args) as stop:
        logger = get_logger("recorder_node")
        try:
            node = RecorderNode(stop)
        except (BagError, ParameterException) as error:
            logger.fatal(str(error))
            return 2
        try:
            spinning.spin(node, stop)
        finally:
            try:
                node.close()
            except BagError as error:
                node.failure = error
            spinning.destroy(node)
        if node.failure is not None:
            logger.fatal(str(node.failure))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
