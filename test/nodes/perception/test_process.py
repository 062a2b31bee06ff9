"""perception_node as a process: how it starts, how it ends, what its exit code says."""

from __future__ import annotations

import gc
import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from perception_peer import PATIENCE_S, Peer, PerceptionProcess, craft_image, image_message
from vision_msgs.msg import Detection2DArray

from afss_ros.nodes.perception import program


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_node_that_started_itself_ends_in_order_in_mid_work(
    number: signal.Signals, tmp_path: Path, tiny_student: Path, quiet_domain: int
) -> None:
    process = PerceptionProcess(quiet_domain, tmp_path / "log", autostart=True, model__path=tiny_student)
    with process, closing(Peer(quiet_domain)) as peer:
        detections = peer.hear(Detection2DArray, "/perception_node/detections")
        camera = peer.camera()
        message = image_message(craft_image(), peer.now())
        peer.show(camera, message, detections)
        for _ in range(20):
            camera.publish(message)
        assert process.stop(number) == 0, process.log
    assert "Traceback" not in process.log


def test_a_signal_in_the_first_moment_is_not_lost(tmp_path: Path, tiny_student: Path, quiet_domain: int) -> None:
    process = PerceptionProcess(quiet_domain, tmp_path / "log", model__path=tiny_student, autostart=True)
    with process, closing(Peer(quiet_domain)) as peer:
        peer.spin_until(lambda: "is ready" in process.log, "the student to be loaded")
        assert process.stop(signal.SIGTERM) == 0, process.log


def test_shutdown_from_active_is_final_and_misspelt_parameters_are_named(
    tmp_path: Path, tiny_student: Path, quiet_domain: int
) -> None:
    parameters: dict[str, Any] = {"autostart": True, "model__path": tiny_student, "score_threshold": 0.7}
    process = PerceptionProcess(quiet_domain, tmp_path / "log", **parameters)
    with process, closing(Peer(quiet_domain)) as peer:
        peer.camera()
        assert peer.transition("shutdown")
        assert peer.state() == "finalized"
        assert process.stop() == 0, process.log
    assert "score_threshold is not one of this node's" in process.log
    assert "did you mean detection.score_threshold?" in process.log


@pytest.mark.parametrize(
    ("parameter", "value", "reason"),
    [
        ("model__provider", "abacus", "must be one of auto, cpu, cuda, tensorrt, openvino, got 'abacus'"),
        ("model__threads", "many", "model.threads"),
    ],
)
def test_a_bad_override_ends_the_start_with_a_reason(
    parameter: str, value: Any, reason: str, tmp_path: Path, domain: int
) -> None:
    with PerceptionProcess(domain, tmp_path / "log", **{parameter: value}) as process:
        assert process.process.wait(PATIENCE_S) == 2
    assert "parameter refused" in process.log
    assert reason in process.log
    assert "Traceback" not in process.log


def test_what_was_there_at_the_start_is_out_of_the_garbage_collectors_rounds(
    quiet_domain: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []

    def spin(*_: object) -> None:
        seen.append((gc.get_freeze_count(), len(gc.get_objects())))

    monkeypatch.setenv("ROS_DOMAIN_ID", str(quiet_domain))
    monkeypatch.setattr("afss_ros.nodes.spinning.spin", spin)
    assert program.main([]) == 0
    ((frozen, in_rounds),) = seen
    assert frozen > 10 * in_rounds
    assert gc.get_freeze_count() == 0
