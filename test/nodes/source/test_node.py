"""source_node as a camera for another process, over real DDS."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from numpy.typing import NDArray
from perception_peer import PATIENCE_S
from processes import ROOT, finish, python, started
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from afss_ros.bags import BagWriter, messages
from afss_ros.camera import CameraInfo as Calibration
from afss_ros.images import decode_compressed, encode_compressed
from afss_ros.nodes.source.node import main

SECOND = 1_000_000_000


def picture(value: int) -> NDArray[np.uint8]:
    return np.full((32, 48, 3), (value, 0, 200), np.uint8)


IMAGE = "image"
"""The topic of which subscribers are waited for. A test subscribes to it last: DDS tells of readers in their order, so
what was subscribed to before is known too, and its first message is not lost."""


def write_pictures(folder: Path, count: int) -> Path:
    for i in range(count):
        (folder / f"{i}.png").write_bytes(encode_compressed(picture(i * 10), "png"))
    return folder


class Start(Protocol):
    def __call__(self, source: Path | str, **parameters: Any) -> subprocess.Popen[str]: ...


@pytest.fixture
def start(quiet_domain: int) -> Iterator[Start]:
    """`start(source, rate=50.0)` starts source_node, which ends with the test if not before."""
    with ExitStack() as stack:

        def start(source: Path | str, **parameters: Any) -> subprocess.Popen[str]:
            values = {"source": source, **parameters}
            arguments = [item for key, value in values.items() for item in ("-p", f"{key}:={value}")]
            command = python("-m", "afss_ros.nodes.source.node", "--ros-args", *arguments)
            return stack.enter_context(started(command, domain=quiet_domain))

        yield start


class Listener:
    """A node in this process that keeps what it hears."""

    def __init__(self, domain: int) -> None:
        self._context = Context()
        rclpy.init(context=self._context, domain_id=domain)
        self.node = Node("listener", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)

    def hear(self, kind: type, topic: str, *, reliable: bool = True) -> list[Any]:
        heard: list[Any] = []
        reliability = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
        self.node.create_subscription(kind, topic, heard.append, QoSProfile(depth=50, reliability=reliability))
        return heard

    def hear_when_published(self, kind: type, topic: str) -> list[int]:
        """The times, in nanoseconds, at which messages left their publisher: no delay on this side changes them."""
        times: list[int] = []

        def note(_message: Any, info: dict[str, int]) -> None:
            times.append(info["source_timestamp"])

        self.node.create_subscription(kind, topic, note, 50)
        return times

    def spin(self, until: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not until() and time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.05)
        assert until(), "timed out"

    def spin_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.02)

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        self._context.shutdown()


@pytest.fixture
def listener(quiet_domain: int) -> Iterator[Listener]:
    with closing(Listener(quiet_domain)) as listener:
        yield listener


def test_a_folder_becomes_a_camera(tmp_path: Path, listener: Listener, start: Start) -> None:
    infos, heard = listener.hear(CameraInfo, "camera_info"), listener.hear(Image, IMAGE)
    process = start(write_pictures(tmp_path, 5), wait_for_subscribers=1, rate=50.0, frame_id="eye")
    listener.spin(lambda: len(heard) == 5 and len(infos) == 5)
    assert finish(process)[0] == 0
    assert [m.data[0] for m in heard] == [0, 10, 20, 30, 40]
    assert {(m.height, m.width, m.step, m.encoding, m.header.frame_id) for m in heard} == {(32, 48, 144, "rgb8", "eye")}
    assert [m.header for m in infos] == [m.header for m in heard]
    assert (infos[0].width, infos[0].height, infos[0].k[2]) == (48, 32, 23.5)


def test_compressed_images_go_out_beside_image(tmp_path: Path, listener: Listener, start: Start) -> None:
    heard = listener.hear(CompressedImage, "image/compressed", reliable=False)
    # In a loop: best effort loses what is sent between the sender's discovery of us and ours of the sender.
    extra = {"image_transport": "compressed", "compressed.format": "png", "reliability": "best_effort", "loop": True}
    process = start(write_pictures(tmp_path, 2), wait_for_subscribers=1, rate=50.0, **extra)
    listener.spin(lambda: len(heard) >= 4)
    process.send_signal(signal.SIGTERM)
    assert finish(process)[0] == 0
    seen = {int(image[0, 0, 0]): image for image in (decode_compressed(m.data, m.format) for m in heard)}
    assert np.array_equal(seen[0], picture(0)) and np.array_equal(seen[10], picture(10))
    assert set(seen) == {0, 10}


def write_bag(path: Path, period_ns: int, count: int = 4) -> Path:
    with BagWriter(path) as bag:
        for i in range(count):
            stamp = 100 * SECOND + i * period_ns
            bag.write("/cam/camera_info", messages.camera_info(Calibration.pinhole(48, 32, 1.0), stamp, "lens"), stamp)
            bag.write("/cam/image", messages.image(picture(i), stamp, "lens"), stamp)
    return path


def test_a_bag_keeps_its_stamps_rate_frame_and_calibration(tmp_path: Path, listener: Listener, start: Start) -> None:
    period_ns = SECOND // 5
    infos, clock = listener.hear(CameraInfo, "camera_info"), listener.hear(Clock, "/clock")
    heard, published_ns = listener.hear(Image, IMAGE), listener.hear_when_published(Image, IMAGE)
    bag = write_bag(tmp_path / "a.mcap", period_ns)
    process = start(bag, wait_for_subscribers=2, publish_clock=True)
    listener.spin(lambda: len(heard) == len(infos) == len(published_ns) == 4 and len(clock) >= 3)
    assert finish(process)[0] == 0
    assert [m.header.stamp.sec * SECOND + m.header.stamp.nanosec for m in heard] == [
        100 * SECOND + i * period_ns for i in range(4)
    ]
    took = (published_ns[-1] - published_ns[0]) / SECOND
    assert took > 0.1, "three periods of 0.2 s, by the sender's clock; a busy machine may catch up with some of it"
    assert heard[0].header.frame_id == "lens"
    assert infos[0].k[0] == pytest.approx(Calibration.pinhole(48, 32, 1.0).k[0, 0])
    assert clock[-1].clock == heard[-1].header.stamp


def test_unreadable_files_are_named_counted_and_told_by_the_exit_code(
    tmp_path: Path, listener: Listener, start: Start
) -> None:
    write_pictures(tmp_path, 3)
    (tmp_path / "1.png").write_text("scratched")
    reports, heard = listener.hear(DiagnosticArray, "/diagnostics"), listener.hear(Image, IMAGE)
    process = start(tmp_path, wait_for_subscribers=1, rate=50.0)

    def finished() -> bool:
        return any(v.value == "true" for r in reports for v in r.status[0].values if v.key == "finished")

    listener.spin(lambda: len(heard) == 2 and finished())
    code, output = finish(process)
    assert code == 3
    assert "1.png" in output
    assert [m.data[0] for m in heard] == [0, 20]
    values = {v.key: v.value for v in reports[-1].status[0].values}
    assert (values["frames.sent"], values["frames.unreadable"]) == ("2", "1")


def test_a_loop_goes_on_with_growing_stamps_until_a_signal(tmp_path: Path, listener: Listener, start: Start) -> None:
    heard = listener.hear(Image, IMAGE, reliable=False)
    process = start(
        write_pictures(tmp_path, 2),
        loop=True,
        rate=50.0,
        reliability="best_effort",
        wait_for_subscribers=1,
    )
    listener.spin(lambda: len(heard) >= 6)
    process.send_signal(signal.SIGTERM)
    assert finish(process)[0] == 0
    stamps = [m.header.stamp.sec * SECOND + m.header.stamp.nanosec for m in heard]
    assert all(before < after for before, after in pairwise(stamps))


def test_sigint_while_waiting_for_subscribers_is_a_clean_end(tmp_path: Path, start: Start) -> None:
    process = start(write_pictures(tmp_path, 2), wait_for_subscribers=1)
    assert process.stdout is not None
    # The middleware may say something of its own first.
    assert any("waiting for 1 subscribers" in line for line in process.stdout)
    process.send_signal(signal.SIGINT)
    assert finish(process)[0] == 0


def test_lockstep_sends_a_frame_only_after_the_answer_to_the_one_before(
    tmp_path: Path, listener: Listener, start: Start
) -> None:
    answers = listener.node.create_publisher(Image, "answer", 10)
    heard = listener.hear(Image, IMAGE)
    extra = {"lockstep.topic": "answer", "lockstep.type": "sensor_msgs/msg/Image", "lockstep.timeout": PATIENCE_S}
    process = start(write_pictures(tmp_path, 3), rate=500.0, wait_for_subscribers=1, **extra)
    for number in (1, 2, 3):
        listener.spin(lambda n=number: len(heard) == n)  # type: ignore[misc]
        listener.spin_for(0.2)
        assert len(heard) == number, "no frame before the answer"
        answers.publish(Image(header=heard[-1].header))
    assert finish(process)[0] == 0


@pytest.mark.parametrize(
    ("parameters", "code", "reason"),
    [
        (["source:=/nowhere"], 1, "no source at /nowhere"),
        ([], 2, "source is not set"),
        (["source:=/tmp", "stamps:=yesterday"], 2, "stamps must be one of recorded, now"),
        (["source:=/tmp", "rate:=-1.0"], 2, "rate"),
        ([f"source:={ROOT / 'LICENSE'}"], 1, "not a video"),
    ],
)
def test_what_cannot_be_played_ends_at_once_with_a_reason(
    parameters: list[str], code: int, reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = [item for parameter in parameters for item in ("-p", parameter)]
    assert main(["--ros-args", *arguments]) == code
    assert reason in capfd.readouterr().err
