"""perception_node in a process of its own, and a peer that talks to it over real DDS."""

from __future__ import annotations

import array
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from domains import reserved_domain as reserved_domain
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from numpy.typing import NDArray
from processes import ROOT as ROOT
from processes import python, started
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header

PATIENCE_S = 300.0
"""How long a test waits for what must come: a busy machine is slow, not wrong."""
RELIABLE = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
BEST_EFFORT = QoSProfile(depth=50, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class PerceptionProcess(AbstractContextManager["PerceptionProcess"]):
    """perception_node, started; its log is kept in a file. As a context it is killed at the end if it still runs."""

    def __init__(
        self,
        domain: int,
        log: Path,
        program: Sequence[str] = ("-m", "afss_ros.nodes.perception_node"),
        more: Sequence[str] = (),
        **parameters: Any,
    ) -> None:
        # A busy machine may show no image for a while, which is not what most tests of /diagnostics are about.
        values = {"diagnostics__stale_after": 60.0, **parameters}
        arguments = [item for name, value in values.items() for item in ("-p", f"{name.replace('__', '.')}:={value}")]
        command = python(*program, "--ros-args", *arguments, *more)
        self._log = log
        self._stack = ExitStack()
        output = self._stack.enter_context(log.open("w"))
        self.process: subprocess.Popen[str] = self._stack.enter_context(started(command, domain=domain, stdout=output))

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def log(self) -> str:
        return self._log.read_text()

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Signal the process until it ends, as terminal and launch both do, and return its exit code.

        A negative code is a violent death.
        """
        end = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            if time.monotonic() > end:
                raise TimeoutError(f"perception_node did not end within {PATIENCE_S} s of a signal")
            self.process.send_signal(number)
            time.sleep(0.02)
        return self.process.returncode


class Peer:
    """A node in this process that operates perception_node and plays its camera."""

    def __init__(self, domain: int) -> None:
        self._context = Context()
        rclpy.init(context=self._context, domain_id=domain)
        self.node = Node("peer", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._clients: dict[str, Any] = {}
        self._diagnostics: list[DiagnosticArray] = []
        self._reported_at_ns: list[int] = []
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._hear_report, RELIABLE)
        self._lasting = [*self.node.subscriptions, *self.node.publishers]

    def _hear_report(self, report: DiagnosticArray, info: dict[str, int]) -> None:
        self._diagnostics.append(report)
        self._reported_at_ns.append(info["source_timestamp"])

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        self._context.shutdown()

    def forget(self) -> None:
        """Destroy what a test made: timers, publishers, subscriptions. Clients stay, because discovery takes time."""
        for timer in list(self.node.timers):
            self.node.destroy_timer(timer)
        for subscription in [s for s in self.node.subscriptions if s not in self._lasting]:
            self.node.destroy_subscription(subscription)
        for publisher in [p for p in self.node.publishers if p not in self._lasting]:
            self.node.destroy_publisher(publisher)

    def spin_until(self, condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
        end = time.monotonic() + patience_s
        while not condition():
            assert time.monotonic() < end, f"waited {patience_s} s in vain for {what}"
            self._executor.spin_once(timeout_sec=0.02)

    def spin_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.02)

    def hear(self, kind: type, topic: str, qos: QoSProfile = RELIABLE) -> list[Any]:
        heard: list[Any] = []
        self.node.create_subscription(kind, topic, heard.append, qos)
        return heard

    def call(self, kind: type, service: str, request: Any) -> Any:
        future = self.call_later(kind, service, request)
        self.spin_until(future.done, f"an answer from {service}")
        return future.result()

    def call_later(self, kind: type, service: str, request: Any) -> Any:
        """The future of a call's answer."""
        if service not in self._clients:
            self._clients[service] = self.node.create_client(kind, service)
        client = self._clients[service]
        self.spin_until(client.service_is_ready, f"service {service}")
        return client.call_async(request)

    def transition(self, label: str) -> bool:
        request = ChangeState.Request(transition=Transition(label=label))
        return bool(self.call(ChangeState, "/perception_node/change_state", request).success)

    def state(self) -> str:
        return str(self.call(GetState, "/perception_node/get_state", GetState.Request()).current_state.label)

    def set_parameter(self, name: str, value: Any) -> SetParametersResult:
        request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
        return self.call(SetParameters, "/perception_node/set_parameters", request).results[0]

    def reload(self, **parameters: Any) -> bool:
        """Clean up, set parameters (`__` for a dot), configure and activate; whether that worked."""
        steps = {"active": ["deactivate", "cleanup"], "inactive": ["cleanup"]}
        for step in steps.get(self.state(), []):
            assert self.transition(step)
        wanted = [
            Parameter(name.replace("__", "."), value=value).to_parameter_msg() for name, value in parameters.items()
        ]
        request = SetParameters.Request(parameters=wanted)
        for result in self.call(SetParameters, "/perception_node/set_parameters", request).results:
            assert result.successful, result.reason
        return self.transition("configure") and self.transition("activate")

    def status(
        self,
        which: Callable[[dict[str, str]], bool] = lambda values: True,
        *,
        says: str = "",
        since_ns: int | None = None,
    ) -> tuple[bytes, str, dict[str, str]]:
        """Level, message and values of the first report on /diagnostics whose values are `which` and that says `says`.

        Only reports count that are heard from now on and were made since `since_ns`, by default since this call: on a
        busy machine older ones are still under way.
        """
        since_ns = time.time_ns() if since_ns is None else since_ns
        seen = len(self._diagnostics)
        found: list[tuple[bytes, str, dict[str, str]]] = []

        def reported() -> bool:
            nonlocal seen
            while seen < len(self._diagnostics) and not found:
                if self._reported_at_ns[seen] > since_ns:
                    for status in self._diagnostics[seen].status:
                        values = {v.key: v.value for v in status.values}
                        is_it = status.name == "perception_node: perception" and says in status.message
                        if is_it and which(values):
                            found.append((status.level, status.message, values))
                seen += 1
            return bool(found)

        self.spin_until(reported, f"a report on /diagnostics {says and f'that says {says!r}'}")
        return found[0]

    def status_that(self, which: Callable[[bytes, str], bool]) -> tuple[bytes, str, dict[str, str]]:
        """The first report after this call whose level and message are `which`."""
        found: list[tuple[bytes, str, dict[str, str]]] = []

        def reported() -> bool:
            found[:] = [self.status()]
            return which(*found[0][:2])

        self.spin_until(reported, "such a report on /diagnostics")
        return found[0]

    def status_after_bad_frames(self, count: int) -> tuple[bytes, str, dict[str, str]]:
        """The first report that counts at least `count` bad frames, even if it is under way already."""
        return self.status(lambda values: int(values["frames.bad"]) >= count, since_ns=0)

    def camera(self, kind: type = Image, topic: str = "image", qos: QoSProfile = RELIABLE) -> Any:
        """A publisher of images that perception_node listens to already."""
        publisher = self.node.create_publisher(kind, topic, qos)
        self.spin_until(lambda: publisher.get_subscription_count() == 1, f"perception_node to subscribe to {topic}")
        return publisher

    def heard_camera(self, kind: type = Image, topic: str = "image") -> Any:
        """A publisher of images of which perception_node knows, too: nothing that it publishes is lost on the way.

        Two nodes find each other one after the other, and whoever publishes in between speaks to nobody.
        """
        publisher = self.camera(kind, topic)
        self.status(lambda values: int(values["input.publishers"]) > 0)
        return publisher

    def repeat(self, action: Callable[[], None], period_s: float = 0.1) -> None:
        """Do something again and again while this peer waits for something, until the end of the test."""
        self.node.create_timer(period_s, action)

    def show(self, camera: Any, message: Any, *answers: list[Any]) -> None:
        """Publish an image until every list of `answers` has something: whom a new subscription hears is a matter of
        discovery, which takes its time."""
        due = 0.0

        def answered() -> bool:
            nonlocal due
            if all(answers):
                return True
            if time.monotonic() >= due:
                camera.publish(message)
                due = time.monotonic() + 0.5
            return False

        self.spin_until(answered, "an answer to an image")

    def now(self) -> Time:
        return self.node.get_clock().now().to_msg()


def craft_image(height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """A dark picture with one grey block that fills columns 16..31 of rows 8..23: a body, for the tiny student."""
    image = np.zeros((height, width, 3), np.uint8)
    image[8:24, 16:32] = 200
    return image


def image_message(image: NDArray[np.uint8], stamp: Time, frame_id: str = "camera") -> Image:
    """An rgb8 message, built as a camera driver would: not with the code under test."""
    height, width = image.shape[:2]
    header = Header(stamp=stamp, frame_id=frame_id)
    message = Image(header=header, height=height, width=width, encoding="rgb8", step=3 * width)
    message.data = array.array("B", image.tobytes())
    return message
