"""recorder_node keeps every message of another process, and its bag is complete after SIGTERM."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import rclpy
from perception_peer import PATIENCE_S
from processes import finish, python, started
from rclpy.context import Context
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import LabelInfo, VisionClass

from afss_ros.bags import BagReader
from afss_ros.nodes.messages import image_message
from afss_ros.nodes.recorder.node import main


def wait_for(condition: Callable[[], int]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.02)


@pytest.fixture
def camera(quiet_domain: int) -> Iterator[Node]:
    context = Context()
    rclpy.init(context=context, domain_id=quiet_domain)
    node = Node("camera", context=context)
    yield node
    node.destroy_node()
    context.shutdown()


def test_every_message_is_in_the_bag_after_a_signal(tmp_path: Path, quiet_domain: int, camera: Node) -> None:
    bag_path = tmp_path / "flight.mcap"
    parameters = ["-p", f"output:={bag_path}", "-p", "topics:=[/image, /label_info]"]
    images = camera.create_publisher(Image, "image", 50)
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    label_info = camera.create_publisher(LabelInfo, "label_info", latched)
    label_info.publish(LabelInfo(class_map=[VisionClass(class_id=4, class_name="spacecraft")]))
    with started(python("-m", "afss_ros.nodes.recorder.node", "--ros-args", *parameters), domain=quiet_domain) as node:
        wait_for(lambda: images.get_subscription_count() and label_info.get_subscription_count())
        for i in range(40):
            picture = np.full((128, 128, 3), i, np.uint8)
            images.publish(image_message(picture, "rgb8", Header(frame_id=str(i))))
            time.sleep(0.005)
        assert images.wait_for_all_acked(Duration(seconds=PATIENCE_S))
        assert not bag_path.exists()
        node.send_signal(signal.SIGTERM)
        code, log = finish(node)
    assert code == 0, log
    with BagReader(bag_path) as bag:
        frames = [bag.deserialize(m) for m in bag.messages(["/image"])]
        assert [f.header.frame_id for f in frames] == [str(i) for i in range(40)]
        assert [int(f.data[0]) for f in frames] == list(range(40))
        (info,) = [bag.deserialize(m) for m in bag.messages(["/label_info"])]
        assert info.class_map[0].class_name == "spacecraft"


def test_no_output_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "parameter output is not set" in capfd.readouterr().err
