"""`make bench`: how fast everything is on this machine, in one table and one JSON file.

    python -m afss_ros.evaluation.benchmark [MODEL.onnx ...] [--only PART ...] [--out out/bench.json]

Measures the student (each stage, frames of several sizes), perception_node (own cost, where it goes, what the guards
add, and the round trip between processes, see `afss_ros.nodes.bench`), the renderer (frames a second), prediction over
a raster beside the usual way (`afss_ros.geo.benchmark`) and workers (two against one, see
`afss_ros.labelling.spread.benchmark`). What is not installed is said and left out. Other work on the machine makes
every figure worse: the load before the start is in the file, and so is a yardstick (a matrix product of fixed size) to
compare machines by.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from afss_ros.evaluation.latency import STAGES, student_latency
from afss_ros.share import default_student
from afss_ros.student import Student, StudentError
from afss_ros.terminal import screen

FRAME_SIZES = ((512, 512), (1024, 1024), (1200, 1920))
"""(H, W) of the frames a student is timed on; 1200x1920 is SPEED+'s camera."""

_YARDSTICK_SIDE = 1024
_VERSIONS = ("numpy", "opencv-python-headless", "onnxruntime", "rosbags", "moderngl")

PARTS = ("student", "node", "renderer", "geo", "workers")


def describe_machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "cpu": _cpu_name(),
        "cpus": os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in _VERSIONS},
        "yardstick_ms": yardstick_ms(),
    }


def yardstick_ms(repeats: int = 9) -> float:
    """Median time of a float32 matrix product of 1024x1024 (1.07 GMAC) in NumPy."""
    a = np.random.default_rng(0).standard_normal((_YARDSTICK_SIDE, _YARDSTICK_SIDE)).astype(np.float32)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        a @ a
        times.append((time.perf_counter() - start) * 1e3)
    return float(np.median(times))


def measure_students(models: list[Path], provider: str, frames: int) -> list[dict[str, Any]]:
    """Stage by stage, for every model and frame size, in milliseconds."""
    rows: list[dict[str, Any]] = []
    for model in models:
        with Student(model, provider=provider) as student:
            for size in FRAME_SIZES:
                latency = student_latency(student, size, frames=frames)
                stages = {f"{stage}_{p}": getattr(latency[stage], p) for stage in STAGES for p in ("p50", "p95")}
                rows.append({"model": model.name, "provider": student.provider, "frame": list(size), **stages})
    return rows


def measure_node(model: Path, provider: str) -> dict[str, Any]:
    """What `afss_ros.nodes.bench.cost` reports; it needs ROS, so it runs in a process of its own."""
    if importlib.util.find_spec("rclpy") is None:
        return {"not_measured": "rclpy is not installed; run make setup, or source ROS 2"}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "node.json"
        options = ["--model", str(model), "--provider", provider, "--out", str(out)]
        finished = subprocess.run([sys.executable, "-m", "afss_ros.nodes.bench.cost", *options], check=False)
        if finished.returncode != 0:
            return {"not_measured": f"afss_ros.nodes.bench.cost failed with exit code {finished.returncode}"}
        report: dict[str, Any] = json.loads(out.read_text())
        # The round trip says what a frame costs, and this where it goes.
        own = Path(folder) / "own.json"
        command = [sys.executable, "-m", "afss_ros.nodes.bench.own", "--model", str(model), "--out", str(own)]
        if subprocess.run(command, check=False).returncode == 0:
            report["own"] = json.loads(own.read_text())
        return report


def measure_workers(rounds: int) -> dict[str, Any]:
    """What a second worker brings to labelling and rendering, and what a shard costs: it prints its own lines."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "workers.json"
        options = ["--rounds", str(rounds), "--out", str(out)]
        module = "afss_ros.labelling.spread.benchmark"
        finished = subprocess.run([sys.executable, "-m", module, *options], check=False)
        if finished.returncode != 0:
            return {"not_measured": f"{module} failed with exit code {finished.returncode}"}
        report: dict[str, Any] = json.loads(out.read_text())
        return report


def measure_renderer(frames: int, processes: int = 2, size: int = 512) -> dict[str, Any]:
    """Frames a second of `afss render`, labels and files included, start-up of the processes not."""
    if importlib.util.find_spec("moderngl") is None:
        return {"not_measured": "moderngl is not installed; run make setup"}
    from afss_ros.synthetic.errors import SyntheticError
    from afss_ros.synthetic.produce import SHARD, Order, produce

    done_at: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            order = Order(Path(folder) / "set", frames, size)
            produce(order, processes, lambda count: done_at.append(time.perf_counter()))
        except SyntheticError as err:
            return {"not_measured": str(err)}
    # Each process compiles its shaders before its first frame; frames are told of shard by shard.
    first = min(SHARD * processes, frames // 2)
    rate = (len(done_at) - first) / (done_at[-1] - done_at[first - 1])
    return {"frames_per_s": rate, "size": size, "processes": processes, "frames": frames}


def measure_geo(model: Path, provider: str) -> dict[str, Any]:
    """What `afss_ros.geo.benchmark` reports of a student over a raster; another room, so in a process of its own."""
    if importlib.util.find_spec("rasterio") is None:
        return {"not_measured": "rasterio is not installed; pip install 'afss_ros[geo]'"}
    command = [sys.executable, "-m", "afss_ros.geo.benchmark", "--model", str(model), "--provider", provider]
    finished = subprocess.run(command, check=False, capture_output=True, text=True)
    if finished.returncode != 0:
        why = (finished.stderr.strip().splitlines() or ["no message"])[-1]
        return {"not_measured": f"afss_ros.geo.benchmark failed: {why}"}
    report: dict[str, Any] = json.loads(finished.stdout)
    return report


def show(report: dict[str, Any], console: Console) -> None:
    """Print what was measured here; the node's benchmark prints its own tables."""
    if report.get("student"):
        table = Table(title="student, milliseconds (p50)", title_justify="left", box=SIMPLE_HEAD, collapse_padding=True)
        for heading in ("model", "provider", "frame", *STAGES, "p95"):
            table.add_column(heading, justify="right" if heading in (*STAGES, "p95") else "left", no_wrap=True)
        for row in report["student"]:
            height, width = row["frame"]
            figures = [f"{row[key]:.1f}" for key in (*(f"{stage}_p50" for stage in STAGES), "total_p95")]
            table.add_row(row["model"], row["provider"], f"{width}x{height}", *figures)
        console.print(table)
    renderer = report.get("renderer", {})
    if "frames_per_s" in renderer:
        console.print(
            f"renderer: {renderer['frames_per_s']:.1f} frames/s at {renderer['size']}x{renderer['size']}"
            f" in {renderer['processes']} processes"
        )
    if "speed" in report.get("geo", {}):
        speed = report["geo"]["speed"]
        console.print(
            f"raster: {speed['megapixels_per_s']:.2f} megapixels/s, {speed['times_read_and_write']:.1f} times as long"
            f" as reading and writing alone, {speed['network_share']:.0%} of it the networks'; the usual way takes"
            f" {speed['usual_way_by_predict']:.2f} times as long"
        )
    for part in ("node", "renderer", "geo", "workers"):
        if "not_measured" in report.get(part, {}):
            console.print(f"{part}: not measured: {report[part]['not_measured']}", style="yellow", soft_wrap=True)
    machine = report["machine"]
    console.print(
        f"{machine['cpu']}, {machine['cpus']} cpus; load before {machine['load_before']:.1f};"
        f" yardstick {machine['yardstick_ms']:.1f} ms"
    )


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write; the exit code."""
    parser = argparse.ArgumentParser(description="How fast everything is on this machine.")
    parser.add_argument("models", nargs="*", type=Path, help="students (.onnx); the shipped one when none is given")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="leave the rest out")
    parser.add_argument("--provider", default="auto", choices=["auto", "cpu", "cuda", "tensorrt", "openvino"])
    parser.add_argument("--frames", type=int, default=50, help="of each measurement of a student")
    parser.add_argument("--rendered", type=int, default=200, help="frames that the renderer makes")
    parser.add_argument("--rounds", type=int, default=5, help="of one worker and two, in turns")
    parser.add_argument("--out", type=Path, default=Path("out/bench.json"))
    options = parser.parse_args(arguments)
    console = screen()
    report: dict[str, Any] = {"machine": describe_machine()}
    wanted = options.only or list(PARTS)
    try:
        models = options.models or ([default_student()] if {"student", "node", "geo"} & set(wanted) else [])
    except FileNotFoundError as err:
        console.print(f"error: {err}", style="bold red", soft_wrap=True)
        return 1
    steps: dict[str, Callable[[], Any]] = {
        "student": lambda: measure_students(models, options.provider, options.frames),
        "node": lambda: measure_node(models[0], options.provider),
        "renderer": lambda: measure_renderer(options.rendered),
        "geo": lambda: measure_geo(models[0], options.provider),
        "workers": lambda: measure_workers(options.rounds),
    }
    for name in wanted:
        console.print(f"measuring: {name}", style="dim")
        try:
            report[name] = steps[name]()
        except StudentError as err:
            console.print(f"error: {err}", style="bold red", soft_wrap=True)
            return 1
    show(report, console)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = options.out.with_suffix(".part")
    unfinished.write_text(json.dumps(report, indent=1) + "\n")
    unfinished.replace(options.out)
    console.print(f"written to {options.out}", soft_wrap=True)
    return 0


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())
