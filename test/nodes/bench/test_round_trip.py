"""The measurement behind `make bench`, small."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from processes import python, run


def measured(tiny_student: Path, domain: int) -> dict[str, Any]:
    options = ["--model", str(tiny_student), "--side", "128", "--frames", "3", "--rate", "10", "--seconds", "1"]
    finished = run(python("-m", "afss_ros.nodes.bench.round_trip", *options), domain=domain)
    assert finished.returncode == 0, finished.stderr
    result: dict[str, Any] = json.loads(finished.stdout)
    return result


def test_every_image_of_a_round_trip_is_accounted_for(tiny_student: Path, domain: int) -> None:
    """Sent best effort: a busy machine may lose images and answers, but says how many."""
    result = measured(tiny_student, domain)
    assert 1 <= result["received"] <= result["sent"] <= 11
    assert result["lost"] == result["sent"] - result["received"]
    assert 0 <= result["received"] - result["processed"] - result["overwritten"] <= 2, "one in work, one waiting"
    assert result["bad"] == 0
    assert 1 <= result["answered"] <= result["received"]
    assert 0 < result["latency_ms"]["own.p50"] < result["latency_ms"]["total.p95"]
    assert result["round_trip_ms"]["p50"] > 0
    assert result["provider"] == "cpu"
