"""What happens to a frame once it is published: it is judged, and recorded where it is hard."""

from __future__ import annotations

from rclpy.impl.rcutils_logger import RcutilsLogger

from afss_ros.nodes.image_input import ImageMessage
from afss_ros.nodes.perception.judging import Judge
from afss_ros.nodes.perception.outputs import Outputs
from afss_ros.nodes.perception.recording import Recording
from afss_ros.nodes.perception.tracks.packets import Packets
from afss_ros.perception import Frame, Perception

_LOG_PERIOD_S = 10.0


class LookBack:
    """Judges every frame while somebody listens to it or records, and as many as the monitor asks for else."""

    def __init__(
        self,
        judge: Judge,
        outputs: Outputs,
        recording: Recording | None,
        logger: RcutilsLogger,
        packets: Packets | None = None,
    ) -> None:
        self._packets = packets
        self._judge = judge
        self._outputs = outputs
        self._recording = recording
        self._logger = logger

    def __call__(self, message: ImageMessage, frame: Frame, perception: Perception) -> None:
        """Look back on a published frame. Never raises: the frame is right, whatever is wrong here."""
        try:
            watched = self._outputs.doubt_is_watched
            packets = self._packets if self._packets is not None and self._packets.are_wanted else None
            if not (watched or packets is not None or self._recording is not None or self._judge.is_due):
                return
            judged = self._judge(frame, perception)
            if watched:
                self._outputs.publish_doubt(judged, message.header, perception.presence)
            if packets is not None:
                packets.offer(frame, perception, judged.score)
            if self._recording is not None:
                self._recording.consider(message, frame, perception, judged)
        except Exception as error:
            self._logger.error(
                f"a frame could not be judged: {type(error).__name__}: {error}", throttle_duration_sec=_LOG_PERIOD_S
            )
