"""source_node: a folder of pictures, a video or a bag, published as a camera.

It plays at the recorded rate or a given one, once or in a loop, and ends. Unreadable inputs are named, skipped and
counted. Exit codes: 0 all was played, or a signal ended it; 1 the source cannot be opened; 2 a parameter is refused;
3 all was played but for unreadable inputs.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.logging import get_logger
from rosgraph_msgs.msg import Clock as ClockMessage
from std_msgs.msg import Header

from afss_ros.nodes import spinning
from afss_ros.nodes.ignored_settings import warn_of_ignored
from afss_ros.nodes.message_types import MessageTypeError, leading_stamp_ns, message_class
from afss_ros.nodes.source.camera import CameraPublisher
from afss_ros.nodes.source.parameters import ParameterError, declare_and_read
from afss_ros.nodes.unchanged import TakesUnchanged
from afss_ros.perception import Frame, seconds_and_nanoseconds
from afss_ros.sources import SourceError, Unreadable, open_source
from afss_ros.sources.pace import Pace

PLAYED, FAILED, REFUSED, SOME_UNREADABLE = 0, 1, 2, 3
_POLL_S = 0.05
_LOG_PERIOD_S = 5.0
_ACKNOWLEDGE_S = 4.0
_SECOND = 1_000_000_000


class SourceNode(TakesUnchanged):
    """Plays one source.

    Raises:
        SourceError: the source cannot be opened.
        ParameterError: a parameter is refused.
    """

    def __init__(self) -> None:
        super().__init__("source_node")
        self._settings = settings = declare_and_read(self)
        self._source = open_source(settings.source, topic=settings.topic or None, grey_bits=settings.grey_bits)
        compressed = (settings.compressed_format, settings.compressed_quality)
        self._camera = CameraPublisher(
            self,
            reliability=settings.reliability,
            compressed=compressed if settings.image_transport == "compressed" else None,
            camera_info=lambda: self._source.camera_info,
            horizontal_fov=settings.horizontal_fov,
        )
        if self._source.camera_info is None:
            self.get_logger().info(
                f"{self._source.name} carries no calibration: camera_info is a pinhole of {settings.horizontal_fov} rad"
            )
        self._clock_ns: int | None = None
        self._clock_publisher = self.create_publisher(ClockMessage, "/clock", 10) if settings.publish_clock else None
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.create_timer(1.0, self._report, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._answered_ns: int | None = None
        if settings.lockstep_topic:
            kind = message_class(settings.lockstep_type)
            self.create_subscription(kind, settings.lockstep_topic, self._hear_answer, 10, raw=True)
        warn_of_ignored(self)
        self.sent = 0
        self.unreadable = 0
        self.unanswered = 0
        self.finished = False

    def play(self, stop: threading.Event) -> None:
        """Publish frame by frame until the end of the source, or until `stop` is set."""
        executor = SingleThreadedExecutor()
        executor.add_node(self)

        def wait(until_s: float, ready: Callable[[], bool] = lambda: False) -> None:
            while not stop.is_set() and not ready() and (left := until_s - time.monotonic()) > 0:
                spinning.serve_once(executor, min(left, _POLL_S), self.get_logger())

        try:
            self._wait_for_subscribers(wait, stop)
            pace = Pace(self._settings.rate)
            for frame, stamp_ns in self._frames(stop):
                wait(pace.due(stamp_ns, time.monotonic()))
                if stop.is_set():
                    break
                sent_ns = self._publish(frame, stamp_ns)
                self._wait_for_answer(wait, sent_ns)
        except ExternalShutdownException:
            stop.set()
        finally:
            self._finish(stop)
            executor.remove_node(self)
            executor.shutdown()

    def close(self) -> None:
        self._source.close()

    def _frames(self, stop: threading.Event) -> Iterator[tuple[Frame, int]]:
        """Readable frames with their stamps, which go on where a loop starts over."""
        shift_ns = 0
        while True:
            first = last = newest = period = None
            for item in self._source:
                if stop.is_set():
                    return
                if isinstance(item, Unreadable):
                    self.unreadable += 1
                    self.get_logger().error(f"unreadable, skipped: {item.name}: {item.reason}")
                    continue
                # Stamps may go back: frames that overtook each other, a camera that started anew.
                first = item.stamp_ns if first is None else min(first, item.stamp_ns)
                newest = item.stamp_ns if newest is None else max(newest, item.stamp_ns)
                period = item.stamp_ns - last if last is not None else period
                last = item.stamp_ns
                yield item, item.stamp_ns + shift_ns
            if not self._settings.loop or first is None or newest is None:
                return
            shift_ns += newest - first + max(period or _SECOND // 10, 1)

    def _publish(self, frame: Frame, stamp_ns: int) -> int:
        """Publish a frame; returns the stamp that it was given, in nanoseconds."""
        if self._settings.stamps == "now":
            stamp_ns = self.get_clock().now().nanoseconds
        stamp = _time(stamp_ns)
        if self._clock_publisher is not None:
            self._clock_ns = _clock_after(self._clock_ns, stamp_ns)
            self._clock_publisher.publish(ClockMessage(clock=_time(self._clock_ns)))
        self._camera.publish(frame, stamp, self._settings.frame_id or frame.frame_id or "camera")
        self.sent += 1
        return stamp_ns

    def _wait_for_subscribers(self, wait: Callable[..., None], stop: threading.Event) -> None:
        wanted = self._settings.wait_for_subscribers
        while not stop.is_set() and self._camera.subscriber_count < wanted:
            self.get_logger().info(
                f"waiting for {wanted} subscribers of {self._camera.topic}, {self._camera.subscriber_count} so far",
                throttle_duration_sec=_LOG_PERIOD_S,
            )
            wait(time.monotonic() + _LOG_PERIOD_S, lambda: self._camera.subscriber_count >= wanted)

    def _wait_for_answer(self, wait: Callable[..., None], sent_ns: int) -> None:
        if not self._settings.lockstep_topic:
            return
        wait(time.monotonic() + self._settings.lockstep_timeout, lambda: self._answered_ns == sent_ns)
        if self._answered_ns != sent_ns:
            self.unanswered += 1
            self.get_logger().warning(f"no answer to the frame stamped {sent_ns} on {self._settings.lockstep_topic}")

    def _hear_answer(self, cdr: bytes) -> None:
        try:
            self._answered_ns = leading_stamp_ns(cdr)
        except MessageTypeError as error:
            self.get_logger().error(f"{self._settings.lockstep_topic}: {error}", throttle_duration_sec=_LOG_PERIOD_S)

    def _finish(self, stop: threading.Event) -> None:
        self.finished = not stop.is_set()
        if not self.context.ok():
            return
        self._report()
        # Fast DDS asks for acknowledgements every 3 s only, so this may take as long; in lockstep they are answers.
        if self.finished and not self._settings.lockstep_topic and not self._camera.flush():
            self.get_logger().warning("not every subscriber acknowledged the last images")
        self._diagnostics.wait_for_all_acked(Duration(seconds=_ACKNOWLEDGE_S))
        self.get_logger().info(f"sent {self.sent} frames of {self._source.name}; {self.unreadable} inputs unreadable")

    def _report(self) -> None:
        values = {
            "source": self._source.name,
            "frames.sent": str(self.sent),
            "frames.unreadable": str(self.unreadable),
            "frames.unanswered": str(self.unanswered),
            "frames.expected": str(self._source.length or "unknown"),
            "finished": str(self.finished).lower(),
        }
        troubled = self.unreadable > 0
        status = DiagnosticStatus(
            level=DiagnosticStatus.WARN if troubled else DiagnosticStatus.OK,
            name=f"{self.get_fully_qualified_name().lstrip('/')}: source",
            message=f"{self.unreadable} inputs unreadable" if troubled else "finished" if self.finished else "playing",
            values=[KeyValue(key=key, value=value) for key, value in values.items()],
        )
        header = Header(stamp=self.get_clock().now().to_msg())
        self._diagnostics.publish(DiagnosticArray(header=header, status=[status]))


def _time(stamp_ns: int) -> Time:
    sec, nanosec = seconds_and_nanoseconds(stamp_ns)
    return Time(sec=sec, nanosec=nanosec)


def _clock_after(before_ns: int | None, stamp_ns: int) -> int:
    """What /clock says at a frame: its stamp. It stands still for one that was overtaken, rather than run back."""
    if before_ns is None or not 0 < before_ns - stamp_ns < _SECOND:
        return stamp_ns
    return before_ns


def main(args: Sequence[str] | None = None) -> int:
    """Play the source; see the module for the exit codes."""
    with spinning.ros(args) as stop:
        logger = get_logger("source_node")
        try:
            node = SourceNode()
        except (ParameterError, ParameterException, MessageTypeError) as error:
            logger.fatal(f"parameter refused: {error}")
            return REFUSED
        except SourceError as error:
            logger.fatal(str(error))
            return FAILED
        try:
            node.play(stop)
        finally:
            node.close()
            spinning.destroy(node)
        if node.sent == 0 and node.finished:
            logger.fatal("not one frame could be read")
            return FAILED
        return SOME_UNREADABLE if node.unreadable and node.finished else PLAYED


if __name__ == "__main__":
    sys.exit(main())
