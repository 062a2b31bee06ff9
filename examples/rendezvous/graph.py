"""Perception over real DDS: pictures out, bearings and positions back, a perception_node that can be killed."""

from __future__ import annotations

import time as clock
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from builtin_interfaces.msg import Time
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo as CameraInfoMessage
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray, Detection3D, Detection3DArray

from afss_ros.camera import CameraInfo
from afss_ros.nodes.demo.children import Child
from afss_ros.nodes.messages import image_message
from examples.rendezvous.navigation import Sight
from examples.rendezvous.onboard import COAST_S
from examples.rendezvous.world import View

_ANSWER_S = 5.0
_START_S = 90.0
_FRAME = "chaser_camera"


class Graph:
    """A perception_node in a process of its own, and the chaser's camera and ears. Close it, or use it in `with`."""

    def __init__(self, length_m: float, folder: Path) -> None:
        self._length_m, self._folder = length_m, folder
        rclpy.init()
        self._node = Node("chaser")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._pictures = self._node.create_publisher(Image, "image", 1)
        self._infos = self._node.create_publisher(CameraInfoMessage, "camera_info", 1)
        self._heard: dict[str, dict[int, Any]] = {"tracks": {}, "bearings": {}, "positions": {}}
        for name, kind in (
            ("tracks", Detection2DArray),
            ("bearings", Detection3DArray),
            ("positions", Detection3DArray),
        ):
            self._node.create_subscription(
                kind, f"/perception_node/{name}", lambda m, name=name: self._hear(name, m), 10
            )
        self._child: Child | None = None
        self.start()

    def start(self) -> None:
        """Start a perception_node and wait until it listens."""
        parameters: dict[str, str | int | float | bool] = {
            "autostart": True, "tracking.enabled": True, "tracking.coast": COAST_S, "target.length_m": self._length_m,
            "input.reliability": "reliable",
        }  # fmt: skip
        self._child = Child("perception_node", parameters, {}, self._folder)
        end = clock.monotonic() + _START_S
        while not (
            self._pictures.get_subscription_count() and self._node.count_publishers("/perception_node/bearings")
        ):
            if clock.monotonic() > end or self._child.exit_code is not None:
                raise RuntimeError(f"perception_node does not listen:\n{self._child.last_words()}")
            self._executor.spin_once(timeout_sec=0.05)
        self._spin(0.5)

    def kill(self) -> None:
        """End the node at once, as a fault would."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def __call__(self, time: float, view: View) -> list[Sight]:
        """Show a picture; what the node says of it, or nothing if it says nothing."""
        stamp_ns = round((time + 1) * 1e9)
        header = Header(stamp=Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9), frame_id=_FRAME)
        for heard in self._heard.values():
            heard.clear()
        self._infos.publish(_info_message(view.camera, header))
        self._spin(0.02)  # the calibration first: it belongs to this picture alone
        self._pictures.publish(image_message(view.picture, "rgb8", header))
        end = clock.monotonic() + _ANSWER_S
        while stamp_ns not in self._heard["positions"] and clock.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.02)
        bearings, positions = (self._heard[name].get(stamp_ns) for name in ("bearings", "positions"))
        if bearings is None:
            return []
        places = {d.id: d for d in positions.detections} if positions is not None else {}
        return [_sight(time, d, places.get(d.id)) for d in bearings.detections if not _is_cut(d)]

    def close(self) -> None:
        self.kill()
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.try_shutdown()

    def __enter__(self) -> Graph:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hear(self, name: str, message: Any) -> None:
        stamp = message.header.stamp
        self._heard[name][int(stamp.sec) * 10**9 + int(stamp.nanosec)] = message

    def _spin(self, seconds: float) -> None:
        end = clock.monotonic() + seconds
        while clock.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.01)


def _is_cut(found: Detection3D) -> bool:
    return any(r.hypothesis.class_id == "border" for r in found.results)


def _sight(time: float, found: Detection3D, place: Detection3D | None) -> Sight:
    pose = found.results[0].pose
    direction = np.array([pose.pose.position.x, pose.pose.position.y, pose.pose.position.z])
    covariance = np.array(pose.covariance, np.float64).reshape(6, 6)[:3, :3]
    if place is None:
        return Sight(time, found.id, direction, covariance)
    there = place.results[0].pose
    metres = float(np.linalg.norm([there.pose.position.x, there.pose.position.y, there.pose.position.z]))
    spread = np.array(there.covariance, np.float64).reshape(6, 6)[:3, :3]
    return Sight(time, found.id, direction, covariance, metres, float(np.sqrt(direction @ spread @ direction)))


def _info_message(camera: CameraInfo, header: Header) -> CameraInfoMessage:
    message = CameraInfoMessage(header=header, height=camera.height, width=camera.width)
    message.distortion_model, message.d = camera.distortion_model, camera.d.tolist()
    message.k, message.r, message.p = camera.k.reshape(9), camera.r.reshape(9), camera.p.reshape(12)
    return message
