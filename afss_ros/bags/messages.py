"""Our values as messages of rosbags, ready for `BagWriter.write`.

The same conventions as the nodes: stamps in nanoseconds, boxes in source pixels with the corner convention of
`afss_ros.perception`, class ids as the decimal strings that LabelInfo explains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.bags.errors import BagError
from afss_ros.bags.types import typestore
from afss_ros.camera import CameraInfo
from afss_ros.perception import Detection, Perception, seconds_and_nanoseconds

_ENCODINGS = {2: "mono8", 3: "rgb8"}


def _new(name: str, /, **fields: Any) -> Any:
    return typestore().types[name](**fields)


def header(stamp_ns: int, frame_id: str) -> Any:
    """std_msgs/Header of a stamp in nanoseconds since the epoch, or before it.

    Raises:
        BagError: a header cannot hold it.
    """
    try:
        sec, nanosec = seconds_and_nanoseconds(stamp_ns)
    except ValueError as err:
        raise BagError(str(err)) from err
    return _new(
        "std_msgs/msg/Header",
        stamp=_new("builtin_interfaces/msg/Time", sec=sec, nanosec=nanosec),
        frame_id=frame_id,
    )


def image(pixels: NDArray[np.uint8], stamp_ns: int, frame_id: str = "") -> Any:
    """sensor_msgs/Image of a uint8 array: (H, W, 3) becomes rgb8, (H, W) mono8 (label maps are such images)."""
    encoding = _ENCODINGS.get(pixels.ndim)
    if encoding is None or pixels.dtype != np.uint8 or (pixels.ndim == 3 and pixels.shape[2] != 3):
        raise BagError(f"an image message is made of uint8 (H, W, 3) or (H, W), got {pixels.dtype} {pixels.shape}")
    height, width = pixels.shape[:2]
    data = np.ascontiguousarray(pixels).reshape(-1)
    return _new(
        "sensor_msgs/msg/Image",
        header=header(stamp_ns, frame_id),
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=0,
        step=data.size // height,
        data=data,
    )


def compressed_image(data: bytes, image_format: str, stamp_ns: int, frame_id: str = "") -> Any:
    """sensor_msgs/CompressedImage of an encoded picture; `image_format` is `jpeg` or `png`."""
    return _new(
        "sensor_msgs/msg/CompressedImage",
        header=header(stamp_ns, frame_id),
        format=image_format,
        data=np.frombuffer(data, np.uint8),
    )


def camera_info(info: CameraInfo, stamp_ns: int, frame_id: str = "") -> Any:
    """sensor_msgs/CameraInfo."""
    return _new(
        "sensor_msgs/msg/CameraInfo",
        header=header(stamp_ns, frame_id),
        height=info.height,
        width=info.width,
        distortion_model=info.distortion_model,
        d=info.d,
        k=info.k.reshape(-1),
        r=info.r.reshape(-1),
        p=info.p.reshape(-1),
        binning_x=info.binning_x,
        binning_y=info.binning_y,
        roi=_new("sensor_msgs/msg/RegionOfInterest", **asdict(info.roi)),
    )


def label_info(class_names: Mapping[int, str], threshold: float, stamp_ns: int = 0, frame_id: str = "") -> Any:
    """vision_msgs/LabelInfo: what the ids mean, and the score below which nothing is reported."""
    classes = [
        _new("vision_msgs/msg/VisionClass", class_id=class_id, class_name=name)
        for class_id, name in sorted(class_names.items())
    ]
    return _new(
        "vision_msgs/msg/LabelInfo",
        header=header(stamp_ns, frame_id),
        class_map=classes,
        threshold=float(threshold),
    )


def detections(perception: Perception, frame_id: str = "", identities: Sequence[str] = ()) -> Any:
    """vision_msgs/Detection2DArray of a perception, stamped with its frame's stamp.

    A class that the perception does not declare goes out under its name, as class_id is free text. `identities` are the
    ids of the detections, one each; without them they are empty.
    """
    ids = {name: class_id for class_id, name in perception.class_names.items()}
    head = header(perception.stamp_ns, frame_id)
    return _new(
        "vision_msgs/msg/Detection2DArray",
        header=head,
        detections=[
            _detection(found, ids, head, identity)
            for found, identity in zip(
                perception.detections, identities or [""] * len(perception.detections), strict=True
            )
        ],
    )


def diagnostics(name: str, message: str, values: Mapping[str, str], stamp_ns: int, frame_id: str = "") -> Any:
    """diagnostic_msgs/DiagnosticArray with one status of level OK."""
    status = _new(
        "diagnostic_msgs/msg/DiagnosticStatus",
        level=0,
        name=name,
        message=message,
        hardware_id="",
        values=[_new("diagnostic_msgs/msg/KeyValue", key=key, value=value) for key, value in values.items()],
    )
    return _new("diagnostic_msgs/msg/DiagnosticArray", header=header(stamp_ns, frame_id), status=[status])


def _detection(found: Detection, ids: Mapping[str, int], head: Any, identity: str) -> Any:
    x_min, y_min, x_max, y_max = (float(v) for v in found.box_xyxy)
    class_id = str(ids.get(found.class_name, found.class_name))
    hypothesis = _new("vision_msgs/msg/ObjectHypothesis", class_id=class_id, score=float(found.score))
    return _new(
        "vision_msgs/msg/Detection2D",
        header=head,
        results=[
            _new("vision_msgs/msg/ObjectHypothesisWithPose", hypothesis=hypothesis, pose=_no_pose()),
        ],
        bbox=_box((x_min + x_max) / 2, (y_min + y_max) / 2, x_max - x_min, y_max - y_min),
        id=identity,
    )


def _box(x: float, y: float, size_x: float, size_y: float) -> Any:
    point = _new("vision_msgs/msg/Point2D", x=x, y=y)
    center = _new("vision_msgs/msg/Pose2D", position=point, theta=0.0)
    return _new("vision_msgs/msg/BoundingBox2D", center=center, size_x=size_x, size_y=size_y)


def _no_pose() -> Any:
    pose = _new(
        "geometry_msgs/msg/Pose",
        position=_new("geometry_msgs/msg/Point", x=0.0, y=0.0, z=0.0),
        orientation=_new("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0),
    )
    return _new("geometry_msgs/msg/PoseWithCovariance", pose=pose, covariance=np.zeros(36))
