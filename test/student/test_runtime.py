"""Sessions: providers are never swapped in silence, and files that are no students are refused with a reason."""

from __future__ import annotations

import os
from pathlib import Path

import onnxruntime
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, save

from afss_ros.student import ContractError, ProviderError, Student, StudentError, runtime
from afss_ros.student.engine_cache import make_room


class FallenSession(onnxruntime.InferenceSession):  # type: ignore[misc]
    """What onnxruntime-gpu gives on a machine without CUDA: a session that was asked for CUDA and runs on the CPU."""

    asked: object = None

    def __init__(self, model: bytes, options: object, *, provider_options: object, **_: object) -> None:
        FallenSession.asked = provider_options
        super().__init__(model, options, providers=["CPUExecutionProvider"])


@pytest.fixture
def gpu_build_without_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: everything)
    monkeypatch.setattr(onnxruntime, "InferenceSession", FallenSession)


def test_the_provider_asked_for_is_the_one_that_runs(tiny_student: Path) -> None:
    with Student(tiny_student, provider="cpu") as student:
        assert (student.provider, student.passed_over) == ("cpu", {})


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_a_provider_that_is_not_installed_is_an_error_with_its_cure(
    tiny_student: Path, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(ProviderError, match="pip install onnxruntime-gpu"):
        Student(tiny_student, provider=provider)


def test_an_unknown_provider_lists_the_known_ones(tiny_student: Path) -> None:
    with pytest.raises(ProviderError, match=r"auto, tensorrt, cuda, cpu, openvino, got 'gpu'"):
        Student(tiny_student, provider="gpu")


@pytest.mark.usefixtures("gpu_build_without_gpu")
def test_a_silent_fallback_is_an_error(tiny_student: Path) -> None:
    with pytest.raises(ProviderError, match="fell back to CPUExecutionProvider"):
        Student(tiny_student, provider="cuda")


@pytest.mark.usefixtures("gpu_build_without_gpu")
def test_auto_takes_what_really_starts_and_says_why_not_the_better_ones(tiny_student: Path) -> None:
    with Student(tiny_student, provider="auto") as student:
        assert student.provider == "cpu"
        assert list(student.passed_over) == ["tensorrt", "cuda"]
        assert all("fell back" in reason for reason in student.passed_over.values())


def test_options_belong_to_one_provider(tiny_student: Path) -> None:
    with pytest.raises(ProviderError, match="name it instead of 'auto'"):
        Student(tiny_student, provider_options={"device_id": "0"})


@pytest.mark.usefixtures("gpu_build_without_gpu")
def test_options_reach_the_provider_over_the_defaults(tiny_student: Path) -> None:
    with pytest.raises(ProviderError):
        Student(tiny_student, provider="cuda", provider_options={"cudnn_conv_algo_search": "DEFAULT", "device_id": "1"})
    assert FallenSession.asked == [{"cudnn_conv_algo_search": "DEFAULT", "device_id": "1"}]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudentError, match=r"none\.onnx: No such file"):
        Student(tmp_path / "none.onnx")


def test_a_directory_is_no_student(tmp_path: Path) -> None:
    with pytest.raises(StudentError, match="cannot read the student"):
        Student(tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\x89PNG not a model at all", "is not a model that ONNX Runtime"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    ],
)
def test_a_foreign_file_is_refused_with_the_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "foreign.onnx"
    path.write_bytes(content)
    with pytest.raises(StudentError, match=reason):
        Student(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_student_is_refused(tiny_student: Path, tmp_path: Path, share: float) -> None:
    whole = tiny_student.read_bytes()
    path = tmp_path / "cut.onnx"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(StudentError):
        Student(path)


def test_somebody_elses_model_is_refused_with_every_violation(tmp_path: Path) -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3, 8, 8])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "relu", [x], [y])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(tmp_path / "m.onnx"))
    with pytest.raises(ContractError) as raised:
        Student(tmp_path / "m.onnx")
    text = str(raised.value)
    assert "'image'" in text and "output 'y' is not known" in text and "afss.contract_version is missing" in text


def test_threads_sleep_between_frames() -> None:
    options = runtime.session_options(2)
    assert options.intra_op_num_threads == 2
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_every_model_has_an_engine_cache_of_its_own_where_the_user_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AFSS_CACHE_DIR", str(tmp_path))
    folders = {Path(runtime.provider_options("tensorrt", model)["trt_engine_cache_path"]) for model in (b"old", b"new")}
    assert len(folders) == 2, "a new student must not be answered by the old one's engine"
    assert {folder.parent for folder in folders} == {tmp_path / "tensorrt"}
    assert all(folder.is_dir() and ort.__version__ in folder.name for folder in folders)


def test_the_least_used_engines_go_when_there_is_no_room(tmp_path: Path) -> None:
    for age, name in enumerate(("newest", "older", "oldest")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "engine").write_bytes(bytes(1000))
        os.utime(tmp_path / name, (10**9 - age, 10**9 - age))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "engine").write_bytes(bytes(1000))
    make_room(tmp_path, tmp_path / "own", budget_bytes=2500)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["newest", "own"]
    make_room(tmp_path, tmp_path / "own", budget_bytes=0)
    assert [path.name for path in tmp_path.iterdir()] == ["own"], "what flies stays"


def test_a_cache_that_cannot_be_kept_is_no_reason_not_to_fly(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    make_room(tmp_path / "file", tmp_path / "file" / "own")
    assert "cannot be kept in order" in caplog.text
