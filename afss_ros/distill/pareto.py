"""Which students nobody beats: the Pareto front of accuracy against cost, as a table and as a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from afss_ros.evaluation.pareto import front

COSTS = {
    "params_m": "parameters, millions",
    "gmacs": "GMACs for one image",
    "latency_ms_p50": "ONNX Runtime latency p50, ms",
}
ACCURACY = "s_acc"
COLUMNS = ("s_final", "s_acc", "whole_iou", "mean_part_iou", "box_ap", "params_m", "gmacs", "latency_ms_p50")


def table(results: Sequence[dict[str, Any]]) -> str:
    """The results in Markdown, best S_final first; a star marks students on a front.

    Args:
        results: documents of `evaluation.run`, each with `student` beside the figures.
    """
    stars = _starred(results)
    lines = ["| student | " + " | ".join(COLUMNS) + " |", "| --- |" + " ---: |" * len(COLUMNS)]
    for result in sorted(results, key=lambda r: -(r["s_final"] or 0.0)):
        name = result["student"] + (" *" if result["student"] in stars else "")
        lines.append(f"| {name} | " + " | ".join(_figure(result.get(c)) for c in COLUMNS) + " |")
    return "\n".join(lines) + "\n"


def _starred(results: Sequence[dict[str, Any]]) -> set[str]:
    starred: set[str] = set()
    for cost in COSTS:
        usable = _with(results, cost)
        best = front([r[cost] for r in usable], [r[ACCURACY] for r in usable])
        starred |= {usable[i]["student"] for i in best}
    return starred


def _with(results: Sequence[dict[str, Any]], cost: str) -> list[dict[str, Any]]:
    """The results that have this cost and an accuracy: some graphs hide their multiplications."""
    return [r for r in results if r.get(ACCURACY) is not None and r.get(cost) is not None]


def _figure(value: Any) -> str:
    return "-" if value is None else f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}"


def draw(path: Path, results: Sequence[dict[str, Any]]) -> None:
    """Write a PNG with one panel a cost, each with its front."""
    figure = Figure(figsize=(15, 5), layout="constrained")
    panels = figure.subplots(1, len(COSTS), sharey=True)
    for axes, (cost, label) in zip(panels, COSTS.items(), strict=True):
        _panel(axes, _with(results, cost), cost, label)
    panels[0].set_ylabel("S_acc (box AP and mean part IoU)")
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    figure.savefig(temporary, dpi=110)
    temporary.replace(path)


def _panel(axes: Axes, results: Sequence[dict[str, Any]], cost: str, label: str) -> None:
    xs, ys = [r[cost] for r in results], [r[ACCURACY] for r in results]
    best = front(xs, ys)
    axes.plot([xs[i] for i in best], [ys[i] for i in best], drawstyle="steps-post", alpha=0.5)
    axes.scatter(xs, ys, s=18)
    for result, x, y in zip(results, xs, ys, strict=True):
        axes.annotate(result["student"], (x, y), fontsize="x-small", xytext=(3, 3), textcoords="offset points")
    axes.set(xlabel=label)
    axes.grid(alpha=0.3)
