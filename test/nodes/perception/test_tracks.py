"""perception_node follows craft over real DDS: identities, parts, bearings, positions, and what is made on demand."""

from __future__ import annotations

import array
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from perception_peer import Peer, craft_image, image_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, TimeReference
from std_msgs.msg import UInt8MultiArray
from vision_msgs.msg import Detection2DArray, Detection3DArray
from visualization_msgs.msg import MarkerArray

from afss_ros.downlink.received import receive
from afss_ros.images import decode_labels

DETECTIONS, TRACKS = "/perception_node/detections", "/perception_node/tracks"
FOCAL = 100.0


def calibration(stamp: Time) -> CameraInfo:
    info = CameraInfo(height=48, width=64, distortion_model="plumb_bob", d=[0.0] * 5)
    info.header.stamp = stamp
    info.k = [FOCAL, 0.0, 31.5, 0.0, FOCAL, 23.5, 0.0, 0.0, 1.0]
    info.p = [FOCAL, 0.0, 31.5, 0.0, 0.0, FOCAL, 23.5, 0.0, 0.0, 0.0, 1.0, 0.0]
    return info


def moved(columns: int) -> Any:
    """The craft of `craft_image` further to the right, with a blue panel at its side."""
    image = np.zeros((48, 64, 3), np.uint8)
    image[8:24, 16 + columns : 32 + columns] = 200
    image[12:20, 32 + columns : 40 + columns] = (0, 0, 255)
    return image


def _longer(answers: list[Any], count: int) -> Callable[[], bool]:
    return lambda: len(answers) > count


def fly(peer: Peer, camera: Any, answers: list[Any], frames: range) -> list[Any]:
    """Show one picture after the other, each when the one before is answered; the answers to these."""
    start, seen = peer.now(), len(answers)
    for number, frame in enumerate(frames):
        stamp = Time(sec=start.sec + number // 10, nanosec=number % 10 * 100_000_000)
        camera.publish(image_message(moved(frame), stamp))
        peer.spin_until(_longer(answers, seen + number), f"an answer to frame {frame}")
    return answers[seen:]


def test_a_craft_keeps_its_identity_and_its_parts_their_names(peer: Peer) -> None:
    assert peer.set_parameter("tracking.enabled", True).successful
    detections, tracks = peer.hear(Detection2DArray, DETECTIONS), peer.hear(Detection2DArray, TRACKS)
    camera = peer.camera()
    peer.show(camera, image_message(moved(0), peer.now()), detections, tracks)
    told = fly(peer, camera, tracks, range(8))
    peer.spin_until(lambda: len(detections) >= len(tracks), "the detections")
    assert told[-1].header == detections[-1].header
    craft, *parts = told[-1].detections
    (detection,) = detections[-1].detections
    assert craft.id == detection.id == "1"
    named = {r.hypothesis.class_id: r for r in craft.results}
    assert set(named) == {"4", "confirmed", "velocity", "centroid"}
    assert named["velocity"].pose.pose.position.x > 2
    assert named["centroid"].pose.pose.position.z == pytest.approx(16 * 16 + 8 * 8, abs=8)
    assert {part.id: part.results[0].hypothesis.class_id for part in parts} == {"1/body": "1", "1/panel.1": "2"}
    panel = next(part for part in parts if part.id == "1/panel.1")
    assert panel.bbox.center.position.x == pytest.approx(36 + 7, abs=0.6)
    assert panel.bbox.size_y == pytest.approx(8, abs=1)


def test_a_bearing_points_at_the_craft_and_a_length_gives_its_place(peer: Peer) -> None:
    assert peer.reload(tracking__enabled=True, target__length_m=2.5)
    bearings = peer.hear(Detection3DArray, "/perception_node/bearings")
    positions = peer.hear(Detection3DArray, "/perception_node/positions")
    markers = peer.hear(MarkerArray, "/perception_node/markers")
    camera = peer.camera()
    publisher = peer.node.create_publisher(CameraInfo, "camera_info", 1)
    peer.repeat(lambda: publisher.publish(calibration(peer.now())))
    peer.repeat(lambda: camera.publish(image_message(moved(0), peer.now())))
    peer.spin_until(lambda: any(m.detections for m in positions) and any(len(m.markers) > 1 for m in markers), "places")
    bearing = next(m for m in bearings if m.detections).detections[0]
    at = bearing.results[0].pose.pose.position
    # The middle of the box is at (28, 16), that of the pixels a little left of it; the axis at (32, 24).
    assert (at.x / at.z * FOCAL, at.y / at.z * FOCAL) == pytest.approx((-4.5, -8.0), abs=1.0)
    covariance = np.array(bearing.results[0].pose.covariance).reshape(6, 6)[:3, :3]
    direction = np.array([at.x, at.y, at.z])
    assert np.linalg.norm(direction) == pytest.approx(1.0)
    assert np.trace(covariance) > 0 and np.allclose(covariance @ direction, 0, atol=1e-4)
    place = next(m for m in positions if m.detections).detections[0]
    far = place.results[0].pose.pose.position
    assert place.id == bearing.id == "1" and 5 < far.z < 15  # 2.5 m over 25 px at 100 px a radian
    assert np.allclose(np.array([far.x, far.y, far.z]) / np.linalg.norm([far.x, far.y, far.z]), direction, atol=1e-6)


def test_without_tracking_there_is_no_identity_and_no_topic(peer: Peer) -> None:
    detections = peer.hear(Detection2DArray, DETECTIONS)
    peer.show(peer.camera(), image_message(craft_image(), peer.now()), detections)
    assert [d.id for d in detections[0].detections] == [""]
    assert TRACKS not in dict(peer.node.get_topic_names_and_types())


def test_it_is_switched_at_any_time_and_who_knows_nothing_of_tracks_hears_what_he_always_heard(peer: Peer) -> None:
    detections, masks = peer.hear(Detection2DArray, DETECTIONS), peer.hear(Image, "/perception_node/mask")
    tracks = peer.hear(Detection2DArray, TRACKS)
    camera = peer.camera()
    peer.show(camera, image_message(moved(0), peer.now()), detections, masks)

    def identities_and_rest(frames: range) -> tuple[list[str], list[tuple[Any, ...]]]:
        told, shown = fly(peer, camera, detections, frames), len(masks)
        peer.spin_until(lambda: masks[-1].header == told[-1].header, "the mask")
        assert shown <= len(masks)
        rest = [(d.bbox, d.results, len(m.detections), bytes(masks[-1].data)) for m in told[-1:] for d in m.detections]
        return [d.id for m in told for d in m.detections], rest

    never, before = identities_and_rest(range(5))
    assert peer.set_parameter("tracking.enabled", True).successful
    followed, during = identities_and_rest(range(5))
    assert peer.set_parameter("tracking.enabled", False).successful
    heard = len(tracks)
    again, after = identities_and_rest(range(5))
    assert never == again == [""] * 5 and followed == ["", "", "1", "1", "1"]
    assert before == during == after and len(before) == 1
    assert heard >= 5 and len(tracks) == heard


def test_maps_time_and_doubt_are_made_for_those_who_listen(peer: Peer) -> None:
    node = "/perception_node"
    kinds = {
        "confidence": Image, "instances": Image, "mask/compressed": CompressedImage,
        "instances/compressed": CompressedImage, "mask/runs": CompressedImage, "instances/runs": CompressedImage,
        "timing": TimeReference, "doubt": DiagnosticArray, "mask": Image,
    }  # fmt: skip
    heard = {name: peer.hear(kind, f"{node}/{name}") for name, kind in kinds.items()}
    sent = image_message(craft_image(), peer.now(), "eye")
    peer.show(peer.camera(), sent, *heard.values())
    assert all(messages[0].header == sent.header for messages in heard.values())
    instances = np.frombuffer(heard["instances"][0].data, np.uint8).reshape(48, 64)
    assert np.array_equal(instances > 0, np.pad(np.ones((16, 16), bool), ((8, 24), (16, 32))))
    confidence = np.frombuffer(heard["confidence"][0].data, np.uint8).reshape(48, 64)
    assert confidence[16, 24] > 150
    for name, plain in (("mask", heard["mask"][0]), ("instances", heard["instances"][0])):
        small = heard[f"{name}/compressed"][0]
        decoded = cv2.imdecode(np.frombuffer(small.data, np.uint8), cv2.IMREAD_UNCHANGED)
        assert decoded is not None
        assert np.array_equal(decoded, np.frombuffer(plain.data, np.uint8).reshape(48, 64))
        assert "png" in small.format and len(small.data) < 400
        counted = heard[f"{name}/runs"][0]
        assert counted.format == "mono8; runs" and len(counted.data) < 100
        assert np.array_equal(decode_labels(counted.data), decoded)
    assert heard["timing"][0].time_ref.sec >= sent.header.stamp.sec
    values = {pair.key: float(pair.value) for pair in heard["doubt"][0].status[0].values}
    assert 0 <= values["doubt"] <= 1 and "confidence" in values
    assert len(peer.node.get_publishers_info_by_topic(f"{node}/doubt")) == 1


def test_a_frame_goes_down_as_a_packet_while_somebody_listens(peer: Peer) -> None:
    assert peer.reload(tracking__enabled=True, target__length_m=2.5, downlink__apid=77)
    packets = peer.hear(UInt8MultiArray, "/perception_node/packets")
    bearings = peer.hear(Detection3DArray, "/perception_node/bearings")
    camera = peer.camera()
    publisher = peer.node.create_publisher(CameraInfo, "camera_info", 1)
    peer.repeat(lambda: publisher.publish(calibration(peer.now())))
    peer.repeat(lambda: camera.publish(image_message(moved(0), peer.now())))
    peer.spin_until(lambda: any(m.detections for m in bearings), "a bearing")
    until = len(packets) + 2
    peer.spin_until(lambda: len(packets) > until, "packets")
    came = receive(b"".join(bytes(m.data) for m in packets))
    assert (came.lost, came.unreadable, came.foreign_bytes) == (0, 0, 0) and len(came.frames) == len(packets)
    told = {m.header.stamp.sec * 10**9 + m.header.stamp.nanosec: m.detections[0] for m in bearings if m.detections}
    stamp, frame = next((s, f) for s, f in came.frames if s in told)
    at = told[stamp].results[0].pose.pose.position
    assert frame.craft[0].identity == 1 and frame.craft[0].metres is not None
    assert frame.craft[0].direction is not None
    assert np.allclose(frame.craft[0].direction, [at.x, at.y, at.z], atol=1e-8)
    assert frame.labels is not None and frame.labels.shape == (48, 64) and (frame.labels > 0).sum() > 250
    # A link that carries nothing to speak of: one second's worth at once, and what waits is reported.
    assert peer.set_parameter("downlink.bits_per_second", 1.0).successful
    peer.status(lambda values: float(values.get("downlink.waiting", "0")) > 2)


def test_a_depth_image_gives_the_range_and_no_length_is_needed(peer: Peer) -> None:
    assert peer.reload(tracking__enabled=True, tracking__depth=True)
    positions = peer.hear(Detection3DArray, "/perception_node/positions")
    camera = peer.camera()
    infos = peer.node.create_publisher(CameraInfo, "camera_info", 1)
    depths = peer.node.create_publisher(Image, "depth", 5)
    millimetres = np.full((48, 64), 65_535, np.uint16)
    millimetres[8:24, 16:40] = 7_000

    def see() -> None:
        stamp = peer.now()
        infos.publish(calibration(stamp))
        depth = Image(height=48, width=64, encoding="16UC1", step=128, data=array.array("B", millimetres.tobytes()))
        depth.header.stamp = stamp
        depths.publish(depth)
        camera.publish(image_message(moved(0), stamp))

    peer.repeat(see)
    peer.spin_until(lambda: any(m.detections for m in positions), "a position")
    place = next(m for m in positions if m.detections).detections[0]
    at = place.results[0].pose.pose.position
    assert at.z == pytest.approx(7.0, abs=0.05)
    covariance = np.array(place.results[0].pose.covariance).reshape(6, 6)[:3, :3]
    along = np.array([at.x, at.y, at.z]) / np.linalg.norm([at.x, at.y, at.z])
    assert 0.01 < np.sqrt(along @ covariance @ along) < 0.5  # of a depth that is even, a hundredth of it
