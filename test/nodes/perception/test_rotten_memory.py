"""Memory that rots under a live node: noticed by the known answer, frames meanwhile flagged, healed from the file."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from perception_peer import ROOT, Peer, PerceptionProcess, craft_image, image_message, reserved_domain
from sensor_msgs.msg import Image
from tiny_students import build_tiny_student

from afss_ros.perception import Frame
from afss_ros.student import Student, manifest
from afss_ros.student.known_answer import KnownAnswer


@pytest.fixture
def flying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A student with a known answer, and beside it what its memory will turn into: all that is black is body there."""
    path = build_tiny_student(tmp_path / "flying.onnx")
    image = craft_image(64, 64)
    with Student(path, provider="cpu", threads=1) as student:
        labels = student(Frame(image)).labels
    assert labels is not None
    manifest.write(path, manifest.of_file(path, KnownAnswer(image, labels)))
    rotten = build_tiny_student(tmp_path / "rotten.onnx", background_is_body=True)
    monkeypatch.setenv("ROTTEN_MODEL", str(rotten))
    monkeypatch.setenv("FLYING_MODEL", str(path))
    return path


def start(domain: int, folder: Path, flying: Path, prove_every_s: float = 0.5) -> PerceptionProcess:
    return PerceptionProcess(
        domain,
        folder / "log",
        program=(str(ROOT / "test" / "rotten_memory.py"),),
        autostart=True,
        model__path=flying,
        model__provider="cpu",
        model__threads=1,
        model__prove_every=prove_every_s,
        model__check_memory_every=0.5,
        diagnostics__period=0.1,
    )


def test_a_student_whose_memory_rots_is_loaded_anew(tmp_path: Path, flying: Path) -> None:
    with reserved_domain() as domain:
        process = start(domain, tmp_path, flying)
        peer = Peer(domain)
        try:
            masks = peer.hear(Image, "/perception_node/mask")
            camera = peer.camera()
            peer.show(camera, image_message(craft_image(), peer.now()), masks)
            level, message, values = peer.status(lambda values: int(values.get("known_answer.given", "0")) > 0)
            assert (level, values["model.manifest"]) == (DiagnosticStatus.OK, "agrees"), message
            process.process.send_signal(signal.SIGUSR1)
            level, message, _ = peer.status_that(lambda _, message: "loaded anew" in message)
            assert level == DiagnosticStatus.WARN
            assert "the known answer" in message
            del masks[:]
            peer.show(camera, image_message(craft_image(), peer.now()), masks)
            assert np.bincount(np.frombuffer(masks[-1].data, np.uint8)).argmax() == 0, "the mask is sound again"
        finally:
            code = process.stop(signal.SIGTERM)
            peer.close()
    assert code == 0, process.log
    assert "loading it anew" in process.log


def test_where_the_file_is_rotten_too_the_node_is_unconfigured_and_in_error(tmp_path: Path, flying: Path) -> None:
    with reserved_domain() as domain:
        process = start(domain, tmp_path, flying)
        peer = Peer(domain)
        try:
            peer.status(lambda values: int(values.get("known_answer.given", "0")) > 0)
            process.process.send_signal(signal.SIGUSR2)
            process.process.send_signal(signal.SIGUSR1)
            level, message, _ = peer.status_that(lambda _, message: "loading it anew failed" in message)
            assert level == DiagnosticStatus.ERROR
            assert "is not the file that its manifest tells of" in message
            peer.status(lambda values: values["state"] == "unconfigured")
            assert peer.state() == "unconfigured"
        finally:
            code = process.stop(signal.SIGTERM)
            peer.close()
    assert code == 0, process.log


def test_a_flipped_bit_is_found_and_repaired_in_flight(tmp_path: Path, flying: Path) -> None:
    with reserved_domain() as domain:
        process = start(domain, tmp_path, flying, prove_every_s=0.0)
        peer = Peer(domain)
        try:
            masks = peer.hear(Image, "/perception_node/mask")
            camera = peer.camera()
            peer.show(camera, image_message(craft_image(), peer.now()), masks)
            sound = bytes(masks[-1].data)
            _, _, before = peer.status(lambda values: int(values.get("memory.passes", "0")) > 0)
            assert int(before["memory.held_bytes"]) > 0
            process.process.send_signal(signal.SIGRTMIN + 1)
            level, message, _ = peer.status(lambda values: values.get("memory.repairs", "0") == "1")
            assert level == DiagnosticStatus.WARN
            assert "1 flipped bit in the weights of" in message
            assert "may be wrong" in message
            del masks[:]
            peer.show(camera, image_message(craft_image(), peer.now()), masks)
            assert bytes(masks[-1].data) == sound
            # Where the copy is damaged as well, the student comes from its file again.
            process.process.send_signal(signal.SIGRTMIN + 2)
            peer.status_that(lambda _, message: "both damaged" in message and "loaded anew" in message)
            del masks[:]
            peer.show(camera, image_message(craft_image(), peer.now()), masks)
            assert bytes(masks[-1].data) == sound
        finally:
            code = process.stop(signal.SIGTERM)
            peer.close()
    assert code == 0, process.log
    assert process.log.count("loading it anew") == 1
