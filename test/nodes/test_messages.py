"""Values to messages, on arrays small enough to read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from afss_ros.nodes.messages import detections_message, image_message, label_info_message
from afss_ros.perception import Detection
from afss_ros.student import letterbox
from afss_ros.student.detections import from_boxes

HEADER = Header(stamp=Time(sec=3, nanosec=5), frame_id="eye")


def test_a_label_map_becomes_mono8() -> None:
    labels = np.array([[0, 1, 2], [3, 255, 0]], np.uint8)
    message = image_message(labels, "mono8", HEADER)
    assert (message.height, message.width, message.step, message.encoding) == (2, 3, 3, "mono8")
    assert bytes(message.data) == bytes([0, 1, 2, 3, 255, 0])
    assert message.header == HEADER


def test_a_picture_becomes_rgb8_even_if_it_is_a_view() -> None:
    picture = np.arange(2 * 4 * 3, dtype=np.uint8).reshape(2, 4, 3)
    message = image_message(picture[:, ::2], "rgb8", HEADER)
    assert (message.height, message.width, message.step, message.encoding) == (2, 2, 6, "rgb8")
    assert bytes(message.data) == bytes([0, 1, 2, 6, 7, 8, 12, 13, 14, 18, 19, 20])


@pytest.mark.parametrize(("shape", "encoding"), [((5, 7), "mono8"), ((3, 2, 3), "rgb8")])
def test_what_goes_out_is_what_a_message_filled_by_its_setter_holds(shape: tuple[int, ...], encoding: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    ours = image_message(pixels, encoding, HEADER)
    usual = Image(header=HEADER, height=shape[0], width=shape[1], encoding=encoding)
    usual.step, usual.is_bigendian, usual.data = ours.step, ours.is_bigendian, pixels.tobytes()
    # Not their bytes: what fills the gaps before aligned numbers is whatever was in memory.
    arrived, wanted = (deserialize_message(serialize_message(message), Image) for message in (ours, usual))
    assert arrived == wanted and bytes(arrived.data) == pixels.tobytes()


def test_the_pixels_of_a_message_are_no_copy() -> None:
    pixels = np.zeros((4, 4), np.uint8)
    assert np.shares_memory(np.frombuffer(image_message(pixels, "mono8", HEADER).data, np.uint8), pixels)


def test_a_box_becomes_centre_and_size_and_the_class_its_id_as_a_string() -> None:
    box = np.array([10.0, 20.0, 30.0, 24.0], np.float32)
    score: Any = np.float32(0.75)  # as a network gives it, whatever the annotation says
    message = detections_message((Detection("spacecraft", box, score),), {"spacecraft": 4}, HEADER)
    assert message.header == HEADER
    (detection,) = message.detections
    assert detection.header == HEADER
    bbox = detection.bbox
    assert (bbox.center.position.x, bbox.center.position.y, bbox.size_x, bbox.size_y) == (20.0, 22.0, 20.0, 4.0)
    assert bbox.center.theta == 0.0
    (result,) = detection.results
    assert (result.hypothesis.class_id, result.hypothesis.score) == ("4", 0.75)


def test_a_class_that_the_student_does_not_declare_keeps_the_id_that_it_gave() -> None:
    box = np.array([1.0, 1.0, 9.0, 9.0], np.float32)
    known = letterbox.fit((64, 64), (64, 64))
    (found,) = from_boxes(
        box[None],
        np.array([0.75], np.float32),
        np.array([7]),
        known,
        class_names={0: "background", 1: "body"},
        score_threshold=0.5,
    )
    message = detections_message((found,), {"background": 0, "body": 1}, HEADER)
    assert message.detections[0].results[0].hypothesis.class_id == "7"


def test_nothing_found_is_an_empty_array_with_a_header() -> None:
    message = detections_message((), {}, HEADER)
    assert (message.header, message.detections) == (HEADER, [])


def test_label_info_lists_classes_by_id() -> None:
    threshold: Any = np.float32(0.25)
    message = label_info_message({2: "panel", 0: "background"}, threshold, Time(sec=1))
    assert [(c.class_id, c.class_name) for c in message.class_map] == [(0, "background"), (2, "panel")]
    assert message.threshold == pytest.approx(0.25)
    assert message.header.stamp.sec == 1
