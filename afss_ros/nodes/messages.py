"""What the student saw, as ROS messages. Pure functions: values in, messages out.

Boxes keep this package's corner convention (`afss_ros.perception`): (0, 0) is the corner of the top left pixel.
rclpy does not check field types by default, and an `int` or `np.float32` in a float64 field becomes garbage on the
wire, so every number is cast where it enters a message.
"""

from __future__ import annotations

import array
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray, LabelInfo, ObjectHypothesisWithPose, VisionClass

from afss_ros.perception import Detection

_CHANNELS = {"mono8": 1, "rgb8": 3}


def image_message(pixels: NDArray[np.uint8], encoding: str, header: Header) -> Image:
    """Wrap uint8 (H, W) as `mono8` or (H, W, 3) as `rgb8`. The message shares the memory of contiguous `pixels`."""
    height, width = pixels.shape[:2]
    message = Image(header=header, height=height, width=width, encoding=encoding)
    message.is_bigendian = int(sys.byteorder == "big")
    message.step = width * _CHANNELS[encoding]
    give_bytes(message, np.ascontiguousarray(pixels).data.cast("B"))
    return message


def give_bytes(message: Any, data: memoryview) -> None:
    """Let the field `data`, a sequence of uint8, be these bytes, contiguous and as they are: nothing is copied.

    The setter that rosidl generates copies them, an array.array of a megabyte in 0.7 ms; what turns messages into bytes
    for the wire takes any buffer, and looks at no more than the attribute that the setter would have set.
    """
    if hasattr(message, "_data"):
        message._data = data
    else:  # generated otherwise than Jazzy's and Kilted's
        message.data = array.array("B", data)


def detections_message(
    detections: tuple[Detection, ...], class_ids: Mapping[str, int], header: Header, identities: Sequence[str] = ()
) -> Detection2DArray:
    """Detections in source pixels.

    `class_id` is the id in LabelInfo, as a string; that of a class which the student does not declare is the id that it
    gave, taken from the name "class <id>" (see `student.detections.from_boxes`). `identities` are those of the tracks,
    one for each detection, or none at all.
    """
    messages = [_detection_message(d, class_ids, header) for d in detections]
    for message, identity in zip(messages, identities):  # noqa: B905 - there may be none
        message.id = identity
    return Detection2DArray(header=header, detections=messages)


def _detection_message(detection: Detection, class_ids: Mapping[str, int], header: Header) -> Detection2D:
    x_min, y_min, x_max, y_max = (float(v) for v in detection.box_xyxy)
    message = Detection2D(header=header)
    message.bbox.center.position.x = (x_min + x_max) / 2
    message.bbox.center.position.y = (y_min + y_max) / 2
    message.bbox.size_x = x_max - x_min
    message.bbox.size_y = y_max - y_min
    result = ObjectHypothesisWithPose()
    name = detection.class_name
    result.hypothesis.class_id = str(class_ids[name]) if name in class_ids else name.removeprefix("class ")
    result.hypothesis.score = float(detection.score)
    message.results = [result]
    return message


def label_info_message(class_names: Mapping[int, str], threshold: float, stamp: Time) -> LabelInfo:
    """The classes that the student declares, and the score from which a detection is published."""
    return LabelInfo(
        header=Header(stamp=stamp),
        class_map=[VisionClass(class_id=int(i), class_name=name) for i, name in sorted(class_names.items())],
        threshold=float(threshold),
    )
