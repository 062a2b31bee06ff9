"""Several cameras in one process: each a node with topics, parameters and counts of its own, and one student."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from perception_peer import Peer, PerceptionProcess, craft_image, image_message
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from afss_ros.nodes.cameras import Camera, CameraNameError, parse
from afss_ros.nodes.perception import program


@pytest.fixture
def other_peer(quiet_domain: int) -> Iterator[Peer]:
    peer = Peer(quiet_domain)
    yield peer
    peer.close()


def test_each_camera_has_a_node_of_its_own(
    other_peer: Peer, quiet_domain: int, tiny_student: Path, tmp_path: Path
) -> None:
    parameters = tmp_path / "cameras.yaml"
    parameters.write_text("/right/perception_node: {ros__parameters: {detection.score_threshold: 0.99}}\n")
    process = PerceptionProcess(
        quiet_domain, tmp_path / "log",
        cameras="left right:=/eye/image_raw", autostart=True, model__path=tiny_student, diagnostics__period=0.1,
        more=("--params-file", str(parameters)),
    )  # fmt: skip
    peer = other_peer
    with process:
        found = {name: peer.hear(Detection2DArray, f"/{name}/perception_node/detections") for name in ("left", "right")}
        reports: dict[str, dict[str, str]] = {}

        def note(array: DiagnosticArray) -> None:
            reports.update({status.name: {v.key: v.value for v in status.values} for status in array.status})

        peer.node.create_subscription(DiagnosticArray, "/diagnostics", note, 50)
        cameras = {"left": peer.camera(Image, "/left/image"), "right": peer.camera(Image, "/eye/image_raw")}
        for name, camera in cameras.items():
            peer.show(camera, image_message(craft_image(), peer.now(), name), found[name])

        def counts() -> list[int]:
            keys = [f"{name}/perception_node: perception" for name in cameras]
            return [int(reports.get(key, {}).get("frames.processed", "-1")) for key in keys]

        peer.spin_until(lambda: min(counts()) > 0, "a report of each camera")
        before, heard = counts(), len(found["left"])

        def answered(count: int) -> Callable[[], bool]:
            return lambda: len(found["left"]) > heard + count

        for i in range(3):
            cameras["left"].publish(image_message(craft_image(), peer.now(), "left"))
            peer.spin_until(answered(i), "an answer")
        peer.spin_until(lambda: counts()[0] >= before[0] + 3, "the frames in the counts")
        assert counts()[1] < before[1] + 3  # of the first ones, sent again until they were answered, one may be late
        assert {len(m.detections) for m in found["left"]} == {1}
        assert {len(m.detections) for m in found["right"]} == {0}  # its own threshold
        assert {m.header.frame_id for m in found["right"]} == {"right"}
        assert peer.node.count_publishers("/perception_node/detections") == 0
        assert process.stop() == 0, process.log


def test_names_and_topics_are_read() -> None:
    assert parse(" left, right:=/eye/image_raw  up:=cam/image") == [
        Camera("left"), Camera("right", "/eye/image_raw"), Camera("up", "cam/image"),
    ]  # fmt: skip
    assert parse("") == []
    assert Camera("left").arguments("/") == ["--ros-args", "-r", "__ns:=/left"]
    assert Camera("right", "/eye/image_raw").arguments("/chaser")[2:] == [
        "__ns:=/chaser/right", "-r", "image:=/eye/image_raw", "-r", "camera_info:=/eye/camera_info",
    ]  # fmt: skip
    for wrong in ("1st", "a-b", "left:=", "left=x", "left:=/a b:=:"):
        with pytest.raises(CameraNameError, match="name:=/topic"):
            parse(wrong)
    with pytest.raises(CameraNameError, match="left more than once"):
        parse("left right left")


@pytest.mark.parametrize("given", ["cameras:=a-b", "cameras:=7"])
def test_a_wrong_list_is_refused(given: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--ros-args", "-p", given]) == 2
    assert "parameter refused: cameras" in capfd.readouterr().err
