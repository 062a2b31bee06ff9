"""Compiled students say of which file, for whom and by whom; what is stale is refused before it is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from afss_ros.student import ProviderError, Student, StudentError
from afss_ros.student.providers import compiled
from afss_ros.student.providers.compiled import ENTRY, compile_model, provider_of


def with_entry(model: bytes, **changes: str) -> bytes:
    """A student that says that it was compiled; its graph is an ordinary one."""
    said = {"source": "mine.onnx", "sha256": "0" * 64, "provider": "cpu", "onnxruntime": onnxruntime.__version__}
    return model + compiled._as_entry(ENTRY, json.dumps(said | changes))


def test_an_entry_is_one_that_every_reader_finds(tiny_student: Path) -> None:
    content = with_entry(tiny_student.read_bytes(), provider="tensorrt")
    entries = {entry.key: entry.value for entry in onnx.load_from_string(content).metadata_props}
    assert json.loads(entries[ENTRY])["provider"] == "tensorrt"
    assert "afss.family" in entries
    found = compiled.read(content)
    assert found is not None and (found.provider, found.source) == ("tensorrt", "mine.onnx")


def test_what_was_not_compiled_runs_where_it_is_asked_to(tiny_student: Path) -> None:
    model = tiny_student.read_bytes()
    assert compiled.read(model) is None
    assert [provider_of(model, tiny_student, name) for name in ("auto", "cuda")] == ["auto", "cuda"]


def test_auto_is_the_provider_that_it_was_compiled_for(tiny_student: Path, tmp_path: Path) -> None:
    path = tmp_path / "compiled.onnx"
    path.write_bytes(with_entry(tiny_student.read_bytes()))
    with Student(path) as student:
        assert student.provider == "cpu" and student.passed_over == {}
    with pytest.raises(ProviderError, match=r"compiled\.onnx is compiled for cpu, not for cuda"):
        Student(path, provider="cuda")


def test_another_onnx_runtime_s_is_stale(tiny_student: Path, tmp_path: Path) -> None:
    path = tmp_path / "compiled.onnx"
    path.write_bytes(with_entry(tiny_student.read_bytes(), onnxruntime="1.2.3"))
    with pytest.raises(StudentError, match=r"is stale: compiled by onnxruntime 1\.2\.3.*afss compile mine\.onnx"):
        Student(path)


def test_another_file_s_is_stale(tiny_student: Path, tmp_path: Path) -> None:
    path = tmp_path / "compiled.onnx"
    path.write_bytes(with_entry(tiny_student.read_bytes()))
    (tmp_path / "mine.onnx").write_bytes(tiny_student.read_bytes())
    with pytest.raises(StudentError, match=r"is stale: compiled of mine\.onnx as it was, 0000000000000000\.\.\."):
        Student(path)


@pytest.mark.parametrize("entry", ["", "[]", '{"source": "x"}', "\x00"])
def test_an_entry_that_says_nothing_is_refused(tiny_student: Path, tmp_path: Path, entry: str) -> None:
    path = tmp_path / "compiled.onnx"
    path.write_bytes(tiny_student.read_bytes() + compiled._as_entry(ENTRY, entry))
    with pytest.raises(StudentError, match=r"compiled\.onnx: its entry afss\.compiled cannot be read"):
        Student(path)


def test_compiled_parts_of_unknown_origin_are_refused(tmp_path: Path) -> None:
    node = helper.make_node("EPContext", ["image"], ["labels"], domain="com.microsoft", source="Somebody")
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 2, 2, 3])
    path = tmp_path / "student.onnx"
    onnx.save(helper.make_model(helper.make_graph([node], "g", [image], [image])), str(path))
    with pytest.raises(StudentError, match="parts that a provider compiled, but no entry"):
        Student(path)


def test_who_cannot_compile_is_named(tiny_student: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProviderError, match=r"one that compiles \(tensorrt, cuda, openvino\), got 'cpu'"):
        compile_model(tiny_student, "cpu")
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(ProviderError, match="this onnxruntime has no TensorrtExecutionProvider"):
        compile_model(tiny_student, "tensorrt")
