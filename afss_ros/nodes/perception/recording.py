"""The hard frames of perception_node: its parameters and topics, and `HardFrames` between activate and deactivate."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rclpy.node import Node
from sensor_msgs.msg import CompressedImage

from afss_ros.nodes.image_input import ImageMessage
from afss_ros.nodes.perception.camera_check import CameraCheck
from afss_ros.nodes.perception.judging import Judgement
from afss_ros.nodes.perception.parameters import Settings
from afss_ros.perception import Frame, Perception

if TYPE_CHECKING:
    from afss_ros.nodes.perception.hard_frames import HardFrames

_WARN_PERIOD_S = 10.0


class Recording:
    """Records the hard frames of an active node; keeps the facts of the last time while it is inactive."""

    def __init__(self, node: Node, settings: Settings, class_names: Mapping[int, str]) -> None:
        # Bags take seconds to import and most nodes record none; at configure there is time.
        from afss_ros.bags import typestore

        typestore()
        self._node = node
        self._at_configure = settings
        self._class_names = class_names
        self._hard_frames: HardFrames | None = None
        self._camera: CameraCheck | None = None

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """For /diagnostics: key and value."""
        return self._hard_frames.facts if self._hard_frames is not None else ()

    @property
    def failure(self) -> str:
        """Why the newest hard frame could not be recorded; empty when it could."""
        return self._hard_frames.failure if self._hard_frames is not None else ""

    def start(self, settings: Callable[[], Settings], camera: CameraCheck) -> None:
        """Be ready for frames; `settings` is asked for what may change at any time."""
        from afss_ros.bags import Budget
        from afss_ros.nodes.perception.hard_frame_choice import Limits
        from afss_ros.nodes.perception.hard_frames import HardFrames, Topics

        chosen, logger = self._at_configure, self._node.get_logger()

        def limits() -> Limits:
            now = settings()
            return Limits(now.hard_frames_min_doubt, now.hard_frames_max_rate, now.hard_frames_min_gap)

        def warn(reason: str) -> None:
            logger.warning(f"hard frame not recorded: {reason}", throttle_duration_sec=_WARN_PERIOD_S)

        self._camera = camera
        self._hard_frames = HardFrames(
            folder(chosen.hard_frames_directory, self._node.get_fully_qualified_name()),
            Budget(chosen.hard_frames_max_mib << 20, chosen.hard_frames_keep_free_mib << 20),
            Topics(self._node.resolve_topic_name("image"), self._node.get_fully_qualified_name()),
            image_format=chosen.hard_frames_image_format,
            class_names=self._class_names,
            limits=limits,
            threshold=lambda: settings().detection_score_threshold,
            warn=warn,
        )

    def consider(self, message: ImageMessage, frame: Frame, perception: Perception, judged: Judgement) -> None:
        """See a frame that was just published and judged. Never raises."""
        if self._hard_frames is not None:
            self._hard_frames.consider(
                frame,
                perception,
                judged=judged,
                compressed=message if isinstance(message, CompressedImage) else None,
                camera=self._camera.newest if self._camera is not None else None,
            )

    def stop(self) -> None:
        """Complete the bag. Safe to call again."""
        if self._hard_frames is not None:
            self._hard_frames.stop()


def plan(node: Node, settings: Settings, class_names: Mapping[int, str]) -> Recording | None:
    """A recording as the parameters ask for it; None when they ask for none."""
    return Recording(node, settings, class_names) if settings.hard_frames_record else None


def folder(directory: str, node_name: str) -> Path:
    """Where the bags go: the parameter's directory, or one for each node under $ROS_HOME."""
    if directory:
        return Path(directory).expanduser()
    home = os.environ.get("ROS_HOME") or "~/.ros"
    return Path(home).expanduser() / "afss_hard_frames" / node_name.strip("/")
