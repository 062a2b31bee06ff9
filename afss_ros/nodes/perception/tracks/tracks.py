"""Tracking in the node: identities for the detections before they go out, and what is known of craft after.

Nothing is made while tracking is off: no publisher, no work. Everything but `prepare` and `close` runs in the
perceiving thread, one frame at a time, and says nothing of a frame that is not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np
from rclpy.lifecycle import LifecycleNode
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray, Detection3DArray
from visualization_msgs.msg import MarkerArray

from afss_ros.camera import CameraError, CameraInfo, CameraInfoMessage
from afss_ros.nodes.perception.parameters import Settings
from afss_ros.nodes.perception.tracks import messages as track_messages
from afss_ros.nodes.perception.tracks.depth_input import DepthInput
from afss_ros.perception import Frame, Perception
from afss_ros.student.regions import instance_map
from afss_ros.tracking import Settings as TrackSettings
from afss_ros.tracking import Track, Tracker, ranging
from afss_ros.tracking.bearing import Bearing
from afss_ros.tracking.described import identities
from afss_ros.tracking.placed import Placed, by_length, place
from afss_ros.tracking.rays import Rays
from afss_ros.tracking.settings import TrackingError, least_score

_RELIABLE = QoSProfile(depth=5)
_LOG_PERIOD_S = 10.0


class Tracks:
    """Follows craft and publishes what is known of them.

    Args:
        settings: read for every frame.
        camera_of: the CameraInfo of a picture's stamp in nanoseconds, if any came.
        rectified: whether the pictures are rectified already.
    """

    def __init__(
        self,
        node: LifecycleNode,
        class_names: Mapping[int, str],
        *,
        settings: Callable[[], Settings],
        camera_of: Callable[[int], CameraInfoMessage | None],
        rectified: Callable[[], bool],
    ) -> None:
        self._node = node
        self._class_ids = {name: number for number, name in class_names.items()}
        self._settings = settings
        self._camera_of = camera_of
        self._rectified = rectified
        self._tracker = Tracker()
        self._tracks: tuple[Track, ...] | None = None
        self._newest_placed: list[Placed] = []
        self._publishers: dict[str, Publisher] = {}
        self._transforms: Publisher | None = None
        self._transform_message: Any = None
        self._depth: DepthInput | None = None
        self._rays: tuple[CameraInfoMessage, bool, Rays | None] | None = None
        self.prepare()

    def prepare(self) -> None:
        """Make what the settings ask for, in the executor's thread: at configure, and when parameters change."""
        settings, node = self._settings(), self._node
        if not settings.tracking_enabled:
            return
        if not self._publishers:
            kinds = {
                "tracks": Detection2DArray, "bearings": Detection3DArray, "positions": Detection3DArray,
                "markers": MarkerArray,
            }  # fmt: skip
            self._publishers = {
                name: node.create_publisher(kind, f"~/{name}", _RELIABLE) for name, kind in kinds.items()
            }
        if settings.tracking_depth and self._depth is None:
            self._depth = DepthInput(node)
        if settings.tracking_publish_tf and self._transforms is None:
            try:
                self._transform_message = import_module("tf2_msgs.msg").TFMessage
            except ImportError:
                node.get_logger().error("tracking.publish_tf needs the ROS package tf2_msgs, which is not here")
                return
            self._transforms = node.create_publisher(self._transform_message, "/tf", QoSProfile(depth=100))

    def follow(self, frame: Frame, perception: Perception) -> tuple[str, ...]:
        """Follow the craft into a frame; the identities of its detections, or none of them while tracking is off."""
        settings = self._settings()
        if not settings.tracking_enabled or not self._publishers:
            if self._tracks is not None:
                self._tracker.forget()
            self._tracks = None
            return ()
        self._tracker.settings = TrackSettings(
            confirm_hits=settings.tracking_confirm_hits,
            confirm_within=settings.tracking_confirm_hits + 2,
            coast_s=settings.tracking_coast,
            remember_s=settings.tracking_remember,
            least_score=least_score(settings.detection_score_threshold),
        )
        self._tracks = self._tracker(perception, (frame.image.shape[0], frame.image.shape[1]))
        return identities(self._tracks, len(perception.detections))

    def publish(self, frame: Frame, perception: Perception, header: Header) -> None:
        """Publish the tracks of the frame that `follow` was last given, under its header."""
        tracks, publishers = self._tracks, self._publishers
        self._newest_placed = []
        if tracks is None:
            return
        publishers["tracks"].publish(track_messages.tracks_message(tracks, self._class_ids, header))
        rays = self._rays_of(frame.stamp_ns)
        if rays is None:
            return
        placed = self._newest_placed = self._placed(rays, tracks, frame, perception)
        publishers["bearings"].publish(track_messages.bearings_message(placed, header))
        settings = self._settings()
        if settings.target_length_m > 0 or self._depth is not None:
            publishers["positions"].publish(track_messages.positions_message(placed, settings.target_length_m, header))
        if publishers["markers"].get_subscription_count():
            publishers["markers"].publish(track_messages.markers_message(placed, header))
        if self._transforms is not None and settings.tracking_publish_tf:
            self._transforms.publish(self._transform_message(transforms=track_messages.transforms(placed, header)))

    @property
    def newest(self) -> tuple[tuple[Track, ...] | None, list[Placed]]:
        """The tracks of the frame that was published last, None while tracking is off; and those with a bearing."""
        return self._tracks, self._newest_placed

    def close(self) -> None:
        """Destroy what was made."""
        for publisher in (*self._publishers.values(), *((self._transforms,) if self._transforms else ())):
            self._node.destroy_publisher(publisher)
        self._publishers, self._transforms = {}, None
        if self._depth is not None:
            self._depth.close()
            self._depth = None

    def _placed(self, rays: Rays, tracks: tuple[Track, ...], frame: Frame, perception: Perception) -> list[Placed]:
        """Bearing and perhaps position of every confirmed craft that the frame shows by itself."""
        depth = self._depth.of(frame.stamp_ns) if self._depth is not None else None
        owned = None
        if depth is not None and perception.labels is not None and depth.shape == perception.labels.shape:
            owned = instance_map(perception.labels, (*perception.detections, *perception.rejected))

        def ranger(track: Track, ray: Bearing) -> ranging.Range | None:
            assert track.detection is not None
            return self._range(rays, track, ray, depth, None if owned is None else owned == track.detection + 1)

        return place(rays, tracks, frame.image, ranger, self._warn)

    def _range(
        self,
        rays: Rays,
        track: Track,
        ray: Bearing,
        depth: np.ndarray[Any, np.dtype[np.float32]] | None,
        pixels: np.ndarray[Any, np.dtype[np.bool_]] | None,
    ) -> ranging.Range | None:
        """From depth where there is some, else from the length where it is known."""
        length = self._settings().target_length_m
        if depth is not None and pixels is not None:
            along = ranging.from_depth(depth, pixels, half_depth_m=length / 2)
            if along is not None:
                slant = 1 / max(float(ray.direction[2]), 0.1)
                return ranging.Range(along.metres * slant, along.sigma * slant)
        return by_length(rays, length)(track, ray)

    def _rays_of(self, stamp_ns: int) -> Rays | None:
        """The rays of the camera as calibrated for a picture; None without a calibration, which is warned about."""
        info, rectified = self._camera_of(stamp_ns), self._rectified()
        if info is None:
            self._warn("no camera_info, so tracks have no bearing")
            return None
        if self._rays is None or self._rays[0] is not info or self._rays[1] != rectified:
            try:
                rays = Rays(CameraInfo.from_message(info), rectified=rectified)
            except (CameraError, TrackingError) as error:
                self._warn(f"no bearings: {error}")
                rays = None
            self._rays = info, rectified, rays
        return self._rays[2]

    def _warn(self, sentence: str) -> None:
        self._node.get_logger().warning(sentence, throttle_duration_sec=_LOG_PERIOD_S)
