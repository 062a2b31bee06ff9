"""From an image message to published perception, one frame at a time, in the worker's thread.

Whatever is wrong with a frame is counted with its reason and ends there; the next frame starts afresh. A frame that
does not end is given up when the pipeline stops: it counts as bad, and nobody publishes what becomes of it later.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from rclpy.clock import Clock
from rclpy.impl.rcutils_logger import RcutilsLogger
from std_msgs.msg import Header

from afss_ros import images, overlay
from afss_ros.nodes.image_input import ImageMessage, to_rgb
from afss_ros.nodes.perception.on_demand import OnDemand
from afss_ros.nodes.perception.outputs import Outputs
from afss_ros.nodes.perception.statistics import FrameStatistics
from afss_ros.nodes.perception.tracks.tracks import Tracks
from afss_ros.nodes.progress import InWork, Progress
from afss_ros.nodes.worker import Worker
from afss_ros.perception import Frame, Perception
from afss_ros.refer import Answer
from afss_ros.refer.picture import mark
from afss_ros.student import StudentError

_NS_PER_MS = 1e6
_LOG_PERIOD_S = 5.0


@dataclass(frozen=True, slots=True)
class _Arrival:
    message: ImageMessage
    arrived_ns: int


@dataclass(frozen=True, slots=True)
class _Seen:
    frame: Frame
    perception: Perception
    header: Header
    answer: Answer | None


class Pipeline:
    """Two workers: one perceives and publishes, one draws the overlay while somebody watches it.

    Args:
        perceive: the student.
        check_size: told width and height of every decoded image.
        overlay_alpha: read for every overlay drawn.
        decode: a message to RGB, uint8 (H, W, 3).
        period_s: seconds from one frame to the next that is perceived, at least; asked again and again.
        look_back: given every frame once it is published, with the message it came in; it raises nothing.
        refer: answers the query, if there is one, on a published frame; it raises nothing.
        idle: called in the perceiving thread while no frame waits.
        tracks: gives detections their identities before they are published, and then publishes what it knows of them.
        on_demand: publishes what is made only while somebody listens.
        distrust: why no frame must be seen by the student: each counts as bad then. Empty while it is trusted.
    """

    def __init__(
        self,
        perceive: Callable[[Frame], Perception],
        outputs: Outputs,
        statistics: FrameStatistics,
        clock: Clock,
        logger: RcutilsLogger,
        *,
        overlay_alpha: Callable[[], float],
        check_size: Callable[[int, int], None],
        look_back: Callable[[ImageMessage, Frame, Perception], None] | None = None,
        refer: Callable[[Frame, Perception, Header], Answer | None] | None = None,
        idle: Callable[[], None] | None = None,
        distrust: Callable[[], str] = lambda: "",
        decode: Callable[[ImageMessage], NDArray[np.uint8]] = to_rgb,
        tracks: Tracks | None = None,
        on_demand: OnDemand | None = None,
        period_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._perceive = perceive
        self._outputs = outputs
        self._statistics = statistics
        self._clock = clock
        self._logger = logger
        self._overlay_alpha = overlay_alpha
        self._check_size = check_size
        self._look_back = look_back
        self._refer = refer
        self._progress = Progress()
        # Either a frame is published or it is given up, whoever is first.
        self._verdict = threading.Lock()
        self._publishes = self._given_up = False
        self._distrust = distrust
        self._decode = decode
        self._interruptions = 0
        self.fault = ""
        """What went wrong beside the frames, since the start; empty for nothing."""
        self._tracks = tracks
        self._on_demand = on_demand
        self._artist = Worker("overlay", self._draw, on_error=self._report_drawing)
        self._perceiver = Worker(
            "perceive",
            self._process,
            on_error=self._report_bad,
            on_overwrite=statistics.count_overwritten,
            idle=idle,
            on_idle_error=self._report_idle,
            period_s=period_s,
        )

    def submit(self, message: ImageMessage) -> None:
        """Take a message from the executor's thread, without waiting."""
        self._statistics.count_received()
        self._perceiver.submit(_Arrival(message, time.perf_counter_ns()))
        # Lets go of the interpreter: else the frame waits until the executor has looked around for its next callback.
        time.sleep(0)

    def go_on_with(self, perceive: Callable[[Frame], Perception]) -> None:
        """Let another student see the frames that follow."""
        self._perceive = perceive

    @property
    def in_work(self) -> InWork | None:
        """The frame in work, from decoding to the look back; None while there is none."""
        return self._progress.in_work

    def stop(self, within_s: float) -> tuple[str, ...]:
        """Finish what was received and join the threads.

        Args:
            within_s: seconds that this may take.

        Returns:
            The threads that did not end, each with what it does; they are left behind and publish nothing more.
        """
        end = time.monotonic() + within_s
        left_behind = []
        if not self._perceiver.stop(within_s):
            with self._verdict:
                work = self._progress.in_work
                self._given_up = work is not None and not self._publishes
            if work is not None:  # else it ended in the last moment
                left_behind.append(f"a frame {work}")
            if self._given_up:
                self._statistics.count_bad(f"given up {work}")
        if not self._artist.stop(max(end - time.monotonic(), 0.1)):
            left_behind.append("an overlay")
        return tuple(left_behind)

    def _process(self, arrival: _Arrival) -> None:
        try:
            self._perceive_and_publish(arrival)
        finally:
            self._progress.done()
            self._publishes = False

    def _perceive_and_publish(self, arrival: _Arrival) -> None:
        message, taken_ns = arrival.message, time.perf_counter_ns()
        header = message.header
        self._progress.enter("decode")
        image = self._decode(message)
        decoded_ns = time.perf_counter_ns()
        self._check_size(image.shape[1], image.shape[0])
        frame = Frame(image, _nanoseconds(header.stamp), header.frame_id)
        if reason := self._distrust():
            raise StudentError(reason)
        if self._on_demand is not None:
            self._on_demand.expect()
        self._progress.enter("inference")
        perception = self._perceive(frame)
        inferred_ns = time.perf_counter_ns()
        identities: tuple[str, ...] = ()
        if self._tracks is not None:
            self._progress.enter("tracking")
            identities = self._tracks.follow(frame, perception)
        perceived_ns = time.perf_counter_ns()
        with self._verdict:
            if self._given_up:
                return
            self._publishes = True
        self._progress.enter("publish")
        self._outputs.publish(perception, header, identities)
        if self._tracks is not None:
            self._tracks.publish(frame, perception, header)
        published_ns = time.perf_counter_ns()
        if self._on_demand is not None:
            self._on_demand.publish(perception, header, self._clock.now().to_msg())
        total_ms = (published_ns - arrival.arrived_ns) / _NS_PER_MS
        timings_ms = {
            "wait": (taken_ns - arrival.arrived_ns) / _NS_PER_MS,
            "decode": (decoded_ns - taken_ns) / _NS_PER_MS,
            **perception.timings_ms,
            **({"tracking": (perceived_ns - inferred_ns) / _NS_PER_MS} if identities else {}),
            "publish": (published_ns - perceived_ns) / _NS_PER_MS,
            "total": total_ms,
            # What this package costs beside the network itself.
            "own": total_ms - perception.timings_ms.get("inference", 0.0),
        }
        age_ms = self._age_ms(frame.stamp_ns)
        answer = None
        if self._refer is not None:
            self._progress.enter("refer")
            answer = self._refer(frame, perception, header)
            timings_ms["refer"] = (time.perf_counter_ns() - published_ns) / _NS_PER_MS
        if self._look_back is not None:
            self._progress.enter("look back")
            looked_ns = time.perf_counter_ns()
            self._look_back(message, frame, perception)
            timings_ms["look_back"] = (time.perf_counter_ns() - looked_ns) / _NS_PER_MS
        self._statistics.count_processed(timings_ms, age_ms)
        if self._outputs.overlay_is_watched:
            self._artist.submit(_Seen(frame, perception, header, answer))

    def _draw(self, seen: _Seen) -> None:
        picture = overlay.draw(seen.frame.image, seen.perception, alpha=self._overlay_alpha())
        if seen.answer is not None:
            mark(picture, seen.answer)
        self._outputs.publish_overlay(picture, seen.header)

    def _age_ms(self, stamp_ns: int) -> float | None:
        now_ns = self._clock.now().nanoseconds
        # A camera without a clock sends stamp 0; simulated time is 0 until /clock speaks.
        return (now_ns - stamp_ns) / _NS_PER_MS if stamp_ns and now_ns else None

    def _report_bad(self, error: Exception) -> None:
        if self._given_up:
            return
        if isinstance(error, (images.ImageError, StudentError)):
            reason = str(error)
        else:
            reason = f"{type(error).__name__}: {error}"
            self._logger.error(traceback.format_exc(), throttle_duration_sec=_LOG_PERIOD_S)
        self._statistics.count_bad(reason)
        self._logger.warning(f"frame skipped: {reason}", throttle_duration_sec=_LOG_PERIOD_S)

    def _report_idle(self, error: Exception) -> None:
        self._interruptions += 1
        self.fault = f"{self._interruptions} times between two frames: {error}"
        self._logger.error(self.fault, throttle_duration_sec=_LOG_PERIOD_S)

    def _report_drawing(self, error: Exception) -> None:
        self._logger.error(f"overlay not drawn: {error}", throttle_duration_sec=_LOG_PERIOD_S)


def _nanoseconds(stamp: Time) -> int:
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)
