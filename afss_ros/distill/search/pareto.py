"""Which students nobody beats: the Pareto front of accuracy against cost, as a table and as a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from afss_ros.evaluation.metrics.pareto import front
from afss_ros.put import put

COSTS = {
    "params_m": "parameters, millions",
    "gmacs": "GMACs for one image",
    "latency_ms_p50": "ONNX Runtime latency p50, ms",
}
ACCURACY = {"s_acc": "S_acc (box AP and mean part IoU)", "box_ap": "box AP"}
COLUMNS = (
    "s_final", "s_acc", "whole_iou", "mean_part_iou", "box_ap", "mask_ap", "params_m", "gmacs", "latency_ms_p50",
    "licence",
)  # fmt: skip


def table(results: Sequence[dict[str, Any]]) -> str:
    """The results in Markdown, best S_final first; a star marks students on a front.

    Args:
        results: documents of `evaluation.run`, each with `student` beside the figures.
    """
    stars = _starred(results)
    lines = ["| student | " + " | ".join(COLUMNS) + " |", "| --- |" + " ---: |" * len(COLUMNS)]
    for result in sorted(results, key=lambda r: (-(r["s_final"] or 0.0), -(r["box_ap"] or 0.0))):
        name = result["student"] + (" *" if result["student"] in stars else "")
        lines.append(f"| {name} | " + " | ".join(_figure(result.get(c)) for c in COLUMNS) + " |")
    return "\n".join(lines) + "\n"


def _starred(results: Sequence[dict[str, Any]]) -> set[str]:
    accuracy, starred = shared_accuracy(results), set()
    for cost in COSTS:
        usable = _with(results, cost, accuracy)
        best = front([r[cost] for r in usable], [r[accuracy] for r in usable])
        starred |= {usable[i]["student"] for i in best}
    return starred


def shared_accuracy(results: Sequence[dict[str, Any]]) -> str:
    """The figure that all of these students have: S_acc, or box AP where some of them give no label map."""
    return "s_acc" if all(r.get("s_acc") is not None for r in results) else "box_ap"


def _with(results: Sequence[dict[str, Any]], cost: str, accuracy: str) -> list[dict[str, Any]]:
    """The results that have this cost and an accuracy: some graphs hide their multiplications."""
    return [r for r in results if r.get(accuracy) is not None and r.get(cost) is not None]


def _figure(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or "-"
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}"


def draw(path: Path, results: Sequence[dict[str, Any]]) -> None:
    """Write a PNG with one panel a cost, each with its front."""
    accuracy = shared_accuracy(results)
    figure = Figure(figsize=(15, 5), layout="constrained")
    panels = figure.subplots(1, len(COSTS), sharey=True)
    for axes, (cost, label) in zip(panels, COSTS.items(), strict=True):
        _panel(axes, _with(results, cost, accuracy), cost, label, accuracy)
    panels[0].set_ylabel(ACCURACY[accuracy])
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    figure.savefig(temporary, dpi=110)
    put(temporary, path)


def _panel(axes: Axes, results: Sequence[dict[str, Any]], cost: str, label: str, accuracy: str) -> None:
    xs, ys = [r[cost] for r in results], [r[accuracy] for r in results]
    best = front(xs, ys)
    axes.plot([xs[i] for i in best], [ys[i] for i in best], drawstyle="steps-post", alpha=0.5)
    axes.scatter(xs, ys, s=18)
    for result, x, y in zip(results, xs, ys, strict=True):
        axes.annotate(result["student"], (x, y), fontsize="x-small", xytext=(3, 3), textcoords="offset points")
    axes.set(xlabel=label)
    axes.grid(alpha=0.3)
