"""A sentence on ~/query, its mask on ~/referred: over real DDS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from perception_peer import LATCHED, RELIABLE, Peer, craft_image, image_message
from sensor_msgs.msg import Image
from std_msgs.msg import String
from vision_msgs.msg import Detection2DArray

from afss_ros.refer import NetworkResolver

REFERRED = "/perception_node/referred"


def test_a_query_is_answered_under_the_header_of_the_image(peer: Peer) -> None:
    assert peer.reload(refer__resolver="grammar")
    asking = peer.node.create_publisher(String, "/perception_node/query", LATCHED)
    asking.publish(String(data="the body"))
    peer.status(lambda values: values.get("refer.understood_as") == "one body")
    masks, boxes = peer.hear(Image, REFERRED), peer.hear(Detection2DArray, REFERRED + "_detections")
    overlays = peer.hear(Image, "/perception_node/overlay")
    camera = peer.camera()
    sent = image_message(craft_image(), peer.now(), "chaser_camera")
    peer.show(camera, sent, masks, boxes, overlays)

    assert masks[0].header == boxes[0].header == sent.header
    expected = np.zeros((48, 64), np.uint8)
    expected[8:24, 16:32] = 255
    assert np.array_equal(np.frombuffer(masks[0].data, np.uint8).reshape(48, 64), expected)
    (detection,) = boxes[0].detections
    assert detection.results[0].hypothesis.class_id == "1"
    _, _, values = peer.status(lambda values: int(values["refer.found"]) > 0)
    assert values["refer.answer"].startswith("found: 1 body")

    asking.publish(String(data="the left antenna"))
    peer.status(lambda values: values["refer.query"] == "the left antenna")
    empty: list[Image] = []
    peer.node.create_subscription(Image, REFERRED, lambda m: empty.append(m) if not any(m.data) else None, RELIABLE)
    peer.show(camera, sent, empty)
    _, _, values = peer.status(lambda values: int(values["refer.none"]) > 0)
    assert values["refer.answer"] == "none: there is none: no antenna is seen"

    asking.publish(String(data="the shiny panel"))
    level, message, values = peer.status(says="query refused")
    assert level == DiagnosticStatus.WARN
    assert "'shiny'" in message and values["refer.queries_refused"] == "1"


def test_a_network_answers_too_and_refuses_words_it_was_not_taught(peer: Peer, tmp_path: Path) -> None:
    from tiny_referrer import build_tiny_referrer

    model = build_tiny_referrer(tmp_path / "tiny.onnx")
    assert peer.reload(refer__resolver="network", refer__model=str(model))
    asking = peer.node.create_publisher(String, "/perception_node/query", LATCHED)
    asking.publish(String(data="the bright"))
    peer.status(lambda values: values.get("refer.understood_as") == "2 words of the network's 3")
    masks, boxes = peer.hear(Image, REFERRED), peer.hear(Detection2DArray, REFERRED + "_detections")
    sent = image_message(craft_image(), peer.now(), "chaser_camera")
    peer.show(peer.camera(), sent, masks, boxes)
    assert masks[0].header == boxes[0].header == sent.header
    with NetworkResolver(model, "cpu") as network:
        expected = network.resolve(craft_image(), "the bright").mask
    assert expected.sum() == 16 * 16
    assert np.array_equal(np.frombuffer(masks[0].data, np.uint8).reshape(expected.shape) == 255, expected)
    assert [d.results[0].hypothesis.class_id for d in boxes[0].detections] == ["1"]
    asking.publish(String(data="the body"))
    level, message, _ = peer.status(says="query refused")
    assert level == DiagnosticStatus.WARN and "'body'" in message
    assert not peer.reload(refer__resolver="network", refer__model=str(tmp_path / "none.onnx"))


def test_without_the_parameter_there_is_no_such_topic(peer: Peer) -> None:
    assert peer.node.count_publishers(REFERRED) == 0
