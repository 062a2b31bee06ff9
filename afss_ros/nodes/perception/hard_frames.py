"""Record the frames that the student is unsure of, for the teacher on the ground; the stream goes on, come what may.

Every frame is judged in the perceiving thread, after it was published: a fraction of a millisecond. What is chosen is
encoded and written by a thread of its own, which takes one frame at a time; while it is busy, or the disk refuses, the
most doubtful frame waits, and only that one. The bags are what `afss label` reads. Knows nothing of rclpy.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from afss_ros.bags import LATCHED, BagError, BagWriter, Budget, Spool, messages, serialize
from afss_ros.camera import CameraError, CameraInfo, CameraInfoMessage
from afss_ros.images import encode_compressed
from afss_ros.nodes.perception.hard_frame_choice import Choice, Limits
from afss_ros.nodes.perception.judging import Judge, Judgement
from afss_ros.nodes.worker import Worker
from afss_ros.perception import Frame, Perception

FORMATS = ("jpeg", "png", "raw")

_STOP_S = 15.0
"""How long the end waits for a disk."""
_RETRY_AFTER_S = 10.0
_OVERHEAD_BYTES = 4096
"""Of one frame's small messages and their records, at most."""


class Compressed(Protocol):
    """A sensor_msgs/CompressedImage."""

    @property
    def data(self) -> Any: ...
    @property
    def format(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Topics:
    """Under which names the frames are recorded: those of the graph.

    Attributes:
        image: of the raw images; compressed ones get /compressed.
        node: the perception node's full name, before its outputs.
    """

    image: str
    node: str

    @property
    def camera_info(self) -> str:
        """Beside the image, where readers of bags look for it."""
        return str(PurePosixPath(self.image).parent / "camera_info")


@dataclass(frozen=True, slots=True, eq=False)
class HardFrame:
    """One frame to be recorded.

    Attributes:
        compressed: the message it came as, if that was compressed: recorded as it is.
        camera: the newest camera_info, if any came.
    """

    frame: Frame
    perception: Perception
    doubt: Judgement
    compressed: Compressed | None
    camera: CameraInfoMessage | None


class HardFrames:
    """Judges, chooses, and records.

    Args:
        folder, budget: see `bags.Spool`.
        image_format: one of `FORMATS`, for frames that came raw.
        class_names: id -> name, for the bag's label_info.
        limits, threshold: read for every frame.
        warn: told why a frame could not be recorded.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        folder: Path,
        budget: Budget,
        topics: Topics,
        *,
        image_format: str,
        class_names: Mapping[int, str],
        limits: Callable[[], Limits],
        threshold: Callable[[], float],
        warn: Callable[[str], None] = lambda _reason: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spool = Spool(folder, budget, started=self._announce)
        self._topics = topics
        self._image_format = image_format
        self._class_names = dict(class_names)
        self._limits = limits
        self._threshold = threshold
        self._warn = warn
        self._clock = clock
        self._choice: Choice[HardFrame] = Choice()
        self._judge = Judge(threshold, clock=clock)
        self._lock = threading.Lock()
        self._counts = {"judged": 0, "doubtful": 0, "unusable": 0, "recorded": 0, "failed": 0}
        self._newest: Judgement | None = None
        self._at_rest = threading.Event()
        self._at_rest.set()
        self._retry_at = float("-inf")
        self._bytes = self._spool.bytes
        self.failure = ""
        """Why the newest attempt to record failed; empty when it did not."""
        self._worker = Worker("hard_frames", self._record, on_error=self._fail)

    @property
    def is_busy(self) -> bool:
        """Whether a frame is being recorded; meanwhile others only compete for being the next."""
        return not self._at_rest.is_set()

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """For /diagnostics: key and value."""
        with self._lock:
            newest = self._newest
            return (
                *((f"hard_frames.{name}", str(count)) for name, count in self._counts.items()),
                ("hard_frames.doubt", "unknown" if newest is None else f"{newest.score:.2f} {newest.reason}"),
                ("hard_frames.mib", f"{self._bytes / 2**20:.1f}"),
                ("hard_frames.directory", str(self._spool.folder)),
                ("hard_frames.failure", self.failure),
            )

    def consider(
        self,
        frame: Frame,
        perception: Perception,
        *,
        judged: Judgement | None = None,
        compressed: Compressed | None = None,
        camera: CameraInfoMessage | None = None,
    ) -> None:
        """See a frame that was just perceived; called for all of them, in order. Never raises.

        Args:
            judged: how doubtful it is; judged here, by the student's word alone, for None.
        """
        try:
            self._consider(frame, perception, judged or self._judge(frame, perception), compressed, camera)
        except Exception as error:  # whatever is wrong here, the stream is right
            self._fail(error)

    def stop(self) -> None:
        """Record what waits, complete the bag, end the thread. Safe to call again."""
        waiting = self._choice.release()
        if waiting is not None:
            # A frame whose recording has not begun would be replaced by this one.
            self._at_rest.wait(_STOP_S)
            self._worker.submit(waiting)
        if not self._worker.stop(_STOP_S):
            # The bag is still being written to; closing it under the writer would lose more than leaving it open.
            self._fail(BagError(f"a frame is still being written after {_STOP_S:g} s; its bag stays incomplete"))
            return
        try:
            self._spool.close()
        except (BagError, OSError) as error:
            self._fail(error)

    def _consider(
        self,
        frame: Frame,
        perception: Perception,
        judged: Judgement,
        compressed: Compressed | None,
        camera: CameraInfoMessage | None,
    ) -> None:
        now_s, limits = self._clock(), self._limits()
        with self._lock:
            self._counts["judged"] += 1
            self._counts["doubtful"] += judged.score >= limits.min_doubt
            self._counts["unusable"] += not judged.usable
            self._newest = judged
            can_take = not self.is_busy and now_s >= self._retry_at
        # A lens cap is doubtful to the utmost, and nobody learns from it.
        doubt = judged.score if judged.usable else -1.0
        candidate = HardFrame(frame, perception, judged, compressed, camera)
        chosen = self._choice.offer(candidate, doubt, now_s, limits, can_take=can_take)
        if chosen is not None:
            self._at_rest.clear()
            self._worker.submit(chosen)

    def _record(self, hard: HardFrame) -> None:
        try:
            # What cannot be serialized is found out here, where it costs this frame and not the open bag.
            recorded = [
                (name, message.__msgtype__, serialize(message))
                for name, message in (self._image(hard), *self._messages(hard))
            ]
            size = sum(len(cdr) for _, _, cdr in recorded) + _OVERHEAD_BYTES
            # Headers keep the camera's stamp; a camera that has no clock is recorded under the time that it is now.
            recorded_ns = hard.frame.stamp_ns if hard.frame.stamp_ns > 0 else time.time_ns()

            def put(bag: BagWriter) -> None:
                for name, msgtype, cdr in recorded:
                    bag.write_raw(name, msgtype, cdr, recorded_ns)

            self._spool.write(size, hard.doubt.score, put)
            with self._lock:
                self._counts["recorded"] += 1
                self.failure = ""
        finally:
            self._bytes = self._spool.bytes
            self._at_rest.set()

    def _image(self, hard: HardFrame) -> tuple[str, Any]:
        frame, topic = hard.frame, self._topics.image
        stamp_ns = frame.stamp_ns
        if hard.compressed is not None:
            data, kind = bytes(hard.compressed.data), hard.compressed.format
        elif self._image_format != "raw":
            data, kind = encode_compressed(frame.image, self._image_format), self._image_format
        else:
            return topic, messages.image(frame.image, stamp_ns, frame.frame_id)
        return f"{topic}/compressed", messages.compressed_image(data, kind, stamp_ns, frame.frame_id)

    def _messages(self, hard: HardFrame) -> list[tuple[str, Any]]:
        """What goes with the image."""
        frame_id, perception, node = hard.frame.frame_id, hard.perception, self._topics.node
        stamp_ns = hard.frame.stamp_ns
        status = messages.diagnostics(f"{node}: doubt", hard.doubt.reason, hard.doubt.texts, stamp_ns, frame_id)
        found = [(f"{node}/detections", messages.detections(perception, frame_id)), (f"{node}/doubt", status)]
        if perception.labels is not None:
            found.append((f"{node}/mask", messages.image(perception.labels, stamp_ns, frame_id)))
        if hard.camera is not None:
            try:
                camera = CameraInfo.from_message(hard.camera)
                info = messages.camera_info(camera, stamp_ns, frame_id)
            except (CameraError, BagError) as error:
                self._warn(f"its camera_info is left out: {error}")
            else:
                found.append((self._topics.camera_info, info))
        return found

    def _announce(self, bag: BagWriter) -> None:
        topic = f"{self._topics.node}/label_info"
        bag.add_topic(topic, "vision_msgs/msg/LabelInfo", qos=[LATCHED])
        now_ns = time.time_ns()
        bag.write(topic, messages.label_info(self._class_names, self._threshold(), now_ns), now_ns)

    def _fail(self, error: Exception) -> None:
        reason = str(error) if isinstance(error, BagError) else f"{type(error).__name__}: {error}"
        with self._lock:
            self._counts["failed"] += 1
            self.failure = reason
            self._retry_at = self._clock() + _RETRY_AFTER_S
        self._warn(reason)
