"""A second provider for real: OpenVINO on the processor, as a plugin. What is said of providers, held against one.

It is an extra (`onnxruntime-ep-openvino`), so `make test-optional` runs this.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny_students import build_partly_placed_student

from afss_ros.cli import main
from afss_ros.perception import Frame
from afss_ros.student import ProviderError, Student, StudentError, manifest
from afss_ros.student.known_answer import KnownAnswer
from afss_ros.student.providers.placement import CPU
from afss_ros.student.providers.settings import ProviderSettings
from afss_ros.student.runtime import PROVIDERS

pytest.importorskip("onnxruntime_ep_openvino")

OPENVINO = PROVIDERS["openvino"]


@pytest.fixture(scope="module")
def partly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_partly_placed_student(tmp_path_factory.mktemp("students") / "partly.onnx")


def pictures() -> list[Frame]:
    return [Frame(np.random.default_rng(n).integers(0, 256, (64, 64, 3), np.uint8)) for n in range(3)]


def test_all_of_a_student_is_placed_on_it(tiny_student: Path) -> None:
    with Student(tiny_student, provider="openvino") as student:
        assert student.placement is not None
        assert list(student.placement.counts) == [OPENVINO] and student.placement.cpu_share == 0.0


@pytest.mark.parametrize("binding", ["host", "device"])
def test_it_answers_as_the_processor_does(tiny_student: Path, binding: str) -> None:
    settings = ProviderSettings(binding=binding)
    with (
        Student(tiny_student, provider="cpu") as one,
        Student(tiny_student, provider="openvino", provider_settings=settings) as other,
    ):
        for frame in pictures():
            ours, theirs = one(frame).labels, other(frame).labels
            assert ours is not None and theirs is not None and ours.any()
            assert np.array_equal(ours, theirs)


def test_what_falls_to_the_processor_is_told(partly: Path) -> None:
    with Student(partly, provider="openvino", provider_settings=ProviderSettings(max_cpu_share=0.5)) as student:
        placed = student.placement
    assert placed is not None
    assert placed.nodes[CPU] == {"Det": 1} and placed.counts[OPENVINO] == placed.total - 1


def test_and_refused_where_it_is_more_than_may(partly: Path) -> None:
    with pytest.raises(ProviderError, match=r"1 of \d+ nodes of .*partly\.onnx fall from OpenVINO.*: 1 Det;"):
        Student(partly, provider="openvino", provider_settings=ProviderSettings(max_cpu_share=0.01))


def test_a_student_compiled_on_the_ground_flies_as_it_was_sent(tiny_student: Path, tmp_path: Path) -> None:
    source = Path(shutil.copy(tiny_student, tmp_path / "mine.onnx"))
    with Student(source, provider="cpu") as student:
        frame = pictures()[0]
        truth = student(frame).labels
        assert truth is not None
    manifest.write(source, manifest.of_file(source, KnownAnswer(frame.image, truth)))
    assert main(["compile", str(source), "--provider", "openvino"]) == 0
    target = tmp_path / "mine.openvino.onnx"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        name for path in (source, target) for name in (path.name, f"{path.name}.manifest.json")
    )
    with Student(target, integrity="require") as student:
        assert (student.provider, student.prove()) == ("openvino", True)
        assert student.placement is not None
        assert student.placement.nodes == {OPENVINO: {"EPContext": 1}}
        for frame in pictures():
            with Student(source, provider="cpu") as plain:
                assert np.array_equal(student(frame).labels, plain(frame).labels)  # type: ignore[arg-type]
    with pytest.raises(ProviderError, match="is compiled for openvino, not for cpu"):
        Student(target, provider="cpu")
    source.write_bytes(build_partly_placed_student(tmp_path / "new" / "mine.onnx").read_bytes())
    with pytest.raises(
        StudentError, match=r"mine\.openvino\.onnx is stale: compiled of mine\.onnx as it was, .* compile it"
    ):
        Student(target)


def test_a_device_that_is_not_there_is_named(tiny_student: Path) -> None:
    with pytest.raises(ProviderError, match="device_id 7 is none of them"):
        Student(tiny_student, provider="openvino", provider_settings=ProviderSettings(device_id=7))
