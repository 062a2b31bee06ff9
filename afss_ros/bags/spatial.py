"""Poses, directions and things in space as messages of rosbags; beside `messages`, with the same conventions.

Rotations are matrices (3, 3) that turn vectors of the child's frame into the header's frame; lengths are metres.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from afss_ros.bags.messages import header
from afss_ros.bags.types import typestore


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """Something in space, to be a vision_msgs/Detection3D.

    Attributes:
        identity: its id.
        class_id: as LabelInfo has it.
        score: 0..1.
        position, rotation: its frame's origin float64 (3,) and axes (3, 3) in the header's frame.
        size: float64 (3,) along its own axes, metres.
        covariance: float64 (6, 6) of the pose; zeros where it is exact.
        more: further hypotheses, a class id and a position (3,) each: what a Detection3D has no field for.
    """

    identity: str
    class_id: str
    score: float
    position: NDArray[np.float64]
    rotation: NDArray[np.float64]
    size: NDArray[np.float64]
    covariance: NDArray[np.float64] | None = None
    more: tuple[tuple[str, tuple[float, float, float]], ...] = ()


class Boxed(Protocol):
    """A box with an identity, to be a vision_msgs/Detection2D; `more` as in `Thing`."""

    @property
    def identity(self) -> str: ...
    @property
    def class_id(self) -> str: ...
    @property
    def score(self) -> float: ...
    @property
    def box_xyxy(self) -> NDArray[np.float32]: ...
    @property
    def more(self) -> tuple[tuple[str, tuple[float, float, float]], ...]: ...


def _new(name: str, /, **fields: Any) -> Any:
    return typestore().types[name](**fields)


def quaternion(rotation: ArrayLike) -> tuple[float, float, float, float]:
    """The unit quaternion (x, y, z, w), w not negative, of a rotation matrix (3, 3) (Shepperd, 1978)."""
    m = np.asarray(rotation, np.float64)
    squares = np.array([1 + m[0, 0] - m[1, 1] - m[2, 2], 1 - m[0, 0] + m[1, 1] - m[2, 2],
                        1 - m[0, 0] - m[1, 1] + m[2, 2], 1 + np.trace(m)])  # fmt: skip
    k = int(squares.argmax())
    q = np.empty(4)
    q[k] = squares[k]
    if k == 3:
        q[:3] = m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]
    else:
        i, j = (k + 1) % 3, (k + 2) % 3
        q[i], q[j], q[3] = m[i, k] + m[k, i], m[j, k] + m[k, j], m[j, i] - m[i, j]
    q /= np.linalg.norm(q) * (-1 if q[3] < 0 else 1)
    return float(q[0]), float(q[1]), float(q[2]), float(q[3])


def rotation(x: float, y: float, z: float, w: float) -> NDArray[np.float64]:
    """The rotation matrix (3, 3) of a quaternion, which is made unit length first.

    Raises:
        ValueError: it is zero or not finite.
    """
    norm = float(np.sqrt(x * x + y * y + z * z + w * w))
    if not norm > 0 or not np.isfinite(norm):
        raise ValueError(f"({x}, {y}, {z}, {w}) is no rotation; a quaternion has a length")
    x, y, z, w = x / norm, y / norm, z / norm, w / norm
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def _vector(values: ArrayLike) -> Any:
    x, y, z = (float(v) for v in np.asarray(values, np.float64))
    return _new("geometry_msgs/msg/Vector3", x=x, y=y, z=z)


def _pose(position: ArrayLike, turned: ArrayLike | None = None) -> Any:
    x, y, z = (float(v) for v in np.asarray(position, np.float64))
    qx, qy, qz, qw = (0.0, 0.0, 0.0, 1.0) if turned is None else quaternion(turned)
    return _new(
        "geometry_msgs/msg/Pose",
        position=_new("geometry_msgs/msg/Point", x=x, y=y, z=z),
        orientation=_new("geometry_msgs/msg/Quaternion", x=qx, y=qy, z=qz, w=qw),
    )


def transforms(placed: Mapping[str, tuple[ArrayLike, ArrayLike]], stamp_ns: int, frame_id: str) -> Any:
    """tf2_msgs/TFMessage: position (3,) and rotation (3, 3) of each child frame in `frame_id`."""
    messages = []
    for child, (position, turned) in placed.items():
        pose = _pose((0, 0, 0), turned)
        transform = _new("geometry_msgs/msg/Transform", translation=_vector(position), rotation=pose.orientation)
        messages.append(
            _new(
                "geometry_msgs/msg/TransformStamped",
                header=header(stamp_ns, frame_id),
                child_frame_id=child,
                transform=transform,
            )
        )
    return _new("tf2_msgs/msg/TFMessage", transforms=messages)


def direction(vector: ArrayLike, stamp_ns: int, frame_id: str) -> Any:
    """geometry_msgs/Vector3Stamped."""
    return _new("geometry_msgs/msg/Vector3Stamped", header=header(stamp_ns, frame_id), vector=_vector(vector))


def detections_3d(things: Sequence[Thing], stamp_ns: int, frame_id: str) -> Any:
    """vision_msgs/Detection3DArray."""
    head = header(stamp_ns, frame_id)
    return _new("vision_msgs/msg/Detection3DArray", header=head, detections=[_thing(t, head) for t in things])


def detections_2d(found: Sequence[Boxed], stamp_ns: int, frame_id: str) -> Any:
    """vision_msgs/Detection2DArray of boxes with further hypotheses."""
    head = header(stamp_ns, frame_id)
    return _new("vision_msgs/msg/Detection2DArray", header=head, detections=[_boxed(b, head) for b in found])


def _boxed(found: Boxed, head: Any) -> Any:
    x0, y0, x1, y1 = (float(v) for v in found.box_xyxy)
    middle = _new("vision_msgs/msg/Point2D", x=(x0 + x1) / 2, y=(y0 + y1) / 2)
    center = _new("vision_msgs/msg/Pose2D", position=middle, theta=0.0)
    box = _new("vision_msgs/msg/BoundingBox2D", center=center, size_x=x1 - x0, size_y=y1 - y0)
    results = [_hypothesis(found.class_id, found.score, _pose((0, 0, 0)), np.zeros(36))]
    results += [_hypothesis(name, 0.0, _pose(values), np.zeros(36)) for name, values in found.more]
    return _new("vision_msgs/msg/Detection2D", header=head, results=results, bbox=box, id=found.identity)


def _thing(thing: Thing, head: Any) -> Any:
    covariance = np.zeros(36) if thing.covariance is None else np.asarray(thing.covariance, np.float64).reshape(36)
    results = [_hypothesis(thing.class_id, thing.score, _pose(thing.position, thing.rotation), covariance)]
    results += [_hypothesis(name, 0.0, _pose(values), np.zeros(36)) for name, values in thing.more]
    box = _new("vision_msgs/msg/BoundingBox3D", center=_pose(thing.position, thing.rotation), size=_vector(thing.size))
    return _new("vision_msgs/msg/Detection3D", header=head, results=results, bbox=box, id=thing.identity)


def _hypothesis(class_id: str, score: float, pose: Any, covariance: NDArray[np.float64]) -> Any:
    return _new(
        "vision_msgs/msg/ObjectHypothesisWithPose",
        hypothesis=_new("vision_msgs/msg/ObjectHypothesis", class_id=class_id, score=float(score)),
        pose=_new("geometry_msgs/msg/PoseWithCovariance", pose=pose, covariance=covariance),
    )
