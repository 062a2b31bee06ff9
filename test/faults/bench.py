"""The node under test with a camera that never stops, and the books that are kept of both."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from numpy.typing import NDArray
from perception_peer import PATIENCE_S, RELIABLE, Peer, PerceptionProcess, image_message, reserved_domain
from processes import ROOT
from rclpy.duration import Duration
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.qos import LivelinessPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from tiny_students import build_hanging_student, build_tiny_student
from vision_msgs.msg import Detection2DArray

from afss_ros.perception import Frame
from afss_ros.student import Student, manifest
from afss_ros.student.known_answer import KnownAnswer

RATE_HZ = 20.0
LEASE_S = 0.5
Stamp = tuple[int, int]


@dataclasses.dataclass
class Outcome:
    """What became of one kind of fault.

    Attributes:
        fault: what was done, in words.
        injected, noticed: how often it was done, and how often a reason was given for it.
        slowest_s: longest time from the fault to its notice, or None where it is refused in the same breath.
        said: an example of the notice.
        survived: whether right frames came again, by the node's own means or by what is named in `fault`.
        wrong: answers that the sound student would not have given, until the notice.
        invented: answers to no frame that was sent, or second ones.
        adds_up: whether every frame that the node received has one fate.
    """

    fault: str
    injected: int = 0
    noticed: int = 0
    slowest_s: float | None = None
    said: str = ""
    survived: bool = False
    wrong: int = 0
    invented: int = 0
    adds_up: bool = False
    missed: list[str] = dataclasses.field(default_factory=list)
    """Faults that nobody noticed, where they can be told apart."""

    def notice(self, said: str, after_s: float | None = None) -> None:
        self.noticed += 1
        self.said = said
        if after_s is not None:
            self.slowest_s = max(self.slowest_s or 0.0, after_s)

    @property
    def passed(self) -> bool:
        return self.noticed == self.injected and self.survived and self.adds_up and not self.invented


class Bench(AbstractContextManager["Bench"]):
    """A node, restarted by `start` after its death, and a peer that plays the camera and hears everything.

    The student is the tiny one; it has a manifest and a known answer. `trap` hangs on a picture without a dark pixel.
    """

    def __init__(self, folder: Path, **parameters: Any) -> None:
        self.folder = folder
        self.model = build_tiny_student(folder / "flying.onnx")
        self.trap = build_hanging_student(folder / "trap.onnx")
        self._pictures = [_picture(number) for number in range(16)]
        with Student(self.model, provider="cpu", threads=1) as student:
            self._answers = [_labels(student, picture) for picture in self._pictures]
        known = KnownAnswer(self._pictures[0], self._answers[0])
        manifest.write(self.model, manifest.of_file(self.model, known))
        self._environment = {
            "ROTTEN_MODEL": str(build_tiny_student(folder / "rotten.onnx", background_is_body=True)),
            "FLYING_MODEL": str(self.model),
        }
        self._parameters = {
            "autostart": True,
            "model__path": self.model,
            "model__provider": "cpu",
            "model__threads": 1,
            "model__prove_every": 0.5,
            "model__check_memory_every": 0.5,
            "diagnostics__period": 0.1,
            "diagnostics__stale_after": 1.0,
            "detections__liveliness_lease": LEASE_S,
            "watchdog__frame_limit": 1.0,
            "watchdog__stop_limit": 0.5,
            # So that what is sent arrives, and the books of both sides can be compared.
            "input__reliability": "reliable",
            "qos_overrides./image.subscription.depth": 50,
            **parameters,
        }
        self.sent = 0
        self.right = self.wrong = self.invented = 0
        self._expected: dict[Stamp, NDArray[np.uint8] | None] = {}
        self._lost_at: float | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Bench:
        self.domain = self._stack.enter_context(reserved_domain())
        self.peer = Peer(self.domain)
        self._stack.callback(self.peer.close)
        self._lives = 0
        self.start()
        self.peer.node.create_subscription(Image, "/perception_node/mask", self._hear, 50)
        qos = QoSProfile(
            depth=50,
            reliability=ReliabilityPolicy.RELIABLE,
            liveliness=LivelinessPolicy.MANUAL_BY_TOPIC,
            liveliness_lease_duration=Duration(seconds=LEASE_S),
        )
        events = SubscriptionEventCallbacks(liveliness=self._hear_of_life, incompatible_qos=lambda _: None)
        self.peer.node.create_subscription(
            Detection2DArray, "/perception_node/detections", lambda _: None, qos, event_callbacks=events
        )
        self.camera = self.peer.node.create_publisher(Image, "image", RELIABLE)
        self._running = True
        self.peer.repeat(self._tick, 1 / RATE_HZ)
        self.await_right_frames()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(TimeoutError):
            self.process.stop(signal.SIGTERM)
        self._stack.close()

    def start(self, **parameters: Any) -> None:
        """Start the node, as whoever respawns it would; with other parameters than before, if any are given."""
        self._lives += 1
        with mock.patch.dict(os.environ, self._environment):
            self.process = self._stack.enter_context(
                PerceptionProcess(
                    self.domain,
                    self.folder / f"log{self._lives}",
                    program=(str(ROOT / "test" / "faulty_node.py"),),
                    **{**self._parameters, **parameters},
                )
            )

    def send(self, message: Image, expected: NDArray[np.uint8] | None) -> None:
        """Publish one image under a stamp of its own; None where any answer or none is right."""
        self.sent += 1
        self._expected[message.header.stamp.sec, message.header.stamp.nanosec] = expected
        self.camera.publish(message)

    def good_frame(self) -> tuple[Image, NDArray[np.uint8]]:
        number = self.sent % len(self._pictures)
        return image_message(self._pictures[number], self.peer.now()), self._answers[number]

    def pause(self) -> None:
        self._running = False

    def go_on(self) -> None:
        self._running = True

    def await_right_frames(self, count: int = 5, patience_s: float = PATIENCE_S) -> bool:
        """Whether that many right answers come from now on."""
        self.go_on()
        return self.answered_since(self.right + count - 1, patience_s)

    def answered_since(self, right: int, patience_s: float = PATIENCE_S) -> bool:
        """Whether a right answer comes beyond so many, without a camera that is told to go on."""
        return self.wait_for(lambda: self.right > right, "a right answer", patience_s)

    def wait_for(self, condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> bool:
        """Whether it comes true while the node lives; nobody waits for a dead one."""
        with suppress(AssertionError):
            self.peer.spin_until(lambda: condition() or self.is_dead, what, patience_s)
        return condition()

    @property
    def is_dead(self) -> bool:
        """Whether the node's process has ended, by whatever."""
        return self.process.process.poll() is not None

    def await_report(
        self, which: Callable[[bytes, str, dict[str, str]], bool], patience_s: float = PATIENCE_S
    ) -> tuple[float, str] | None:
        """Seconds until a report is `which`, and what it says; None when none comes."""
        began, found = time.monotonic(), []
        since_ns = time.time_ns()

        def told() -> bool:
            for report, at_ns in zip(self.peer._diagnostics[-20:], self.peer._reported_at_ns[-20:], strict=True):
                for status in report.status:
                    values = {value.key: value.value for value in status.values}
                    if at_ns > since_ns and which(status.level, status.message, values):
                        found.append(status.message)
            return bool(found)

        self.wait_for(told, "such a report", patience_s)
        return (time.monotonic() - began, found[0]) if found else None

    def await_trouble(self, says: str = "", patience_s: float = PATIENCE_S) -> tuple[float, str] | None:
        return self.await_report(lambda level, message, _: level != DiagnosticStatus.OK and says in message, patience_s)

    def await_silence(self, patience_s: float = PATIENCE_S) -> float | None:
        """Seconds until the middleware says that the detections are no longer alive."""
        began = time.monotonic()
        self._lost_at = None
        with suppress(AssertionError):
            self.peer.spin_until(lambda: self._lost_at is not None, "the end of the lease", patience_s)
        lost_at: float | None = self._lost_at
        return lost_at - began if lost_at is not None else None

    def adds_up(self) -> bool:
        """With the camera paused: whether received = processed + overwritten + bad, and no more was heard than that."""
        self.pause()
        counts: dict[str, int] = {}

        def settled(_: bytes, __: str, values: dict[str, str]) -> bool:
            counts.update({name: int(values[f"frames.{name}"]) for name in _FATES})
            return counts["received"] == counts["processed"] + counts["overwritten"] + counts["bad"]

        found = self.await_report(settled)
        self.go_on()
        return found is not None and counts["received"] <= self.sent

    def judge(self, outcome: Outcome, *, survived: bool = True) -> Outcome:
        """Complete an outcome with the books of the time since the last one."""
        outcome.survived = survived and self.await_right_frames()
        outcome.adds_up = self.adds_up()
        outcome.wrong, outcome.invented = self.wrong, self.invented
        self.wrong = self.invented = 0
        return outcome

    def _tick(self) -> None:
        if self._running:
            self.send(*self.good_frame())

    def _hear(self, mask: Image) -> None:
        stamp = (mask.header.stamp.sec, mask.header.stamp.nanosec)
        if stamp not in self._expected:
            self.invented += 1
            return
        expected = self._expected.pop(stamp)
        if expected is None:
            return
        seen = np.frombuffer(mask.data, np.uint8)
        if seen.size == expected.size and (seen.reshape(expected.shape) == expected).all():
            self.right += 1
        else:
            self.wrong += 1

    def _hear_of_life(self, event: Any) -> None:
        if event.not_alive_count_change > 0 or event.alive_count_change < 0:
            self._lost_at = time.monotonic()


_FATES = ("received", "processed", "overwritten", "bad")


def _picture(number: int) -> NDArray[np.uint8]:
    """A dark picture with a block of one of three colours, elsewhere in each."""
    image = np.zeros((64, 64, 3), np.uint8)
    top, left = 2 + 10 * (number % 4), 3 + 10 * (number // 4)
    image[top : top + 18, left : left + 20] = [(200, 200, 200), (40, 40, 220), (220, 40, 40)][number % 3]
    return image


def _labels(student: Student, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    labels = student(Frame(picture)).labels
    assert labels is not None and labels.any()
    return labels
