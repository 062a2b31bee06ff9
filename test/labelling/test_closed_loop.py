"""What the student doubts in flight is what its successor learns from: perception_node, its bag, the commands."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from domains import reserved_domain
from numpy.typing import NDArray
from perception_peer import Peer, PerceptionProcess, image_message
from processes import ROOT
from sensor_msgs.msg import CameraInfo
from vision_msgs.msg import Detection2DArray

from afss_ros import datasets
from afss_ros.cli import main
from afss_ros.distill.training import checkpoint
from afss_ros.perception import Frame
from afss_ros.sources import open_source

SURE, UNSURE = 250, 130
"""Grey of a craft that the tiny student gives a score of 0.98 and 0.51."""

ONE_STEP = """
data: {size: 64, validation_size: 64, workers: 0, train: [set by --data]}
student: {name: fpn-mobilenetv4-050, decoder: {decoder_pyramid_channels: 32, decoder_segmentation_channels: 32}}
budget: {iterations: 1}
batch: 2
"""


def craft(brightness: int, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
    image = np.zeros((96, 128, 3), np.uint8)
    image[y : y + height, x : x + width] = brightness
    return image


def test_the_nodes_hard_frames_become_a_data_set_and_a_training(tmp_path: Path, tiny_student: Path) -> None:
    """A craft that the student is sure of, then three views that it is not: those three are labelled and learned."""
    hard = tmp_path / "hard"
    doubtful = [craft(UNSURE, *box) for box in ((8, 8, 40, 60), (50, 20, 70, 30), (20, 60, 30, 30))]
    parameters: dict[str, Any] = {
        "autostart": True,
        "model__path": tiny_student,
        "diagnostics__period": 0.1,
        "hard_frames__record": True,
        "hard_frames__directory": hard,
        "hard_frames__keep_free_mib": 0,
        "hard_frames__min_gap": 0.0,
        "hard_frames__max_rate": 100.0,
    }
    with (
        reserved_domain() as domain,
        PerceptionProcess(domain, tmp_path / "log", **parameters) as node,
        closing(Peer(domain)) as peer,
    ):
        detections, camera = peer.hear(Detection2DArray, "/perception_node/detections"), peer.camera()
        peer.camera(CameraInfo, "camera_info").publish(CameraInfo(width=128, height=96))
        peer.show(camera, image_message(craft(SURE, 8, 8, 40, 60), peer.now()), detections)
        assert peer.status(lambda v: v.get("hard_frames.judged", "0") != "0")[2]["hard_frames.doubtful"] == "0"
        for number, image in enumerate(doubtful, 1):
            camera.publish(image_message(image, peer.now()))
            peer.status(lambda v, n=number: int(v["hard_frames.recorded"]) >= n)  # type: ignore[misc]
        assert node.stop() == 0, node.log

    with open_source(hard) as source:
        frames = [frame for frame in source if isinstance(frame, Frame)]
    assert [np.abs(f.image.astype(int) - d).mean() < 2 for f, d in zip(frames, doubtful, strict=True)] == [True] * 3

    config = str(ROOT / "config" / "label_offline.yaml")
    assert main(["label", str(hard), "--out", str(tmp_path / "set"), "--config", config]) == 0
    labelled = datasets.load(tmp_path / "set")
    assert len(labelled.samples) == 3
    for sample, frame in zip(labelled.samples, frames, strict=True):
        (found,) = sample.instances or ()
        x, y, x_end, y_end = found.box_xyxy
        block = np.argwhere(frame.image[..., 0] > 64)
        assert np.abs(np.array([y, x, y_end, x_end]) - [*block.min(0), *block.max(0) + 1]).max() < 6

    chosen, run = tmp_path / "chosen", tmp_path / "run"
    assert main(["select", str(tmp_path / "set"), "--keep", "detector_score >= 0.6", "--out", str(chosen)]) == 0
    (tmp_path / "one_step.yaml").write_text(ONE_STEP)
    assert main(["train", str(tmp_path / "one_step.yaml"), "--data", str(chosen), "--out", str(run)]) == 0
    trained = checkpoint.load_best(run)
    assert (trained.step, trained.samples) == (1, 3)
