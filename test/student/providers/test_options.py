"""What is told to a provider: in ONNX Runtime's words, nothing dropped in silence, and engines kept apart by it."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
import pytest

from afss_ros.student import ProviderError, Student, runtime
from afss_ros.student.providers import options
from afss_ros.student.providers.settings import ProviderSettings, parse_options

ALL = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
NO_CACHE = ProviderSettings(cache_mib=0)


def test_tensorrt_is_told_in_its_own_words() -> None:
    settings = ProviderSettings(device_id=1, fp16=True, workspace_mib=64, cache_mib=0, binding="graph")
    assert options.of("tensorrt", settings, b"") == {
        "device_id": "1",
        "trt_fp16_enable": "1",
        "trt_max_workspace_size": str(64 * 1024**2),
        "trt_cuda_graph_enable": "1",
    }


def test_so_is_cuda() -> None:
    settings = ProviderSettings(device_id=2, workspace_mib=1, binding="graph")
    told = options.of("cuda", settings, b"")
    assert told.items() >= {"device_id": "2", "gpu_mem_limit": str(1024**2), "enable_cuda_graph": "1"}.items()


def test_options_by_their_own_name_win() -> None:
    settings = ProviderSettings(device_id=1, cache_mib=0, options={"device_id": "3", "trt_dla_enable": "1"})
    assert options.of("tensorrt", settings, b"") == {"device_id": "3", "trt_dla_enable": "1"}


@pytest.mark.parametrize(
    ("provider", "settings", "name"),
    [
        ("cpu", ProviderSettings(fp16=True), "fp16"),
        ("cpu", ProviderSettings(device_id=1), "device_id"),
        ("cpu", ProviderSettings(binding="graph"), "binding"),
        ("cuda", ProviderSettings(fp16=True), "fp16"),
        ("openvino", ProviderSettings(workspace_mib=1), "workspace_mib"),
    ],
)
def test_what_a_provider_has_no_means_for_is_refused(provider: str, settings: ProviderSettings, name: str) -> None:
    with pytest.raises(ProviderError, match=rf"provider {provider} has no means for {name}: "):
        options.of(provider, settings, b"")


def test_the_processor_as_a_last_resort_does_without(tiny_student: Path) -> None:
    with Student(tiny_student, provider="auto", provider_settings=ProviderSettings(fp16=True)) as student:
        assert (student.provider, student.binding) == ("cpu", "host")
        assert set(student.passed_over) == {"tensorrt", "cuda"}


@pytest.mark.parametrize("text", ["fp16", "=1", "a=1, a=2"])
def test_a_line_of_options_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ProviderError, match="write name=value"):
        parse_options(text)


@pytest.mark.parametrize(
    "wrong", [{"binding": "pinned"}, {"max_cpu_share": 1.5}, {"device_id": -1}, {"workspace_mib": -1}], ids=str
)
def test_a_setting_out_of_range_is_named(wrong: dict[str, object]) -> None:
    (name,) = wrong
    with pytest.raises(ProviderError, match=f"{name} must be"):
        ProviderSettings(**wrong)  # type: ignore[arg-type]


def test_each_model_and_each_set_of_options_has_engines_of_its_own(tmp_path: Path) -> None:
    def folder(model: bytes, **settings: object) -> str:
        told = ProviderSettings(cache_directory=str(tmp_path), **settings)  # type: ignore[arg-type]
        return options.of("tensorrt", told, model)["trt_engine_cache_path"]

    folders = [folder(b"a"), folder(b"b"), folder(b"a", fp16=True), folder(b"a", options={"trt_dla_enable": "1"})]
    assert len(set(folders)) == 4
    assert folder(b"a", fp16=True) == folders[2], "the same again"
    assert all(Path(path).parent == tmp_path / "tensorrt" for path in folders)


class RecordingSession(onnxruntime.InferenceSession):  # type: ignore[misc]
    """What a GPU build makes on a machine without one; remembers which providers were asked for."""

    asked: tuple[list[str], list[dict[str, str]]] = ([], [])

    def __init__(self, model: bytes, options: object, *, providers: list[str], provider_options: list[dict[str, str]]):
        RecordingSession.asked = (providers, provider_options)
        super().__init__(model, options, providers=["CPUExecutionProvider"])


def test_cuda_stands_behind_tensorrt(tiny_student: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ALL)
    monkeypatch.setattr(onnxruntime, "InferenceSession", RecordingSession)
    settings = ProviderSettings(fp16=True, device_id=1, cache_mib=0)
    with pytest.raises(ProviderError, match="fell back to CPUExecutionProvider"):
        runtime.open_session(tiny_student.read_bytes(), name="tiny", provider="tensorrt", settings=settings)
    providers, told = RecordingSession.asked
    assert providers == ALL[:2], "what TensorRT leaves is CUDA's before it is the processor's"
    assert told == [
        {"device_id": "1", "trt_fp16_enable": "1"},
        {"cudnn_conv_algo_search": "HEURISTIC", "device_id": "1"},
    ]
