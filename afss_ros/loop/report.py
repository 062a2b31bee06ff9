"""The loop's report: one HTML file with the proof, the figures, and a look at what was learned from."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from matplotlib.figure import Figure

from afss_ros.datasets.files import write_atomically
from afss_ros.distill.selection.command import PICTURE
from afss_ros.distill.selection.decide import REASONS
from afss_ros.evaluation import compare_html, table
from afss_ros.evaluation.plots import svg
from afss_ros.loop.config import LoopConfig

FIGURES = (
    "mask_ap", "mask_ap50", "box_ap", "box_ap50", "mean_box_iou", "whole_iou", "body_iou", "panel_iou", "antenna_iou",
    "boundary_f", "hausdorff95_px", "score_error", "params_m", "gmacs",
)  # fmt: skip
_LOWER_IS_BETTER = {"hausdorff95_px", "score_error", "params_m", "gmacs"}
_COLORS = ("#93a0b8", "#7fe39b")


def write(path: Path, config: LoopConfig, outcome: dict[str, Any], rounds: Sequence[tuple[Path, Path]]) -> None:
    """Write the page.

    Args:
        outcome: what `loop.json` holds.
        rounds: of each round the folders of its selection and of its training.
    """
    documents = outcome["labellers"]
    kind = "mask" if outcome["gain"]["kind"] == "segm" else "box"
    plots = {
        f"{kind.capitalize()} AP, teacher and rounds": ap_plot(documents, kind),
        "Precision over recall, boxes at IoU 0.5": compare_html.pr_plot(documents),
        "Confusion: truth by row, shares of the row": compare_html.confusion_plot(documents),
    }
    environment = Environment(loader=PackageLoader("afss_ros.loop", "."), autoescape=True)
    environment.filters["figure"] = table.figure
    content = environment.get_template("report.html.jinja").render(
        config=config,
        outcome=outcome,
        documents=documents,
        gain=outcome["gain"],
        kind=kind,
        rows=[(key, best(documents, key)) for key in FIGURES if any(d.get(key) is not None for d in documents)],
        plots=[(title, Markup(svg(plot))) for title, plot in plots.items() if plot is not None],
        reasons=REASONS,
        rounds=[_round(*folders) for folders in rounds],
    )
    write_atomically(path, content.encode())


def best(documents: Sequence[dict[str, Any]], key: str) -> int | None:
    """Which labeller is best by a figure; None when fewer than two have it."""
    known = {i: float(d[key]) for i, d in enumerate(documents) if d.get(key) is not None}
    if len(known) < 2:
        return None
    return min(known, key=lambda i: known[i] if key in _LOWER_IS_BETTER else -known[i])


def ap_plot(documents: Sequence[dict[str, Any]], kind: str) -> Figure:
    """AP and AP at IoU 0.5 of masks or boxes (`kind` is mask or box), a pair of bars for each labeller."""
    figure = Figure(figsize=(7, 3.6), layout="constrained", facecolor="#10131a")
    axes = figure.subplots()
    for number, (key, color) in enumerate(zip((f"{kind}_ap", f"{kind}_ap50"), _COLORS, strict=True)):
        places = [i + 0.4 * number for i in range(len(documents))]
        bars = axes.bar(places, [d[key] or 0.0 for d in documents], 0.38, label=key.replace("_", " "), color=color)
        axes.bar_label(bars, fmt="%.2f", color="#dfe4ee", fontsize=8)
    axes.set_xticks([i + 0.2 for i in range(len(documents))], [d["model"] for d in documents])
    axes.set(ylim=(0, 1.05))
    axes.set_facecolor("#10131a")
    axes.tick_params(colors="#dfe4ee")
    axes.legend(facecolor="#10131a", labelcolor="#dfe4ee", fontsize=8)
    return figure


def _round(selected: Path, trained: Path) -> dict[str, str | None]:
    sheets = sorted((trained / "run" / "sheets").glob("*.jpg"))
    return {
        "selection": _inline(selected / "set" / PICTURE, "png"),
        "curves": _inline(trained / "run" / "curves.png", "png"),
        "sheet": _inline(sheets[-1], "jpeg") if sheets else None,
    }


def _inline(path: Path, kind: str) -> str | None:
    if not path.exists():
        return None
    return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
