"""Providers side by side: legs that start are measured on the same frames, the others are named with the reason."""

from __future__ import annotations

import json
from pathlib import Path

import onnxruntime
import pytest

from afss_ros.evaluation import providers


def test_what_starts_is_measured_and_what_does_not_is_named(
    tiny_student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    legs = ["cpu", "cpu device", "tensorrt fp16", "cuda graph"]
    asked = [str(tiny_student), "--legs", *legs, "--frames", "3", "--side", "64", "--out", str(tmp_path)]
    assert providers.main(asked) == 0
    report = json.loads((tmp_path / "providers.json").read_text())
    assert set(report["legs"]) == {"cpu", "cpu device"}
    for figures in report["legs"].values():
        assert 0 < figures["inference_p50_ms"] <= figures["p50_ms"] <= figures["p99_ms"]
        assert figures["agreement"] == 1.0
    assert all("this onnxruntime has no" in why for why in report["refused"].values())
    text = (tmp_path / "providers.md").read_text()
    assert "| cpu device | " in text and "- tensorrt fp16: not measured: " in text


def test_no_leg_at_all_is_a_failure(tiny_student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    assert providers.main([str(tiny_student), "--legs", "cuda", "--frames", "1", "--out", str(tmp_path)]) == 1


def test_the_node_has_a_table_of_its_own_with_what_did_not_run_below() -> None:
    trip = {"sent": 60, "processed": 58, "overwritten": 2, "lost": 0, "round_trip_ms": {"p50": 31.25}}
    measured = {"own_ms": {"p50": 1.5, "p95": 2.25}, "round_trip": {"shared_memory": trip}}
    text = providers.node_table({"cpu": measured, "cuda": "ended with 1"})
    assert "| cpu | 1.50 | 2.25 | 60 | 58 | 2 | 0 | 31.25 |" in text
    assert "- perception_node on cuda: not measured: ended with 1" in text
    assert providers.node_table({"not_measured": "no rclpy"}) == "perception_node: not measured: no rclpy\n"
