"""One measurement for `cost`: a camera in this process, perception_node in another.

It has a process of its own because Fast DDS reads its profile once a process. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from afss_ros.nodes.messages import image_message

_PATIENCE_S = 60.0
_LATE_S = 1.0
"""After the last image was sent, how long an answer may take before its image counts as lost."""


class RoundTripError(Exception):
    """The node under measurement did not answer."""


class Camera(Node):  # type: ignore[misc]  # rclpy is untyped
    """Publishes one picture again and again and notes when its mask comes back."""

    def __init__(self, namespace: str, side: int) -> None:
        super().__init__("camera", namespace=namespace)
        best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        self._publisher = self.create_publisher(Image, "image", best_effort)
        self._message = image_message(_picture(side), "rgb8", Header(frame_id="camera"))
        self._sent_at: dict[tuple[int, int], float] = {}
        self.sent = 0
        self.round_trips_ms: list[float] = []
        self.values: dict[str, str] = {}
        self.create_subscription(Image, "perception_node/mask", self._receive, 10)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._hear, 10)
        self._name = f"{namespace.strip('/')}/perception_node: perception"

    def publish(self) -> None:
        stamp = self.get_clock().now().to_msg()
        self._message.header.stamp = stamp
        self._sent_at[stamp.sec, stamp.nanosec] = time.perf_counter()
        self.sent += 1
        self._publisher.publish(self._message)

    @property
    def is_heard(self) -> bool:
        return bool(self._publisher.get_subscription_count())

    @property
    def is_off(self) -> bool:
        """Whether the node is active and takes no images on purpose."""
        return (self.values.get("state"), self.values.get("power.mode")) == ("active", "off")

    def _receive(self, mask: Image) -> None:
        sent_at = self._sent_at.pop((mask.header.stamp.sec, mask.header.stamp.nanosec), None)
        if sent_at is not None:
            self.round_trips_ms.append((time.perf_counter() - sent_at) * 1e3)

    def _hear(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == self._name:
                self.values = {v.key: v.value for v in status.values}


def measure(camera: Camera, *, frames: int, rate: float, seconds: float, busy_s: Callable[[], float]) -> dict[str, Any]:
    """Send `frames` one by one, each after the answer to the last; then `rate` a second for `seconds`.

    Args:
        busy_s: the seconds for which the node has kept a processor busy.
    """
    executor = SingleThreadedExecutor()
    executor.add_node(camera)

    def spin(until: Callable[[], bool], patience_s: float) -> bool:
        end = time.monotonic() + patience_s
        while not until() and time.monotonic() < end:
            executor.spin_once(timeout_sec=0.01)
        return until()

    def counts() -> dict[str, int]:
        camera.values = {}
        if not spin(lambda: bool(camera.values), 10.0):
            raise RoundTripError("no report on /diagnostics within 10 s")
        return {k: int(camera.values[f"frames.{k}"]) for k in ("received", "processed", "overwritten", "bad")}

    if not spin(lambda: camera.is_heard or camera.is_off, _PATIENCE_S):
        raise RoundTripError(f"perception_node did not subscribe within {_PATIENCE_S} s; see its log above")
    for _ in range(frames):
        answered = len(camera.round_trips_ms)
        camera.publish()
        spin(lambda answered=answered: len(camera.round_trips_ms) > answered, 2.0)  # type: ignore[misc]
    before, lockstep = counts(), dict(camera.values)
    busy_before_s, began_s = busy_s(), time.monotonic()
    camera.sent, camera.round_trips_ms = 0, []

    timer = camera.create_timer(1 / rate, camera.publish, clock=Clock(clock_type=ClockType.STEADY_TIME))
    spin(lambda: False, seconds)
    camera.destroy_timer(timer)
    spin(lambda: False, _LATE_S)
    used_s, lasted_s = busy_s() - busy_before_s, time.monotonic() - began_s
    after = counts()
    executor.shutdown()
    received = {key: after[key] - before[key] for key in after}
    round_trip = np.percentile(camera.round_trips_ms, (50, 95)) if camera.round_trips_ms else (np.nan, np.nan)
    return {
        "latency_ms": {k.removeprefix("latency_ms."): float(v) for k, v in lockstep.items() if "latency_ms." in k},
        "provider": lockstep.get("provider", ""),
        "rate_hz": rate,
        "sent": camera.sent,
        **received,
        "answered": len(camera.round_trips_ms),
        "cpu_s": used_s,
        "cores": used_s / lasted_s,
        "lost": camera.sent - received["received"],
        "round_trip_ms": {"p50": float(round_trip[0]), "p95": float(round_trip[1])},
    }


def _busy_s(pid: int) -> float:
    """Processor seconds of a process so far, all threads, in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _picture(side: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A craft-like thing in front of faint noise: uint8 (side, side, 3)."""
    picture = np.random.default_rng(0).integers(0, 12, (side, side, 3), np.uint8)
    q = side // 4
    picture[q : 3 * q, q + q // 2 : 2 * q + q // 2] = (150, 150, 140)
    picture[side // 2 - q // 4 : side // 2 + q // 4, q // 4 : q + q // 2] = (40, 60, 150)
    return picture


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--provider", default="auto")
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--rate", type=float, default=30.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--parameter", action="append", default=[], help="of the node, name:=value; repeatable")
    options = parser.parse_args()
    namespace = f"/afss_benchmark_{os.getpid()}"
    parameters = {
        "autostart": "true",
        "model.path": options.model,
        "model.provider": options.provider,
        "diagnostics.period": "0.5",
    }
    arguments = [item for name, value in parameters.items() for item in ("-p", f"{name}:={value}")]
    arguments += [item for given in options.parameter for item in ("-p", given)]
    node = subprocess.Popen(
        [sys.executable, "-m", "afss_ros.nodes.perception_node", "--ros-args", "-r", f"__ns:={namespace}", *arguments],
        stdout=sys.stderr,
    )
    rclpy.init(args=[])
    try:
        camera = Camera(namespace, options.side)
        result = measure(
            camera, frames=options.frames, rate=options.rate, seconds=options.seconds, busy_s=lambda: _busy_s(node.pid)
        )
        camera.destroy_node()
    finally:
        rclpy.try_shutdown()
        node.send_signal(signal.SIGINT)
        node.wait(30)
    json.dump(result, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
