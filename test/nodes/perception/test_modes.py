"""off, survival, nominal, full: by service and by parameter, the newest frame in all of them."""

from __future__ import annotations

from pathlib import Path

import onnx
from perception_peer import Peer, craft_image, image_message
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from tiny_students import build_tiny_student
from vision_msgs.msg import Detection2DArray


def mode(peer: Peer, name: str) -> str:
    answer = peer.call(Trigger, f"/perception_node/mode/{name}", Trigger.Request())
    assert answer.success, answer.message
    return str(answer.message)


def test_a_service_for_each_mode_and_off_takes_no_images(peer: Peer) -> None:
    camera = peer.camera()
    assert mode(peer, "off") == "mode off"
    peer.spin_until(lambda: camera.get_subscription_count() == 0, "the subscription to end")
    level, message, values = peer.status()
    assert (level, message, values["power.mode"]) == (b"\x00", "off, as power.mode says", "off")
    mode(peer, "nominal")
    assert peer.set_parameter("power.mode", False).successful  # `ros2 param set /perception_node power.mode off`
    assert peer.status()[2]["power.mode"] == "off"
    mode(peer, "full")
    heard = peer.hear(Detection2DArray, "/perception_node/detections")
    peer.show(camera, image_message(craft_image(), peer.now()), heard)
    assert peer.status()[2]["power.mode"] == "full"
    assert peer.set_parameter("power.mode", "nominal").successful
    refused = peer.set_parameter("power.mode", "fast")
    assert refused.reason == "power.mode must be one of off, survival, nominal, full, got 'fast'"


def test_survival_takes_the_newest_frame_only_when_it_is_time(peer: Peer) -> None:
    peer.set_parameter("power.survival_period", 3600.0)
    heard = peer.hear(Detection2DArray, "/perception_node/detections")
    camera = peer.camera()
    peer.show(camera, image_message(craft_image(), peer.now()), heard)
    mode(peer, "survival")
    # A frame that the worker took before the mode changed may still come.
    before = peer.status()[2]
    sent = 0

    def send() -> None:
        nonlocal sent
        sent += 1
        message = image_message(craft_image(), peer.now(), f"number {sent}")
        camera.publish(message)

    peer.repeat(send, 0.02)
    after = peer.status(lambda v: int(v["frames.received"]) >= int(before["frames.received"]) + 20)[2]
    assert int(after["frames.processed"]) <= int(before["frames.processed"]) + 1
    gone = sum(int(after[f"frames.{fate}"]) for fate in ("processed", "overwritten", "bad"))
    assert 0 <= int(after["frames.received"]) - gone <= 2
    heard.clear()
    newest = sent
    peer.set_parameter("power.survival_period", 0.1)
    peer.spin_until(lambda: bool(heard), "the frame that waited")
    assert int(heard[0].header.frame_id.removeprefix("number ")) >= newest - 1


def test_survival_may_fly_a_student_of_its_own_and_it_must_know_the_same_classes(peer: Peer, tmp_path: Path) -> None:
    small = build_tiny_student(tmp_path / "small.onnx", size=(32, 32))
    assert peer.reload(power__survival_model=str(small), power__mode="survival", power__survival_period=0.1)
    heard = peer.hear(Detection2DArray, "/perception_node/detections")
    camera = peer.camera()
    peer.show(camera, image_message(craft_image(), peer.now()), heard)
    confidence = peer.hear(Image, "/perception_node/confidence")
    peer.show(camera, image_message(craft_image(), peer.now()), confidence)
    assert (confidence[0].height, confidence[0].width) == craft_image().shape[:2]
    other = onnx.load(small)
    for entry in other.metadata_props:
        entry.value = entry.value.replace("panel", "wing")
    onnx.save(other, tmp_path / "other.onnx")
    assert not peer.reload(power__survival_model=str(tmp_path / "other.onnx"))
    assert "give power.survival_model a student of the same classes" in peer.status()[1]
