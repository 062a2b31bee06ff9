"""The yardstick of prediction: both ways give the same map, and memory is that of a process of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from afss_ros.geo import benchmark


def test_both_ways_give_the_same_map(tiny_student: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark.main(["--model", str(tiny_student), "--provider", "cpu", "--side", "96", "--turns", "1"]) == 0
    speed = json.loads(capsys.readouterr().out)["speed"]
    assert speed["largest_difference"] <= 1
    assert min(speed["seconds"].values()) > 0
    assert speed["usual_way_by_predict"] == pytest.approx(speed["seconds"]["usual_way"] / speed["seconds"]["predict"])


def test_memory_is_measured_in_a_process_of_its_own() -> None:
    peaks = benchmark.measure_memory(600)
    assert set(peaks) == {"predict_mb", "vectorise_mb"} and all(30 < peak < 600 for peak in peaks.values())
