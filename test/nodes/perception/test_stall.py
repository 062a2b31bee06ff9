"""A frame, or a model, that never ends: noticed, said, left behind; nobody waits for it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from perception_peer import PATIENCE_S, Peer, PerceptionProcess, craft_image, image_message, reserved_domain
from tiny_students import build_hanging_student
from vision_msgs.msg import Detection2DArray

from afss_ros.nodes.perception.watchdog import EXIT_CODE

WHITE = np.full((64, 64, 3), 255, np.uint8)
"""Of the network's size, so that no dark padding saves it."""


@pytest.fixture
def alone() -> Iterator[int]:
    with reserved_domain() as domain:
        yield domain


def start(domain: int, folder: Path, **parameters: Any) -> tuple[PerceptionProcess, Peer]:
    student = build_hanging_student(folder / "hanging.onnx")
    process = PerceptionProcess(
        domain,
        folder / "log",
        autostart=True,
        model__path=student,
        model__threads=1,
        diagnostics__period=0.1,
        watchdog__frame_limit=1.0,
        watchdog__stop_limit=0.5,
        **parameters,
    )
    return process, Peer(domain)


def hang(peer: Peer) -> None:
    """Show a frame that is answered, then one that never is."""
    detections = peer.hear(Detection2DArray, "/perception_node/detections")
    camera = peer.camera()
    peer.show(camera, image_message(craft_image(), peer.now()), detections)
    peer.status_that(lambda level, _: level == DiagnosticStatus.OK)
    for _ in range(3):
        camera.publish(image_message(WHITE, peer.now()))


def test_inference_that_hangs_is_an_error_with_stage_and_age_and_deactivate_returns(alone: int, tmp_path: Path) -> None:
    process, peer = start(alone, tmp_path)
    try:
        hang(peer)
        level, message, values = peer.status(lambda values: float(values.get("work.age_s", "0")) > 1.0)
        assert level == DiagnosticStatus.ERROR
        assert message.startswith("stalled: a frame in inference for")
        assert values["work.stage"] == "inference"
        began = time.monotonic()
        assert peer.transition("deactivate")
        assert time.monotonic() - began < PATIENCE_S / 2
        assert peer.state() == "inactive"
        level, message, values = peer.status()
        assert level == DiagnosticStatus.ERROR
        assert message.startswith("left behind, for it does not end: a frame in inference")
        counts = {name: int(values[f"frames.{name}"]) for name in ("received", "processed", "overwritten", "bad")}
        assert counts["bad"] == 1
        assert counts["received"] == counts["processed"] + counts["overwritten"] + counts["bad"]
        assert values["bad.reason.1"].startswith("given up in inference")
        assert peer.transition("cleanup")
        assert peer.transition("configure") and peer.transition("activate"), "another session must be possible"
        assert peer.status()[0] == DiagnosticStatus.OK
    finally:
        code = process.stop(signal.SIGTERM)
        peer.close()
    assert code == EXIT_CODE, process.log
    assert "ended beside threads that do not end: perceive" in process.log


def test_a_signal_ends_a_stalled_node_in_bounded_time(alone: int, tmp_path: Path) -> None:
    process, peer = start(alone, tmp_path)
    try:
        hang(peer)
        peer.status(lambda values: values.get("work.stage") == "inference")
    finally:
        code = process.stop(signal.SIGTERM)
        peer.close()
    assert code == EXIT_CODE, process.log


def test_a_stalled_node_ends_by_itself_where_it_is_told_to(alone: int, tmp_path: Path) -> None:
    process, peer = start(alone, tmp_path, watchdog__exit=True)
    try:
        hang(peer)
        assert process.process.wait(PATIENCE_S) == EXIT_CODE, process.log
    finally:
        process.process.kill()
        peer.close()
    assert "ending, to be started anew" in process.log


def test_a_model_whose_warm_up_never_ends_is_a_failure_with_a_reason(
    alone: int, tmp_path: Path, tiny_student: Path
) -> None:
    trap = build_hanging_student(tmp_path / "trap.onnx", hangs_on_black=True)
    process = PerceptionProcess(
        alone,
        tmp_path / "log",
        model__path=trap,
        model__threads=1,
        diagnostics__period=0.1,
        watchdog__configure_limit=2.0,
    )
    peer = Peer(alone)
    try:
        assert not peer.transition("configure")
        level, message, _ = peer.status(lambda values: values["state"] == "unconfigured")
        assert level == DiagnosticStatus.ERROR
        assert "loading the student has not ended within 2 s" in message
        assert peer.set_parameter("model.path", str(tiny_student)).successful
        # Two seconds are much for a model that ends, but not for a busy machine.
        assert peer.set_parameter("watchdog.configure_limit", PATIENCE_S).successful
        assert peer.transition("configure"), "a good model must cure it"
        assert peer.status()[0] == DiagnosticStatus.OK
    finally:
        code = process.stop(signal.SIGTERM)
        peer.close()
    assert code == EXIT_CODE, process.log
    assert "ended beside threads that do not end: loading the student" in process.log


def test_diagnostics_speak_while_a_student_loads_and_a_signal_ends_it(alone: int, tmp_path: Path) -> None:
    trap = build_hanging_student(tmp_path / "trap.onnx", hangs_on_black=True)
    process = PerceptionProcess(
        alone, tmp_path / "log", model__path=trap, model__threads=1, diagnostics__period=0.1, autostart=True
    )
    peer = Peer(alone)
    try:
        level, message, values = peer.status(lambda values: float(values.get("work.age_s", "0")) > 0.5)
        assert level == DiagnosticStatus.OK
        assert message.startswith("configuring: in loading the student for")
        assert values["state"] == "configuring"
    finally:
        code = process.stop(signal.SIGTERM)
        peer.close()
    assert code == EXIT_CODE, process.log
