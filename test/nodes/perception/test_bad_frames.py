"""Images that cannot be: counted, reported on /diagnostics, survived."""

from __future__ import annotations

import array
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from perception_peer import Peer, craft_image, image_message
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray


def wrong_step(message: Image) -> None:
    message.step = 3 * message.width - 1


def short_data(message: Image) -> None:
    message.data = message.data[: len(message.data) // 2]


def unknown_encoding(message: Image) -> None:
    message.encoding = "sepia12"


def no_pixels(message: Image) -> None:
    message.height = message.width = message.step = 0
    message.data = array.array("B")


def huge_size(message: Image) -> None:
    message.height = message.width = message.step = 2**32 - 1


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (wrong_step, "step"),
        (short_data, "data"),
        (unknown_encoding, "sepia12"),
        (no_pixels, "0x0"),
        (huge_size, "4294967295"),
    ],
)
def test_a_bad_image_is_counted_reported_and_survived(peer: Peer, spoil: Callable[[Image], None], reason: str) -> None:
    detections = peer.hear(Detection2DArray, "/perception_node/detections")
    camera = peer.heard_camera()
    bad_before = int(peer.status()[2]["frames.bad"])
    message = image_message(craft_image(), peer.now())
    spoil(message)
    camera.publish(message)

    level, text, values = peer.status_after_bad_frames(bad_before + 1)
    assert int(values["frames.bad"]) == bad_before + 1
    assert level == DiagnosticStatus.ERROR, "not one usable frame since the last report"
    assert reason in text
    assert values["bad.reason.1"] in text
    assert not detections

    peer.show(camera, image_message(craft_image(), peer.now()), detections)
    # An image that had to be shown twice is old, which is said once as well.
    peer.status_that(lambda level, _: level == DiagnosticStatus.OK)


@pytest.mark.parametrize("spoiled", ["truncated", "empty", "noise"])
def test_a_bad_jpeg_is_counted_reported_and_survived(peer: Peer, spoiled: str) -> None:
    assert peer.reload(input__image_transport="compressed")
    detections = peer.hear(Detection2DArray, "/perception_node/detections")
    camera = peer.heard_camera(CompressedImage, "image/compressed")
    jpeg = cv2.imencode(".jpg", craft_image())[1].tobytes()
    data = {"truncated": jpeg[: len(jpeg) // 2], "empty": b"", "noise": bytes(range(256))}[spoiled]
    bad_before = int(peer.status()[2]["frames.bad"])
    message = CompressedImage(header=Header(stamp=peer.now()), format="jpeg", data=array.array("B", data))
    camera.publish(message)

    level, _, values = peer.status_after_bad_frames(bad_before + 1)
    assert int(values["frames.bad"]) == bad_before + 1
    assert level == DiagnosticStatus.ERROR

    message.data = array.array("B", jpeg)
    peer.show(camera, message, detections)
    assert len(detections[0].detections) == 1


def test_a_change_of_size_in_mid_stream_is_followed(peer: Peer) -> None:
    masks = peer.hear(Image, "/perception_node/mask")
    camera = peer.camera()
    for height, width in ((48, 64), (33, 77), (200, 100), (48, 64)):
        del masks[:]
        peer.show(camera, image_message(craft_image(height, width), peer.now()), masks)
        mask = masks[0]
        assert (mask.height, mask.width, len(mask.data)) == (height, width, height * width)
        found = np.frombuffer(mask.data, np.uint8).reshape(height, width)
        assert found[16, 24] == 1 and found[2, 2] == 0
