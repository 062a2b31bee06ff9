"""`make bench`: what perception_node costs beside its network, and whether large images survive the way to it.

    python -m afss_ros.nodes.bench.cost [--model student.onnx] [--seconds 10] [--out out/bench/benchmark.json]

Own cost is callback to publish minus `session.run`, in lockstep. The round trip is a camera in one process, the node in
another and the mask back, at 30 Hz, with our Fast DDS profile and with Fast DDS as it comes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from afss_ros.nodes.perception import model_file
from afss_ros.share import share
from afss_ros.student.runtime import open_session
from afss_ros.terminal import screen

_PROFILE_VARIABLES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")


def bare_inference_ms(model: Path, provider: str, runs: int) -> dict[str, float]:
    """Wall time of `session.run` alone, in milliseconds, in this process, while nothing else runs."""
    session, _, _ = open_session(model.read_bytes(), name=str(model), provider=provider)
    declared = session.get_inputs()[0]
    image = np.zeros(declared.shape, np.uint8)
    times = []
    for _ in range(runs + 3):
        started = time.perf_counter()
        session.run(None, {declared.name: image})
        times.append((time.perf_counter() - started) * 1e3)
    p50, p95 = np.percentile(times[3:], (50, 95))
    return {"p50": float(p50), "p95": float(p95)}


def round_trip(options: argparse.Namespace, model: Path, profile: Path | None) -> dict[str, Any]:
    """Run `round_trip` in a process that reads `profile`; None for Fast DDS as it comes."""
    environment = {k: v for k, v in os.environ.items() if k not in _PROFILE_VARIABLES}
    if profile is not None:
        environment |= dict.fromkeys(_PROFILE_VARIABLES, str(profile))
    arguments = {
        "model": model,
        "provider": options.provider,
        "side": options.side,
        # The own cost is that with our profile. Without it nearly every frame is lost, and each is waited for.
        "frames": options.frames if profile is not None else 0,
        "rate": options.rate,
        "seconds": options.seconds,
    }
    command = [sys.executable, "-m", "afss_ros.nodes.bench.round_trip"]
    command += [item for name, value in arguments.items() for item in (f"--{name}", str(value))]
    finished = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    result: dict[str, Any] = json.loads(finished.stdout)
    return result


def show(report: dict[str, Any], console: Console) -> None:
    """Print both tables."""
    latency = report["round_trip"]["shared_memory"]["latency_ms"]
    side = report["side"]
    cost = Table(title=f"perception_node, {side}x{side} rgb8, {report['model']} on {report['provider']}")
    cost.add_column("stage")
    cost.add_column("p50 ms", justify="right")
    cost.add_column("p95 ms", justify="right")
    for stage in dict.fromkeys(key.rsplit(".", 1)[0] for key in latency):
        style = "bold" if stage == "own" else None
        cost.add_row(stage, f"{latency[stage + '.p50']:.2f}", f"{latency[stage + '.p95']:.2f}", style=style)
    bare = report["bare_session_run_ms"]
    cost.add_row("bare session.run", f"{bare['p50']:.2f}", f"{bare['p95']:.2f}", style="dim")
    console.print(cost)

    trips = Table(title=f"{side}x{side} rgb8 at {report['rate_hz']:g} Hz, best effort, there and the mask back")
    for column in ("Fast DDS", "sent", "lost", "processed", "overwritten", "p50 ms", "p95 ms"):
        trips.add_column(column, justify="left" if column == "Fast DDS" else "right")
    for name, trip in report["round_trip"].items():
        counts = [str(trip[key]) for key in ("sent", "lost", "processed", "overwritten")]
        trips.add_row(name, *counts, *(f"{trip['round_trip_ms'][p]:.1f}" for p in ("p50", "p95")))
    console.print(trips)


def main() -> int:
    parser = argparse.ArgumentParser(description="The node's own cost and the round trip between processes.")
    parser.add_argument("--model", default="", help="student .onnx; the shipped one by default")
    parser.add_argument("--provider", default="auto", choices=["auto", "cpu", "cuda", "tensorrt", "openvino"])
    parser.add_argument("--side", type=int, default=1024, help="of the square images, in pixels")
    parser.add_argument("--frames", type=int, default=100, help="of the own cost's measurement")
    parser.add_argument("--rate", type=float, default=30.0, help="of the camera, in Hz")
    parser.add_argument("--seconds", type=float, default=10.0, help="of the camera's flow")
    parser.add_argument("--out", type=Path, default=Path("out/bench/benchmark.json"))
    options = parser.parse_args()
    console = screen()
    try:
        model = model_file.locate(options.model)
    except FileNotFoundError as error:
        console.print(f"error: {error}", style="bold red", soft_wrap=True)
        return 1
    with console.status("measuring, half a minute on an idle machine"):
        bare = bare_inference_ms(model, options.provider, options.frames)
        trips = {
            "shared_memory": round_trip(options, model, share() / "config" / "fastdds.xml"),
            "as_it_comes": round_trip(options, model, None),
        }
    report = {
        "model": model.name,
        "provider": trips["shared_memory"]["provider"],
        "machine": {"cpus": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()},
        "side": options.side,
        "rate_hz": options.rate,
        "own_ms": {p: trips["shared_memory"]["latency_ms"][f"own.{p}"] for p in ("p50", "p95")},
        "bare_session_run_ms": bare,
        "round_trip": trips,
    }
    show(report, console)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = options.out.with_suffix(".part")
    unfinished.write_text(json.dumps(report, indent=2) + "\n")
    unfinished.replace(options.out)
    console.print(f"written to {options.out}", soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
