"""Our vision_msgs is the public one: same type hashes, and the same bytes as rclpy makes."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from afss_ros.bags import BagError, messages, typestore
from afss_ros.camera import CameraInfo
from afss_ros.perception import Detection, Perception

PUBLISHED_HASHES = {
    "Detection2DArray": "214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968",
    "Detection2D": "0d12b69df5c593b3455b7346fac8205437a7d4bcb09b9e0e0b2dde787ded38ea",
    "LabelInfo": "3d37df4015cdf660cc851c51897f2acd957e1ca6205ba0a99aebffb9406b0783",
    "VisionClass": "1e4a11f0fed50b5623cb8ff26ca0e37952a48a9c074d16f804b44e9164c2037a",
    "BoundingBox2D": "008eacbb0cf8f26e83795547bed013eec3675485ef386ec056d80eaaf1c1ce2f",
}
"""RIHS01 hashes of vision_msgs 4, read from a build of the public package."""

LABELS = np.arange(12, dtype=np.uint8).reshape(3, 4)
FOUND = Perception(
    detections=(Detection("spacecraft", np.array([2, 4, 10, 9], np.float32), 0.75),),
    label_map=LABELS,
    class_names={0: "background", 4: "spacecraft"},
    stamp_ns=1_500_000_007,
)
SAMPLES: dict[str, Any] = {
    "rgb image": messages.image(np.full((2, 3, 3), 7, np.uint8), 5_000_000_001, "camera"),
    "mask": messages.image(LABELS, 5, "camera"),
    "compressed": messages.compressed_image(b"\xff\xd8\xff", "jpeg", 5, "camera"),
    "camera info": messages.camera_info(CameraInfo.pinhole(640, 480, 0.7), 5, "camera"),
    "detections": messages.detections(FOUND, "camera"),
    "label info": messages.label_info(FOUND.class_names, 0.5, 5),
}


@pytest.mark.parametrize(("name", "published"), PUBLISHED_HASHES.items())
def test_type_hashes_are_the_published_ones(name: str, published: str) -> None:
    assert typestore().hash_rihs01(f"vision_msgs/msg/{name}") == f"RIHS01_{published}"


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES.keys())
def test_rclpy_reads_our_bytes_and_writes_the_same(sample: Any) -> None:
    from rclpy.serialization import deserialize_message, serialize_message

    package, _, name = sample.__msgtype__.split("/")
    message_class = getattr(import_module(f"{package}.msg"), name)
    ours = bytes(typestore().serialize_cdr(sample, sample.__msgtype__))
    message = deserialize_message(ours, message_class)
    theirs = serialize_message(message)
    # rclpy leaves the padding bytes as it found them in memory, so the bytes are compared after one reading.
    again = typestore().serialize_cdr(typestore().deserialize_cdr(theirs, sample.__msgtype__), sample.__msgtype__)
    assert len(theirs) == len(ours)
    assert bytes(again) == ours


def test_a_box_is_its_centre_and_size_in_the_corner_convention() -> None:
    box = messages.detections(FOUND).detections[0].bbox
    assert (box.center.position.x, box.center.position.y, box.size_x, box.size_y) == (6.0, 6.5, 8.0, 5.0)


def test_stamps_keep_their_nanoseconds() -> None:
    stamp = messages.detections(FOUND).header.stamp
    assert (stamp.sec, stamp.nanosec) == (1, 500_000_007)


def test_an_image_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(BagError, match="float32"):
        messages.image(np.zeros((2, 2), np.float32), 0)
