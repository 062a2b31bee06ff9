"""`make bench`, shortened."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from afss_ros.evaluation import benchmark


def test_the_student_part_writes_every_stage_of_every_size(
    tiny_student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deep/bench.json"
    assert benchmark.main([str(tiny_student), "--only", "student", "--frames", "3", "--out", str(out)]) == 0
    report = json.loads(out.read_text())
    assert [row["frame"] for row in report["student"]] == [list(size) for size in benchmark.FRAME_SIZES]
    assert all(row["total_p50"] >= row["inference_p50"] > 0 for row in report["student"])
    assert report["machine"]["yardstick_ms"] > 0
    assert "node" not in report
    assert "1920x1200" in capsys.readouterr().out


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "rclpy is not installed" in benchmark.measure_node(Path("any.onnx"), "cpu")["not_measured"]
    assert "rasterio is not installed" in benchmark.measure_geo(Path("any.onnx"), "cpu")["not_measured"]
    assert "moderngl is not installed" in benchmark.measure_renderer(10)["not_measured"]


def test_a_missing_model_is_an_error(tmp_path: Path) -> None:
    assert benchmark.main([str(tmp_path / "gone.onnx"), "--only", "student", "--out", str(tmp_path / "o.json")]) == 1
