"""The message types that bags are read and written with: ROS 2 Jazzy's, and what we need of vision_msgs 4.

The vision_msgs definitions are declared here because an installed package has no other place to find them without
ROS. `test/bags/test_types.py` holds their type hashes (RIHS01) against those of the public package.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from afss_ros.bags.errors import BagError

VISION_MSGS: dict[str, str] = {
    "vision_msgs/msg/Point2D": "float64 x\nfloat64 y\n",
    "vision_msgs/msg/Pose2D": "vision_msgs/Point2D position\nfloat64 theta\n",
    "vision_msgs/msg/BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y\n",
    "vision_msgs/msg/ObjectHypothesis": "string class_id\nfloat64 score\n",
    "vision_msgs/msg/ObjectHypothesisWithPose": (
        "vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose\n"
    ),
    "vision_msgs/msg/Detection2D": (
        "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
        "vision_msgs/BoundingBox2D bbox\nstring id\n"
    ),
    "vision_msgs/msg/Detection2DArray": "std_msgs/Header header\nvision_msgs/Detection2D[] detections\n",
    "vision_msgs/msg/BoundingBox3D": "geometry_msgs/Pose center\ngeometry_msgs/Vector3 size\n",
    "vision_msgs/msg/Detection3D": (
        "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
        "vision_msgs/BoundingBox3D bbox\nstring id\n"
    ),
    "vision_msgs/msg/Detection3DArray": "std_msgs/Header header\nvision_msgs/Detection3D[] detections\n",
    "vision_msgs/msg/VisionClass": "uint16 class_id\nstring class_name\n",
    "vision_msgs/msg/LabelInfo": "std_msgs/Header header\nvision_msgs/VisionClass[] class_map\nfloat32 threshold\n",
}
"""Definition texts of the vision_msgs types that this package speaks, by type name."""


def new_typestore() -> Typestore:
    """A typestore of one's own, to register more types with."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for name, text in VISION_MSGS.items():
        store.register(get_types_from_msg(text, name))
    return store


def serialize(message: Any) -> bytes:
    """The CDR of a rosbags message of a known type.

    Raises:
        BagError: a field of it does not fit its type.
    """
    try:
        return bytes(typestore().serialize_cdr(message, message.__msgtype__))
    except Exception as err:  # rosbags lets through what struct, numpy and str raise
        raise BagError(f"a {message.__msgtype__} cannot be serialized: {err}") from err


@cache
def typestore() -> Typestore:
    """The shared typestore: every type of ROS 2 Jazzy, and vision_msgs. Not to be registered with."""
    return new_typestore()
