"""What each mode of perception_node costs, and what its guards do: processor seconds, everything in turns.

    python -m afss_ros.nodes.bench.power [--seconds 15] [--turns 2] [--out out/bench/power.json]

A node process for each setting and turn, a camera at 30 Hz before it. A machine that shares its processors is compared
with itself only: the settings follow one another in every turn, and the median over the turns is shown.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from rich.table import Table

from afss_ros.nodes.perception import model_file
from afss_ros.share import share
from afss_ros.terminal import screen

SETTINGS: dict[str, tuple[str, ...]] = {
    "off": ("power.mode:=off",),
    "survival": ("power.mode:=survival",),
    "nominal": (),
    "nominal, no guards": ("monitor.max_rate:=0.0", "model.prove_every:=0.0", "model.check_memory_every:=0.0"),
    "full": ("power.mode:=full",),
}
_PROFILES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")


def one(options: argparse.Namespace, parameters: tuple[str, ...]) -> dict[str, Any]:
    """Run `round_trip` once with these parameters of the node."""
    environment = os.environ | dict.fromkeys(_PROFILES, str(share() / "config" / "fastdds.xml"))
    command = [sys.executable, "-m", "afss_ros.nodes.bench.round_trip", "--frames", "0"]
    command += ["--model", str(options.model), "--provider", "cpu", "--side", str(options.side)]
    command += ["--rate", str(options.rate), "--seconds", str(options.seconds)]
    command += [item for given in parameters for item in ("--parameter", given)]
    finished = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    result: dict[str, Any] = json.loads(finished.stdout)
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description="Processor seconds of each mode, and of the guards.")
    parser.add_argument("--model", default="", help="student .onnx; the shipped one by default")
    parser.add_argument("--side", type=int, default=1024, help="of the square images, in pixels")
    parser.add_argument("--rate", type=float, default=30.0, help="of the camera, in Hz")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each run")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--settings", nargs="*", default=list(SETTINGS), choices=list(SETTINGS))
    parser.add_argument("--out", type=Path, default=Path("out/bench/power.json"))
    options = parser.parse_args()
    options.model = model_file.locate(options.model)
    console = screen()
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in options.settings}
    with console.status("measuring"):
        for _ in range(options.turns):
            for name in options.settings:
                runs[name].append(one(options, SETTINGS[name]))
    console.print(_table(runs, options))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    part = options.out.with_suffix(".part")
    part.write_text(json.dumps({"side": options.side, "rate_hz": options.rate, "runs": runs}, indent=2) + "\n")
    part.replace(options.out)
    return 0


def _table(runs: dict[str, list[dict[str, Any]]], options: argparse.Namespace) -> Table:
    table = Table(title=f"{options.side}x{options.side} rgb8 at {options.rate:g} Hz, {options.model.name}")
    for column in ("mode", "frames/s", "processors busy", "processor s a frame", "J a frame at 5 W a processor"):
        table.add_column(column, justify="left" if column == "mode" else "right")
    for name, results in runs.items():
        frames = median(r["processed"] for r in results)
        used_s = median(r["cpu_s"] for r in results)
        each = used_s / frames if frames else None
        shown = ("-", "-") if each is None else (f"{each:.4f}", f"{5 * each:.2f}")
        cores = median(r["cores"] for r in results)
        table.add_row(name, f"{frames / options.seconds:.1f}", f"{cores:.3f}", *shown)
    return table


if __name__ == "__main__":
    sys.exit(main())
