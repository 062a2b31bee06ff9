"""What perception_node publishes for what it receives, over real DDS."""

from __future__ import annotations

import array
from pathlib import Path

import cv2
import numpy as np
import pytest
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus
from perception_peer import (
    BEST_EFFORT,
    LATCHED,
    RELIABLE,
    Peer,
    PerceptionProcess,
    craft_image,
    image_message,
)
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool
from vision_msgs.msg import Detection2DArray, LabelInfo

DETECTIONS, MASK, OVERLAY = "/perception_node/detections", "/perception_node/mask", "/perception_node/overlay"


@pytest.mark.parametrize("qos", [RELIABLE, BEST_EFFORT], ids=["reliable", "best_effort"])
def test_outputs_carry_the_header_of_the_image_and_its_pixels(peer: Peer, qos: QoSProfile) -> None:
    detections, masks = peer.hear(Detection2DArray, DETECTIONS), peer.hear(Image, MASK)
    camera = peer.camera(qos=qos)
    sent = image_message(craft_image(), peer.now(), "chaser_camera")
    peer.show(camera, sent, detections, masks)

    assert detections[0].header == sent.header
    (detection,) = detections[0].detections
    assert detection.header == sent.header
    assert detection.results[0].hypothesis.class_id == "4"
    assert 0.5 <= detection.results[0].hypothesis.score <= 1.0
    box = detection.bbox
    assert (box.center.position.x, box.center.position.y) == pytest.approx((24.0, 16.0), abs=0.6)
    assert (box.size_x, box.size_y) == pytest.approx((16.0, 16.0), abs=1.0)

    mask = masks[0]
    assert mask.header == sent.header
    assert (mask.height, mask.width, mask.step, mask.encoding) == (48, 64, 64, "mono8")
    expected = np.zeros((48, 64), np.uint8)
    expected[8:24, 16:32] = 1
    assert np.array_equal(np.frombuffer(mask.data, np.uint8).reshape(48, 64), expected)


def test_a_student_without_label_map_publishes_boxes_alone(peer: Peer, boxes_student: Path) -> None:
    assert peer.reload(model__path=str(boxes_student))
    detections, masks = peer.hear(Detection2DArray, DETECTIONS), peer.hear(Image, MASK)
    camera = peer.camera()
    peer.show(camera, image_message(craft_image(), peer.now()), detections)
    peer.spin_for(0.2)
    assert len(detections[0].detections) == 1
    assert masks == []


def test_compressed_images_are_taken_beside_the_image_topic(peer: Peer) -> None:
    assert peer.reload(input__image_transport="compressed")
    detections = peer.hear(Detection2DArray, DETECTIONS)
    camera = peer.camera(CompressedImage, "image/compressed")
    message = CompressedImage(header=Header(stamp=peer.now(), frame_id="eye"), format="png")
    message.data = array.array("B", cv2.imencode(".png", craft_image())[1].tobytes())
    peer.show(camera, message, detections)
    assert detections[0].header == message.header
    assert len(detections[0].detections) == 1


def test_a_late_joiner_gets_label_info(peer: Peer) -> None:
    late = peer.hear(LabelInfo, "/perception_node/label_info", LATCHED)
    peer.spin_until(lambda: bool(late), "label info")
    assert {c.class_id: c.class_name for c in late[0].class_map} == {
        0: "background",
        1: "body",
        2: "panel",
        3: "antenna",
        4: "spacecraft",
    }
    assert late[0].threshold == 0.5


def test_the_score_threshold_changes_at_once_and_label_info_says_so(peer: Peer) -> None:
    infos = peer.hear(LabelInfo, "/perception_node/label_info", LATCHED)
    detections = peer.hear(Detection2DArray, DETECTIONS)
    camera = peer.camera()
    assert peer.set_parameter("detection.score_threshold", 0.9).successful
    peer.spin_until(lambda: bool(infos) and infos[-1].threshold == pytest.approx(0.9), "new label info")
    peer.show(camera, image_message(craft_image(), peer.now()), detections)
    assert detections[0].detections == [], "a grey block of brightness 200 scores 200 / 255 = 0.78"


def test_the_overlay_is_an_rgb_picture_under_the_same_header(peer: Peer) -> None:
    overlays = peer.hear(Image, OVERLAY)
    sent = image_message(craft_image(), peer.now(), "eye")
    peer.show(peer.camera(), sent, overlays)
    assert overlays[0].header == sent.header
    assert (overlays[0].height, overlays[0].width, overlays[0].encoding, overlays[0].step) == (48, 64, "rgb8", 192)


def test_enable_false_unsubscribes_and_true_subscribes_again(peer: Peer) -> None:
    detections = peer.hear(Detection2DArray, DETECTIONS)
    camera = peer.camera()
    assert peer.call(SetBool, "/perception_node/enable", SetBool.Request(data=False)).success
    peer.spin_until(lambda: camera.get_subscription_count() == 0, "perception_node to unsubscribe")
    level, message, values = peer.status()
    assert (level, message, values["enabled"]) == (DiagnosticStatus.OK, "disabled through ~/enable", "false")

    assert peer.call(SetBool, "/perception_node/enable", SetBool.Request(data=True)).success
    peer.spin_until(lambda: camera.get_subscription_count() == 1, "perception_node to subscribe")
    peer.show(camera, image_message(craft_image(), peer.now()), detections)


def test_an_incompatible_publisher_is_named_with_its_cure(peer: Peer, perception_process: PerceptionProcess) -> None:
    assert peer.reload(input__reliability="reliable")
    peer.node.create_publisher(Image, "image", BEST_EFFORT)
    cure = "a publisher on /image offers an incompatible RELIABILITY: its images will not arrive; set input.reliability"
    peer.spin_until(lambda: cure in perception_process.log, "the warning")


def test_a_reliable_subscription_hears_a_reliable_publisher(peer: Peer) -> None:
    assert peer.reload(input__reliability="reliable")
    detections = peer.hear(Detection2DArray, DETECTIONS)
    peer.show(peer.camera(qos=RELIABLE), image_message(craft_image(), peer.now()), detections)


def test_the_age_of_an_image_is_in_simulated_time_if_asked_for(peer: Peer) -> None:
    clock = peer.node.create_publisher(Clock, "/clock", RELIABLE)
    assert peer.set_parameter("use_sim_time", True).successful
    try:
        peer.spin_until(lambda: clock.get_subscription_count() == 1, "perception_node to listen to /clock")
        camera, message = peer.camera(), image_message(craft_image(), Time(sec=999, nanosec=250_000_000))
        peer.repeat(lambda: clock.publish(Clock(clock=Time(sec=1000))))
        peer.repeat(lambda: camera.publish(message))
        peer.status(lambda values: values["image_age_ms"] == "750.00")
    finally:
        peer.forget()
        assert peer.set_parameter("use_sim_time", False).successful


def test_camera_info_of_another_size_is_a_warning(peer: Peer) -> None:
    infos = peer.camera(CameraInfo, "camera_info")
    camera = peer.camera()
    image = image_message(craft_image(), peer.now())
    # Again and again: both are best effort for the node, which may not have found the publishers yet.
    peer.repeat(lambda: infos.publish(CameraInfo(width=1024, height=768)))
    peer.repeat(lambda: camera.publish(image))
    level, _, _ = peer.status(says="camera_info says 1024x768 pixels, the image has 64x48")
    assert level == DiagnosticStatus.WARN


def test_large_images_get_through_with_the_shipped_dds_profile(peer: Peer) -> None:
    detections = peer.hear(Detection2DArray, DETECTIONS)
    camera = peer.camera(qos=BEST_EFFORT)
    large = np.zeros((1024, 1024, 3), np.uint8)
    large[256:512, 256:512] = 200
    message = image_message(large, peer.now())
    peer.show(camera, image_message(craft_image(), peer.now()), detections)
    for number in range(5):
        message.header.stamp = Time(sec=number)
        camera.publish(message)
        peer.spin_until(lambda: detections[-1].header == message.header, "the answer to a large image")
