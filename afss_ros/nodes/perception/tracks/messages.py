"""Tracks, bearings and positions as messages. Pure functions: values in, messages out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from geometry_msgs.msg import Point, TransformStamped
from numpy.typing import NDArray
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray, Detection3D, Detection3DArray, ObjectHypothesisWithPose
from visualization_msgs.msg import Marker, MarkerArray

from afss_ros.bags.spatial import quaternion
from afss_ros.labels import SPACECRAFT
from afss_ros.tracking import State, Track
from afss_ros.tracking.described import Described, describe, flags, identity
from afss_ros.tracking.placed import Placed

Array = NDArray[np.float64]
_COLORS = {State.CONFIRMED: (0.25, 0.86, 0.38), State.COASTING: (1.0, 0.8, 0.2)}
_RAY_M = 10.0
_CHI_95 = 2.8
"""Semi-axes, in standard deviations, of the ellipsoid that holds 95 % of a normal distribution in three dimensions."""


def tracks_message(tracks: Sequence[Track], class_ids: Mapping[str, int], header: Header) -> Detection2DArray:
    """Craft, each followed by its parts; see `tracking.described`."""
    return Detection2DArray(header=header, detections=[_described(d, header) for d in describe(tracks, class_ids)])


def _described(described: Described, header: Header) -> Detection2D:
    message = _boxed(described.box_xyxy, header)
    message.id = described.identity
    message.results = [_hypothesis(described.class_id, described.score)]
    message.results += [_hypothesis(name, 0.0, position) for name, position in described.more]
    return message


def _boxed(box: NDArray[np.float32], header: Header) -> Detection2D:
    x0, y0, x1, y1 = (float(v) for v in box)
    message = Detection2D(header=header)
    message.bbox.center.position.x, message.bbox.center.position.y = (x0 + x1) / 2, (y0 + y1) / 2
    message.bbox.size_x, message.bbox.size_y = x1 - x0, y1 - y0
    return message


def _hypothesis(
    class_id: str, score: float, position: Sequence[float] = (0.0, 0.0, 0.0), covariance: Array | None = None
) -> ObjectHypothesisWithPose:
    result = ObjectHypothesisWithPose()
    result.hypothesis.class_id = class_id
    result.hypothesis.score = float(score)
    point = result.pose.pose.position
    point.x, point.y, point.z = (float(v) for v in position)
    if covariance is not None:
        whole = np.zeros((6, 6))
        whole[:3, :3] = covariance
        result.pose.covariance = whole.reshape(36)
    return result


def bearings_message(placed: Sequence[Placed], header: Header) -> Detection3DArray:
    """Unit vectors in the optical frame, with their covariance in rad²; `border` where the border cuts a craft off."""
    return Detection3DArray(
        header=header,
        detections=[_in_space(p, p.bearing.direction, p.bearing.covariance, header) for p in placed],
    )


def positions_message(placed: Sequence[Placed], length_m: float, header: Header) -> Detection3DArray:
    """Positions in the optical frame, metres, of those craft that have a range; the box is a cube of their length."""
    found = []
    for p in placed:
        if p.position is not None and p.covariance is not None:
            message = _in_space(p, p.position, p.covariance, header)
            size = message.bbox.size
            size.x = size.y = size.z = float(length_m)
            found.append(message)
    return Detection3DArray(header=header, detections=found)


def _in_space(placed: Placed, position: Array, covariance: Array, header: Header) -> Detection3D:
    message = Detection3D(header=header, id=identity(placed.track))
    message.results = [_hypothesis(str(SPACECRAFT), placed.track.score, position.tolist(), covariance)]
    message.results += [_hypothesis(flag, 0.0) for flag in flags(placed.track)]
    point = message.bbox.center.position
    point.x, point.y, point.z = (float(v) for v in position)
    return message


def transforms(placed: Sequence[Placed], header: Header) -> list[TransformStamped]:
    """A frame for each craft that has a position: `<camera's frame>/craft_<id>`, turned as the camera is."""
    found = []
    for p in placed:
        if p.position is None:
            continue
        message = TransformStamped(header=header, child_frame_id=f"{header.frame_id}/craft_{identity(p.track)}")
        place = message.transform.translation
        place.x, place.y, place.z = (float(v) for v in p.position)
        found.append(message)
    return found


def markers_message(placed: Sequence[Placed], header: Header) -> MarkerArray:
    """For RViz: a ray to each craft, its name, and the ellipsoid that holds it with 95 %."""
    markers = [Marker(header=header, action=Marker.DELETEALL)]
    for p in placed:
        end = p.position if p.position is not None else _RAY_M * p.bearing.direction
        markers.append(_marker(p, header, "rays", Marker.LINE_STRIP, 0.02))
        markers[-1].points = [Point(), Point(x=float(end[0]), y=float(end[1]), z=float(end[2]))]
        markers.append(_marker(p, header, "names", Marker.TEXT_VIEW_FACING, 0.03 * float(np.linalg.norm(end))))
        markers[-1].text = f"{identity(p.track)} {p.track.state.value}"
        _put(markers[-1], end)
        if p.covariance is not None:
            markers.append(_marker(p, header, "positions", Marker.SPHERE, 0.0))
            _put(markers[-1], end)
            _stretch(markers[-1], p.covariance)
    return MarkerArray(markers=markers)


def _marker(placed: Placed, header: Header, namespace: str, kind: int, scale: float) -> Marker:
    marker = Marker(header=header, ns=namespace, id=placed.track.identity, type=kind, action=Marker.ADD)
    marker.scale.x = marker.scale.y = marker.scale.z = scale
    marker.pose.orientation.w = 1.0
    red, green, blue = _COLORS.get(placed.track.state, (0.8, 0.8, 0.8))
    marker.color.r, marker.color.g, marker.color.b = red, green, blue
    marker.color.a = 0.35 if kind == Marker.SPHERE else 1.0
    return marker


def _put(marker: Marker, place: Array) -> None:
    point = marker.pose.position
    point.x, point.y, point.z = (float(v) for v in place)


def _stretch(marker: Marker, covariance: Array) -> None:
    values, axes = np.linalg.eigh(covariance)
    if np.linalg.det(axes) < 0:
        axes[:, 0] *= -1
    lengths = 2 * _CHI_95 * np.sqrt(np.maximum(values, 1e-12))
    marker.scale.x, marker.scale.y, marker.scale.z = (float(v) for v in lengths)
    turned = marker.pose.orientation
    turned.x, turned.y, turned.z, turned.w = quaternion(axes)
