"""Which nodes run where, as a real session tells it, and what is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from afss_ros.student import ProviderError, Student, runtime
from afss_ros.student.providers import placement
from afss_ros.student.providers.placement import CPU, Placement
from afss_ros.student.providers.settings import ProviderSettings

PARTLY = Placement({"OpenVINOExecutionProvider": {"Cast": 5, "Where": 4}, CPU: {"Det": 1}})


@pytest.mark.skipif(not placement.CAN_TELL, reason=placement.CANNOT_TELL)
def test_every_node_of_a_student_is_accounted_for(tiny_student: Path) -> None:
    with Student(tiny_student, provider="cpu") as student:
        placed = student.placement
    assert placed is not None
    assert list(placed.counts) == [CPU] and placed.cpu_share == 1.0
    assert placed.nodes[CPU]["Where"] >= 4, "three of the labels, one of the confidence"
    assert placed.total == sum(placed.nodes[CPU].values())


def test_a_share_that_may_not_fall_to_the_processor_is_refused_with_what_fell() -> None:
    PARTLY.check("student.onnx", "OpenVINOExecutionProvider", 0.1)
    with pytest.raises(
        ProviderError, match=r"1 of 10 nodes of student\.onnx fall from .* \(10\.0%, 9\.0% may\): 1 Det;"
    ):
        PARTLY.check("student.onnx", "OpenVINOExecutionProvider", 0.09)


def test_it_says_who_runs_what() -> None:
    assert str(PARTLY) == f"9 of 10 nodes on OpenVINOExecutionProvider, 1 of 10 nodes on {CPU}"
    assert PARTLY.operators("OpenVINOExecutionProvider") == "5 Cast, 4 Where"
    assert PARTLY.operators("CUDAExecutionProvider") == ""
    assert Placement({}).cpu_share == 0.0


def test_an_older_onnx_runtime_cannot_tell_which_is_a_warning(
    tiny_student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "CAN_TELL", False)
    with Student(tiny_student, provider="cpu") as student:
        assert (student.placement, student.warning) == (None, ""), "there is nothing but the processor"
    monkeypatch.setitem(runtime.PROVIDERS, "cuda", CPU)  # as if there were one
    with Student(tiny_student, provider="cuda", provider_options={"use_arena": "1"}) as student:
        assert "falls from cuda to the CPU is not known: onnxruntime" in student.warning
    with Student(tiny_student, provider="cuda", provider_settings=ProviderSettings(max_cpu_share=1.0)) as student:
        assert student.warning == "", "whoever lets all of it fall need not be warned"
