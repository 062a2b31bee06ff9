"""Our declaration of vision_msgs is the public one, and what is generated from it travels between processes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import rclpy
from ament_index_python import get_package_share_directory
from domains import reserved_domain
from processes import PATIENCE_S, finish, python, started
from rclpy.context import Context
from rclpy.node import Node
from rclpy.serialization import deserialize_message, serialize_message
from vision_msgs.msg import Detection2D, Detection2DArray, LabelInfo, ObjectHypothesisWithPose, VisionClass

# REP-2011 type hashes (RIHS01), read from a build of ros-perception/vision_msgs 4.1.1.
PUBLISHED = {
    "Detection2DArray": "214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968",
    "Detection2D": "0d12b69df5c593b3455b7346fac8205437a7d4bcb09b9e0e0b2dde787ded38ea",
    "LabelInfo": "3d37df4015cdf660cc851c51897f2acd957e1ca6205ba0a99aebffb9406b0783",
    "VisionClass": "1e4a11f0fed50b5623cb8ff26ca0e37952a48a9c074d16f804b44e9164c2037a",
    "BoundingBox2D": "008eacbb0cf8f26e83795547bed013eec3675485ef386ec056d80eaaf1c1ce2f",
}

# The other process: subscribes, and writes the first message that arrives as JSON.
RECEIVER = """
import json, rclpy
from vision_msgs.msg import Detection2DArray

def show(message):
    detection = message.detections[0]
    print(json.dumps({
        "frame_id": message.header.frame_id,
        "stamp": [message.header.stamp.sec, message.header.stamp.nanosec],
        "class_id": detection.results[0].hypothesis.class_id,
        "score": detection.results[0].hypothesis.score,
        "center": [detection.bbox.center.position.x, detection.bbox.center.position.y],
        "size": [detection.bbox.size_x, detection.bbox.size_y],
    }))
    raise SystemExit

rclpy.init()
node = rclpy.create_node("receiver")
node.create_subscription(Detection2DArray, "vision_msgs_test/detections", show, 1)
rclpy.spin(node)
"""


@pytest.mark.parametrize("name", PUBLISHED)
def test_type_hash_is_the_published_one(name: str) -> None:
    description = Path(get_package_share_directory("vision_msgs"), "msg", f"{name}.json")
    hashes = {entry["type_name"]: entry["hash_string"] for entry in json.loads(description.read_text())["type_hashes"]}
    assert hashes[f"vision_msgs/msg/{name}"] == f"RIHS01_{PUBLISHED[name]}"


def test_the_graph_announces_the_published_hash() -> None:
    with reserved_domain() as domain, ros_context(domain) as context:
        node = Node("announcer", context=context)
        node.create_publisher(LabelInfo, "vision_msgs_test/label_info", 1)
        (info,) = node.get_publishers_info_by_topic("/vision_msgs_test/label_info")
        assert str(info.topic_type_hash) == f"RIHS01_{PUBLISHED['LabelInfo']}"
        node.destroy_node()


def test_label_info_survives_serialisation() -> None:
    message = LabelInfo(class_map=[VisionClass(class_id=2, class_name="panel")], threshold=0.5)
    assert deserialize_message(serialize_message(message), LabelInfo) == message


def test_detections_reach_another_process() -> None:
    with reserved_domain() as domain, started(python("-c", RECEIVER), domain=domain, stderr=None) as receiver:
        with ros_context(domain) as context:
            publish_until_gone(receiver, context)
        _, output = finish(receiver)
    assert json.loads(output) == {
        "frame_id": "camera",
        "stamp": [7, 250],
        "class_id": "4",
        "score": 0.875,
        "center": [320.5, 240.25],
        "size": [64.0, 48.0],
    }


@contextmanager
def ros_context(domain_id: int) -> Iterator[Context]:
    """A context of its own for each test: whatever other tests leave behind does not matter."""
    context = Context()
    rclpy.init(context=context, domain_id=domain_id)
    try:
        yield context
    finally:
        rclpy.shutdown(context=context)


def publish_until_gone(receiver: subprocess.Popen[str], context: Context) -> None:
    """Publish at 10 Hz until it has heard enough: the start of Python and the discovery are the slow parts."""
    node = Node("sender", context=context)
    publisher = node.create_publisher(Detection2DArray, "vision_msgs_test/detections", 1)
    for _ in range(round(10 * PATIENCE_S)):
        publisher.publish(one_spacecraft())
        try:
            receiver.wait(timeout=0.1)
            break
        except subprocess.TimeoutExpired:
            continue
    node.destroy_node()


def one_spacecraft() -> Detection2DArray:
    detection = Detection2D()
    detection.bbox.center.position.x = 320.5
    detection.bbox.center.position.y = 240.25
    detection.bbox.size_x = 64.0
    detection.bbox.size_y = 48.0
    result = ObjectHypothesisWithPose()
    result.hypothesis.class_id = "4"
    result.hypothesis.score = 0.875
    detection.results = [result]
    message = Detection2DArray(detections=[detection])
    message.header.frame_id = "camera"
    message.header.stamp.sec = 7
    message.header.stamp.nanosec = 250
    return message
