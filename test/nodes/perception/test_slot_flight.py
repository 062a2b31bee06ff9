"""Two slots under a live node: tried, confirmed, refused, rolled back, and the one healed from the other."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from perception_peer import ROOT, Peer, PerceptionProcess, craft_image, image_message, reserved_domain
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from tiny_students import build_tiny_student

from afss_ros.perception import Frame
from afss_ros.student import Student, manifest, slots
from afss_ros.student.known_answer import KnownAnswer


def _with_answer(path: Path, answer_of: Path | None = None) -> Path:
    image = craft_image(64, 64)
    with Student(answer_of or path, provider="cpu", threads=1, integrity="warn") as student:
        labels = student(Frame(image)).labels
    assert labels is not None
    manifest.write(path, manifest.of_file(path, KnownAnswer(image, labels)))
    return path


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Slots of which a flies; memory that rots turns black into body."""
    folder = tmp_path / "slots"
    _with_answer(build_tiny_student(slots.model_path(folder, "a")))
    monkeypatch.setenv("ROTTEN_MODEL", str(build_tiny_student(tmp_path / "rotten.onnx", background_is_body=True)))
    monkeypatch.setenv("FLYING_MODEL", str(slots.model_path(folder, "a")))
    monkeypatch.setenv("LOADING_GATE", str(tmp_path / "closed"))
    return folder


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """A better student: it says the same, and its file is another."""
    return _with_answer(build_tiny_student(tmp_path / "new.onnx", metadata={"afss.producer": "new"}))


@pytest.fixture
def liar(tmp_path: Path) -> Path:
    """A student that does not give the answer of its manifest."""
    path = build_tiny_student(tmp_path / "liar.onnx", background_is_body=True)
    return _with_answer(path, build_tiny_student(tmp_path / "sound.onnx"))


def _start(domain: int, folder: Path, root: Path) -> PerceptionProcess:
    return PerceptionProcess(
        domain,
        folder / "log",
        program=(str(ROOT / "test" / "rotten_memory.py"),),
        autostart=True,
        model__slots=root,
        model__trial_frames=2,
        model__provider="cpu",
        model__threads=1,
        model__prove_every=0.5,
        diagnostics__period=0.1,
    )


def _call(peer: Peer, service: str) -> Trigger.Response:
    response = peer.call(Trigger, service, Trigger.Request())
    assert isinstance(response, Trigger.Response)
    return response


def _in_slot(name: str) -> Callable[[dict[str, str]], bool]:
    return lambda values: Path(values.get("model.path", "x/y")).parent.name == name


def test_a_student_is_tried_confirmed_and_rolled_back(tmp_path: Path, root: Path, new: Path, liar: Path) -> None:
    with reserved_domain() as domain:
        process = _start(domain, tmp_path, root)
        peer = Peer(domain)
        try:
            masks = peer.hear(Image, "/perception_node/mask")
            camera = peer.camera()
            peer.status(lambda values: values["state"] == "active" and _in_slot("a")(values))

            refused = _call(peer, "/perception_node/activate_slot")
            assert not refused.success
            assert "slot b cannot be tried: empty" in refused.message

            slots.upload(liar, root)
            refused = _call(peer, "/perception_node/activate_slot")
            assert not refused.success
            assert "the known answer is not given" in refused.message
            assert slots.state(root) == slots.State("a")
            level, message, _ = peer.status(_in_slot("a"))
            assert level == DiagnosticStatus.OK, message

            slots.upload(new, root)
            assert _call(peer, "/perception_node/activate_slot").success
            peer.status(lambda values: "model.trial" in values and _in_slot("b")(values))
            assert slots.state(root) == slots.State("a", trial="b")
            process.process.send_signal(signal.SIGUSR1)
            level, message, _ = peer.status_that(lambda _, message: "rolled back: the known answer" in message)
            assert level == DiagnosticStatus.WARN
            peer.status(_in_slot("a"))
            assert slots.state(root) == slots.State("a")

            gate = tmp_path / "closed"
            gate.touch()
            answer = peer.call_later(Trigger, "/perception_node/activate_slot", Trigger.Request())
            peer.status(lambda values: "model.loading" in values and _in_slot("a")(values))
            for _ in range(2):
                del masks[:]
                peer.show(camera, image_message(craft_image(), peer.now()), masks)
            assert not answer.done(), "frames are answered while a student is being loaded"
            gate.unlink()
            peer.spin_until(answer.done, "the student to be loaded")
            assert answer.result().success, answer.result().message

            # To choose a mode ends no trial.
            assert peer.set_parameter("power.mode", "full").successful
            assert peer.set_parameter("power.mode", "nominal").successful
            for _ in range(2):
                del masks[:]
                peer.show(camera, image_message(craft_image(), peer.now()), masks)
            peer.status(lambda values: "model.trial" not in values and _in_slot("b")(values))
            assert slots.state(root) == slots.State("b")

            assert _call(peer, "/perception_node/roll_back_slot").success
            peer.status(_in_slot("a"))
            assert slots.state(root) == slots.State("a")
        finally:
            code = process.stop(signal.SIGTERM)
            peer.close()
    assert code == 0, process.log


def test_where_memory_and_file_rot_the_other_slot_flies(tmp_path: Path, root: Path, new: Path) -> None:
    slots.upload(new, root)
    with reserved_domain() as domain:
        process = _start(domain, tmp_path, root)
        peer = Peer(domain)
        try:
            masks = peer.hear(Image, "/perception_node/mask")
            peer.status(lambda values: int(values.get("known_answer.given", "0")) > 0 and _in_slot("a")(values))
            process.process.send_signal(signal.SIGUSR2)
            process.process.send_signal(signal.SIGUSR1)
            level, message, _ = peer.status_that(lambda _, message: "loaded anew" in message)
            assert level == DiagnosticStatus.WARN, message
            peer.status(_in_slot("b"))
            assert slots.state(root) == slots.State("b"), "what flies is what was chosen, so nobody writes to it"
            peer.show(peer.camera(), image_message(craft_image(), peer.now()), masks)
            assert np.bincount(np.frombuffer(masks[-1].data, np.uint8)).argmax() == 0, "the mask is sound"
        finally:
            code = process.stop(signal.SIGTERM)
            peer.close()
    assert code == 0, process.log
