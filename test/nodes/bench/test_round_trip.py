"""The measurement behind `make bench`, small."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from perception_peer import ROOT


def measured(tiny_student: Path, domain: int) -> dict[str, Any]:
    options = ["--model", str(tiny_student), "--side", "128", "--frames", "3", "--rate", "10", "--seconds", "1"]
    finished = subprocess.run(
        [sys.executable, "-m", "afss_ros.nodes.bench.round_trip", *options],
        cwd=ROOT,
        env={**os.environ, "ROS_DOMAIN_ID": str(domain), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    result: dict[str, Any] = json.loads(finished.stdout)
    return result


def test_every_image_of_a_round_trip_is_accounted_for(tiny_student: Path, domain: int) -> None:
    for _ in range(3):  # sent best effort: a busy machine may drop an image, not one in every measurement
        result = measured(tiny_student, domain)
        if result["lost"] == 0:
            break
    assert result["sent"] >= 5
    assert result["lost"] == result["sent"] - result["received"] == 0
    assert result["answered"] == result["processed"]
    assert 0 < result["latency_ms"]["own.p50"] < result["latency_ms"]["total.p95"]
    assert result["provider"] == "cpu"
