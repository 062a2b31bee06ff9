"""What each execution provider makes of a student on this machine: one table, measured in turns.

    python -m afss_ros.evaluation.providers [MODEL.onnx] [--legs cpu "tensorrt fp16"] [--frames 200] [--node] --out DIR

A leg is a provider with what it is told: half precision, tensors in device memory, the run captured as a CUDA graph.
What does not start here is said, with the reason, and left out. Every leg sees the same frames, one leg after the other
within each frame, so that what else the machine does hits all of them alike. `--node` also starts perception_node on
each provider and measures its own cost, callback to publish without inference, and the frames that it keeps up with.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np

from afss_ros.evaluation.benchmark import describe_machine
from afss_ros.evaluation.latency import sample_picture
from afss_ros.perception import Frame
from afss_ros.share import share
from afss_ros.student import Student, StudentError
from afss_ros.student.known_answer import agreement
from afss_ros.student.providers.settings import ProviderSettings
from afss_ros.terminal import screen

_KEEP_ALL = 1.0
"""Of the nodes may fall to the CPU here: the table says how many did."""


@dataclass(frozen=True, slots=True)
class Leg:
    """A provider, and what it is told."""

    provider: str
    settings: ProviderSettings


def _leg(provider: str, **told: Any) -> Leg:
    return Leg(provider, ProviderSettings(max_cpu_share=_KEEP_ALL, **told))


LEGS: dict[str, Leg] = {
    "cpu": _leg("cpu"),
    "cpu device": _leg("cpu", binding="device"),
    "openvino": _leg("openvino"),
    "openvino device": _leg("openvino", binding="device"),
    "cuda": _leg("cuda"),
    "cuda device": _leg("cuda", binding="device"),
    "cuda graph": _leg("cuda", binding="graph"),
    "tensorrt": _leg("tensorrt"),
    "tensorrt device": _leg("tensorrt", binding="device"),
    "tensorrt graph": _leg("tensorrt", binding="graph"),
    "tensorrt fp16": _leg("tensorrt", fp16=True),
    "tensorrt fp16 device": _leg("tensorrt", fp16=True, binding="device"),
    "tensorrt fp16 graph": _leg("tensorrt", fp16=True, binding="graph"),
}


def measure(
    model: Path, names: list[str], *, frames: int = 200, size: tuple[int, int] = (1024, 1024)
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Time the legs in turns.

    Args:
        size: (H, W) of the frames in pixels.

    Returns:
        The figures of each leg that started, and why each other did not. Times are milliseconds of a whole call, p50
        and p99, and of inference alone; `agreement` is that of its label map with the first leg's, on the same frame.
    """
    frame = Frame(sample_picture(*size), source="benchmark")
    figures: dict[str, dict[str, Any]] = {}
    refused: dict[str, str] = {}
    with ExitStack() as stack:
        students: dict[str, Student] = {}
        for name in names:
            started = perf_counter_ns()
            try:
                leg = LEGS[name]
                student = Student(model, provider=leg.provider, provider_settings=leg.settings)
                stack.callback(student.close)
                student.warm_up(5)
                student.prove()
            except StudentError as error:
                refused[name] = str(error)
                continue
            students[name] = student
            figures[name] = {"load_s": (perf_counter_ns() - started) / 1e9, "placement": str(student.placement)}
        times: dict[str, list[float]] = {name: [] for name in students}
        inference: dict[str, list[float]] = {name: [] for name in students}
        maps: dict[str, Any] = {}
        for _ in range(frames):
            for name, student in students.items():
                started = perf_counter_ns()
                seen = student(frame)
                times[name].append((perf_counter_ns() - started) / 1e6)
                inference[name].append(seen.timings_ms["inference"])
                maps[name] = seen.labels
        for name in students:
            figures[name] |= _told(times[name], inference[name])
            if maps[name] is not None:
                figures[name]["agreement"] = agreement(maps[name], next(iter(maps.values())))
    return figures, refused


def _told(times: list[float], inference: list[float]) -> dict[str, float]:
    return {
        "p50_ms": float(np.percentile(times, 50)),
        "p99_ms": float(np.percentile(times, 99)),
        "fps": 1e3 / float(np.mean(times)),
        "inference_p50_ms": float(np.percentile(inference, 50)),
        "inference_p99_ms": float(np.percentile(inference, 99)),
    }


def measure_nodes(model: Path, providers: list[str], *, frames: int, side: int, seconds: float) -> dict[str, Any]:
    """perception_node's own cost on each provider, from `afss_ros.nodes.bench.cost`, which needs ROS.

    Args:
        frames: of the own cost.
        seconds: of each flow at the camera's rate.
    """
    if importlib.util.find_spec("rclpy") is None:
        return {"not_measured": "rclpy is not installed; run make setup, or source ROS 2"}
    found: dict[str, Any] = {}
    for provider in providers:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "node.json"
            options = ["--model", str(model), "--provider", provider, "--side", str(side), "--out", str(out)]
            options += ["--frames", str(frames), "--seconds", str(seconds)]
            done = subprocess.run([sys.executable, "-m", "afss_ros.nodes.bench.cost", *options], check=False)
            found[provider] = json.loads(out.read_text()) if done.returncode == 0 else f"ended with {done.returncode}"
    return found


def table(figures: dict[str, dict[str, Any]], refused: dict[str, str]) -> str:
    """The figures as a Markdown table, and what was left out."""
    lines = [
        "| leg | p50 ms | p99 ms | fps | inference p50 ms | p99 ms | agrees | nodes | loaded in s |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: |",
    ]
    for name, found in figures.items():
        times = (found[key] for key in ("p50_ms", "p99_ms", "fps", "inference_p50_ms", "inference_p99_ms"))
        cells = [name, *(f"{value:.2f}" for value in times), f"{found.get('agreement', float('nan')):.4f}"]
        lines.append("| " + " | ".join([*cells, found["placement"], f"{found['load_s']:.1f}"]) + " |")
    lines += ["", *(f"- {name}: not measured: {why}" for name, why in refused.items())]
    return "\n".join(lines) + "\n"


def node_table(nodes: dict[str, Any]) -> str:
    """What `measure_nodes` found as a Markdown table."""
    if "not_measured" in nodes:
        return f"perception_node: not measured: {nodes['not_measured']}\n"
    lines = [
        "| perception_node on | own p50 ms | p95 ms | sent | processed | overwritten | lost | there and back p50 ms |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    failed = []
    for provider, found in nodes.items():
        if isinstance(found, str):
            failed.append(f"- perception_node on {provider}: not measured: {found}")
            continue
        trip = found["round_trip"]["shared_memory"]
        counts = (str(trip[key]) for key in ("sent", "processed", "overwritten", "lost"))
        own = (f"{found['own_ms'][p]:.2f}" for p in ("p50", "p95"))
        lines.append("| " + " | ".join([provider, *own, *counts, f"{trip['round_trip_ms']['p50']:.2f}"]) + " |")
    return "\n".join([*lines, "", *failed]) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write; the exit code: 1 where no leg starts."""
    parser = argparse.ArgumentParser(description="What each execution provider makes of a student here.")
    parser.add_argument("model", nargs="?", type=Path, help="a student; the one for GPUs that ships by default")
    parser.add_argument("--legs", nargs="+", choices=list(LEGS), default=list(LEGS), help="leave the others out")
    parser.add_argument("--frames", type=int, default=200, help="of each leg")
    parser.add_argument("--side", type=int, default=1024, help="of the square frames, in pixels")
    parser.add_argument("--node", action="store_true", help="also measure perception_node on each provider")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each flow of images to the node")
    parser.add_argument("--out", type=Path, default=Path("out/providers"))
    options = parser.parse_args(arguments)
    model = options.model or share() / "models" / "student-fp32.onnx"
    console = screen()
    figures, refused = measure(model, options.legs, frames=options.frames, size=(options.side, options.side))
    report: dict[str, Any] = {
        "model": model.name,
        "frames": options.frames,
        "side": options.side,
        "machine": describe_machine(),
        "legs": figures,
        "refused": refused,
    }
    if options.node:
        report["node"] = measure_nodes(
            model,
            sorted({LEGS[name].provider for name in figures}),
            frames=options.frames,
            side=options.side,
            seconds=options.seconds,
        )
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "providers.json").write_text(json.dumps(report, indent=1) + "\n")
    found = table(figures, refused) + ("\n" + node_table(report["node"]) if options.node else "")
    (options.out / "providers.md").write_text(found)
    console.print(found, soft_wrap=True)
    console.print(f"written to {options.out}", soft_wrap=True)
    return 0 if figures else 1


if __name__ == "__main__":
    sys.exit(main())
