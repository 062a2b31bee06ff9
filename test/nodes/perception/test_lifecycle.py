"""The lifecycle of perception_node, operated from another process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from onnx import TensorProto, helper
from perception_peer import LATCHED, Peer, PerceptionProcess, craft_image, image_message
from tiny_students import build_tiny_student
from vision_msgs.msg import Detection2DArray, LabelInfo

from afss_ros.student.providers.placement import CAN_TELL, CANNOT_TELL


def missing(folder: Path) -> Path:
    return folder / "nowhere.onnx"


def truncated(folder: Path) -> Path:
    whole = build_tiny_student(folder / "whole.onnx").read_bytes()
    path = folder / "truncated.onnx"
    path.write_bytes(whole[: len(whole) // 2])
    return path


def foreign(folder: Path) -> Path:
    """A sound model that is not a student."""
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "foreign", [value], [out])
    path = folder / "foreign.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (missing, "nowhere.onnx"),
        (truncated, "truncated.onnx is not a model"),
        (foreign, "does not keep the student contract"),
    ],
)
def test_a_bad_model_is_a_failure_with_a_reason(
    idle_peer: Peer,
    perception_process: PerceptionProcess,
    tmp_path: Path,
    tiny_student: Path,
    make: Callable[[Path], Path],
    reason: str,
) -> None:
    assert not idle_peer.reload(model__path=str(make(tmp_path)))
    assert idle_peer.state() == "unconfigured"
    level, message, _ = idle_peer.status()
    assert level == DiagnosticStatus.ERROR
    assert message.startswith("cannot configure: ")
    assert reason in message
    assert reason in perception_process.log
    assert idle_peer.reload(model__path=str(tiny_student)), "a good model must cure it"
    assert idle_peer.status()[0] == DiagnosticStatus.OK


def test_a_provider_that_does_not_start_is_a_failure_not_a_fallback(idle_peer: Peer, tiny_student: Path) -> None:
    assert not idle_peer.reload(model__path=str(tiny_student), model__provider="cuda")
    assert "CUDAExecutionProvider" in idle_peer.status()[1]
    assert idle_peer.reload(model__provider="auto")
    facts = idle_peer.status()[2]
    assert facts["provider.binding"] == "host"
    if CAN_TELL:
        nodes = facts["provider.placement"].partition(" of ")[0]
        assert facts["provider.placement"] == f"{nodes} of {nodes} nodes on CPUExecutionProvider"
        assert facts["provider.cpu_share"] == "1.0000"
    else:
        assert facts["provider.placement"] == f"unknown: {CANNOT_TELL}"
    assert facts.keys() >= {"provider.passed_over.tensorrt", "provider.passed_over.cuda"}


def test_what_is_told_to_a_provider_reaches_it(idle_peer: Peer, tiny_student: Path) -> None:
    assert not idle_peer.reload(model__path=str(tiny_student), model__provider="cpu", provider__fp16=True)
    assert "provider cpu has no means for fp16" in idle_peer.status()[1]
    assert not idle_peer.reload(provider__fp16=False, provider__options="half")
    assert "write name=value" in idle_peer.status()[1]
    assert idle_peer.reload(provider__options="", provider__binding="device")
    assert idle_peer.status()[2]["provider.binding"] == "device"
    assert idle_peer.reload(model__provider="auto", provider__binding="host")


def test_reload_swaps_the_model(peer: Peer, tmp_path: Path) -> None:
    before = peer.status()[2]
    other = build_tiny_student(
        tmp_path / "other.onnx", (32, 32), {"afss.class_names": '{"0": "background", "1": "body", "4": "spacecraft"}'}
    )
    assert peer.reload(model__path=str(other))
    after = peer.status()[2]
    assert after["model.path"] == str(other)
    assert after["model.sha256"] != before["model.sha256"]
    infos, detections = (
        peer.hear(LabelInfo, "/perception_node/label_info", LATCHED),
        peer.hear(Detection2DArray, "/perception_node/detections"),
    )
    peer.show(peer.camera(), image_message(craft_image(), peer.now()), detections, infos)
    assert {c.class_id for c in infos[-1].class_map} == {0, 1, 4}
    assert int(after["frames.received"]) == int(before["frames.received"]), "counters go on across a reload"


def test_deactivate_unsubscribes_and_keeps_the_model_and_cleanup_frees_it(peer: Peer) -> None:
    camera = peer.camera()
    assert peer.transition("deactivate")
    peer.spin_until(lambda: camera.get_subscription_count() == 0, "perception_node to unsubscribe")
    level, message, values = peer.status()
    assert (level, message) == (DiagnosticStatus.OK, "inactive")
    assert "model.sha256" in values
    assert peer.transition("activate"), "the model is still there"
    assert peer.transition("deactivate")
    assert peer.transition("cleanup")
    assert peer.state() == "unconfigured"
    assert "model.sha256" not in peer.status()[2]


def test_a_transition_that_the_state_forbids_is_refused_and_survived(peer: Peer) -> None:
    for request in (
        Transition(label="configure"),
        Transition(label="nonsense"),
        Transition(id=Transition.TRANSITION_CONFIGURE),
        Transition(id=255),
    ):
        answer = peer.call(ChangeState, "/perception_node/change_state", ChangeState.Request(transition=request))
        assert not answer.success, request
    assert peer.state() == "active"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("detection.score_threshold", 1.5, "out of range"),
        ("overlay.alpha", -0.1, "out of range"),
        ("model.provider", "cpu", "read at configure and the node is active"),
        ("input.reliability", "sometimes", "must be one of best_effort, reliable, got 'sometimes'"),
        ("autostart", True, "read-only"),
    ],
)
def test_a_bad_parameter_is_rejected_with_a_reason(peer: Peer, name: str, value: object, reason: str) -> None:
    result = peer.set_parameter(name, value)
    assert not result.successful
    assert reason in result.reason


def test_parameters_read_at_configure_can_be_set_while_unconfigured(peer: Peer) -> None:
    assert peer.transition("deactivate")
    assert not peer.set_parameter("model.threads", 1).successful
    assert peer.transition("cleanup")
    assert peer.set_parameter("model.threads", 1).successful
    assert peer.set_parameter("model.threads", 0).successful
