"""`afss check-model`: what it says, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_students import build_tiny_student

from afss_ros.cli import main
from afss_ros.student import manifest
from afss_ros.student.providers.placement import CAN_TELL, CANNOT_TELL


def test_a_sound_student_is_told_of(tiny_student: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-model", str(tiny_student), "--provider", "cpu", "--times", "--runs", "2"]) == 0
    said = capsys.readouterr().out
    assert "runs on cpu, bound to host memory" in said
    assert ("(100.0%) on CPUExecutionProvider: " if CAN_TELL else CANNOT_TELL) in said
    assert "ms of a run on CPUExecutionProvider" in said
    assert "manifest: none" in said and "known answer: none to ask for" in said
    assert "advice" not in said


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--provider", "cuda"], "has no CUDAExecutionProvider"),
        (["--provider", "cpu", "--fp16"], "provider cpu has no means for fp16"),
        (["--options", "x"], "write name=value"),
        (["--integrity", "require"], "has no manifest beside it"),
    ],
)
def test_what_the_node_would_refuse_ends_with_1_and_the_reason(
    tiny_student: Path, arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check-model", str(tiny_student), *arguments]) == 1
    assert why in capsys.readouterr().err


def test_a_file_that_is_another_one_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    student = build_tiny_student(tmp_path / "student.onnx")
    manifest.write(student, manifest.of_file(student))
    student.write_bytes(student.read_bytes() + b"\x00")
    assert main(["check-model", str(student)]) == 1
    assert "is not the file that its manifest tells of" in capsys.readouterr().err
