"""Hard frames: recorded with what was seen in them, while the stream goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from perception_peer import PATIENCE_S, Peer, image_message
from sensor_msgs.msg import CameraInfo, Image
from vision_msgs.msg import Detection2DArray

from afss_ros.bags import BagReader, Budget
from afss_ros.images import encode_compressed
from afss_ros.nodes.perception.hard_frame_choice import Limits
from afss_ros.nodes.perception.hard_frames import HardFrames, Topics
from afss_ros.perception import Frame
from afss_ros.sources import open_source
from afss_ros.student import Student

EVERY_DOUBTFUL = Limits(min_doubt=0.5, max_rate=1000.0, min_gap_s=0.0)
SURE, UNSURE = 250, 130
"""Grey of a block that the tiny student gives a score of 0.98 and 0.51."""


def craft(brightness: int) -> NDArray[np.uint8]:
    image = np.zeros((60, 80, 3), np.uint8)
    image[16:40, 24:60] = brightness
    return image


@pytest.fixture(scope="module")
def student(tiny_student: Path) -> Student:
    return Student(tiny_student, provider="cpu", threads=1)


@pytest.fixture
def record(student: Student, tmp_path: Path) -> Callable[..., HardFrames]:
    """`record(folder)` is a recorder of every doubtful frame."""

    def make(folder: Path | None = None, **options: Any) -> HardFrames:
        return HardFrames(
            folder or tmp_path / "hard",
            options.pop("budget", Budget(64 << 20)),
            Topics("/eye/image_raw", "/perception_node"),
            class_names=student.class_names,
            limits=lambda: EVERY_DOUBTFUL,
            threshold=lambda: 0.5,
            **{"image_format": "jpeg", **options},
        )

    return make


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE_S} s in vain"
        time.sleep(0.005)


def show(recorder: HardFrames, student: Student, brightness: int, stamp_ns: int, **known: Any) -> None:
    """Let the recorder see a frame, and finish with it."""
    frame = Frame(craft(brightness), stamp_ns, "eye")
    recorder.consider(frame, student(frame), **known)
    wait_for(lambda: not recorder.is_busy)


def topics(folder: Path) -> dict[str, int]:
    with BagReader(folder) as bag:
        return {topic.name: topic.count for topic in bag.topics.values()}


def test_a_doubtful_frame_is_recorded_with_what_was_seen_in_it(
    record: Callable[..., HardFrames], student: Student, tmp_path: Path
) -> None:
    recorder = record(image_format="png")
    info = CameraInfo(width=80, height=60)
    info.k = np.array([90.0, 0, 39.5, 0, 90.0, 29.5, 0, 0, 1])
    for number, brightness in enumerate([SURE, SURE, UNSURE, SURE], 1):
        show(recorder, student, brightness, number * 10**8, camera=info)
    recorder.stop()
    recorder.stop()
    assert dict(recorder.facts)["hard_frames.recorded"] == "1"
    assert topics(tmp_path / "hard") == {
        "/eye/image_raw/compressed": 1,
        "/eye/camera_info": 1,
        "/perception_node/detections": 1,
        "/perception_node/mask": 1,
        "/perception_node/doubt": 1,
        "/perception_node/label_info": 1,
    }
    with BagReader(tmp_path / "hard") as bag:
        said = {m.topic: bag.deserialize(m) for m in bag.messages()}
    mask = said["/perception_node/mask"].data.reshape(60, 80)
    np.testing.assert_array_equal(mask, student(Frame(craft(UNSURE))).labels)
    (detection,) = said["/perception_node/detections"].detections
    assert detection.results[0].hypothesis.score == pytest.approx(UNSURE / 255, abs=0.01)
    (status,) = said["/perception_node/doubt"].status
    assert status.message == "confidence"
    assert float({v.key: v.value for v in status.values}["threshold"]) == pytest.approx(0.93, abs=0.03)

    with open_source(tmp_path / "hard") as source:
        (frame,) = source
        assert isinstance(frame, Frame)
        assert source.camera_info is not None and source.camera_info.k[0, 0] == 90.0
    np.testing.assert_array_equal(frame.image, craft(UNSURE))
    assert (frame.stamp_ns, frame.frame_id) == (3 * 10**8, "eye")


def test_raw_images_may_stay_raw_and_no_camera_info_is_needed_to_read_them(
    record: Callable[..., HardFrames], student: Student, tmp_path: Path
) -> None:
    recorder = record(image_format="raw")
    show(recorder, student, UNSURE, 5)
    recorder.stop()
    with open_source(tmp_path / "hard") as source:
        assert source.name.endswith(":/eye/image_raw"), "not the mask, which is an image too"
        (frame,) = source
    assert isinstance(frame, Frame)
    np.testing.assert_array_equal(frame.image, craft(UNSURE))


def test_compressed_images_are_recorded_as_they_came(
    record: Callable[..., HardFrames], student: Student, tmp_path: Path
) -> None:
    recorder = record(image_format="raw")
    came = encode_compressed(craft(UNSURE), "jpeg", quality=71)
    show(recorder, student, UNSURE, 5, compressed=SimpleNamespace(data=came, format="rgb8; jpeg compressed bgr8"))
    recorder.stop()
    with BagReader(tmp_path / "hard") as bag:
        (message,) = bag.messages(["/eye/image_raw/compressed"])
        recorded = bag.deserialize(message)
    assert bytes(recorded.data) == came
    assert recorded.format == "rgb8; jpeg compressed bgr8"


def test_flicker_is_doubt_and_a_gap_in_time_is_not(record: Callable[..., HardFrames], student: Student) -> None:
    recorder = record()
    dark = 50  # no craft for this student: it vanishes
    for stamp_s, brightness in ((1.0, SURE), (1.1, SURE), (5.0, dark), (5.1, SURE)):
        show(recorder, student, brightness, int(stamp_s * 1e9))
    recorder.stop()
    assert dict(recorder.facts)["hard_frames.doubtful"] == "1"
    assert dict(recorder.facts)["hard_frames.doubt"] == "0.98 presence"


def test_a_disk_that_refuses_is_counted_and_named_and_nothing_is_raised(
    record: Callable[..., HardFrames], student: Student, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    now, said = [0.0], list[str]()
    recorder = record(tmp_path / "file" / "hard", clock=lambda: now[0], warn=said.append)
    for number in range(1, 4):
        now[0] += 0.1
        show(recorder, student, UNSURE, number * 10**8)
    assert dict(recorder.facts)["hard_frames.failed"] == "1", "tried once; again only after a while"
    assert "Not a directory" in recorder.failure and said == [recorder.failure]

    (tmp_path / "file").unlink()
    now[0] += 60
    show(recorder, student, UNSURE, 4 * 10**8)
    assert recorder.failure == ""
    recorder.stop()
    facts = dict(recorder.facts)
    assert (facts["hard_frames.judged"], facts["hard_frames.failed"], facts["hard_frames.recorded"]) == ("4", "1", "1")


def test_the_stream_never_waits_for_the_disk(
    record: Callable[..., HardFrames], student: Student, tmp_path: Path
) -> None:
    """The first frame hangs in the recorder's thread; meanwhile a hundred more pass, and the last one waits."""
    recorder, gate = record(), threading.Event()

    class Stuck:
        format = "jpeg"

        @property
        def data(self) -> bytes:
            gate.wait(PATIENCE_S)
            return encode_compressed(craft(UNSURE))

    frame = Frame(craft(UNSURE), 1, "eye")
    seen = student(frame)
    recorder.consider(frame, seen, compressed=Stuck())
    start = time.monotonic()
    for number in range(2, 102):
        recorder.consider(Frame(frame.image, number * 10**7, "eye"), seen)
    assert time.monotonic() - start < PATIENCE_S / 2
    gate.set()
    recorder.stop()
    assert dict(recorder.facts)["hard_frames.recorded"] == "2"
    with open_source(tmp_path / "hard") as source:
        assert [f.stamp_ns for f in source if isinstance(f, Frame)] == [1, 101 * 10**7]


def test_a_full_disk_is_a_warning_on_diagnostics_and_the_stream_goes_on(peer: Peer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert peer.reload(hard_frames__record=True, hard_frames__directory=str(tmp_path / "file"))
    for name, value in (("hard_frames.min_gap", 0.0), ("hard_frames.max_rate", 100.0)):
        assert peer.set_parameter(name, value).successful
    detections, camera = peer.hear(Detection2DArray, "/perception_node/detections"), peer.camera()
    peer.show(camera, image_message(craft(UNSURE), peer.now()), detections)
    peer.repeat(lambda: camera.publish(image_message(craft(UNSURE), peer.now())))
    _, _, values = peer.status(lambda v: int(v["hard_frames.failed"]) > 0, says="hard frames are not recorded: ")
    assert "File exists" in values["hard_frames.failure"]
    del detections[:]
    peer.show(camera, image_message(craft(UNSURE), peer.now()), detections)


def test_nothing_is_recorded_by_default(peer: Peer) -> None:
    detections, camera = peer.hear(Detection2DArray, "/perception_node/detections"), peer.camera(Image)
    peer.show(camera, image_message(craft(UNSURE), peer.now()), detections)
    values = peer.status()[2]
    assert not [key for key in values if key.startswith("hard_frames")]
