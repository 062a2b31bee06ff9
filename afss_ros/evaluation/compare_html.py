"""The comparison as one HTML file: table, accuracy over cost, plots of what they get right, worst cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from matplotlib.figure import Figure

from afss_ros.evaluation import compare, plots, table
from afss_ros.evaluation.cases import legend
from afss_ros.evaluation.compare import Document
from afss_ros.evaluation.compare_cases import Compared
from afss_ros.evaluation.metrics.pareto import front
from afss_ros.evaluation.plots import DARK, LIGHT, dress, new_figure, svg
from afss_ros.labels import CLASS_NAMES

COSTS = {"params_m": "parameters, millions", "gmacs": "GMACs", "latency_ms_p50": "latency p50, ms"}
_ACCURACIES = ("mean_part_iou", "whole_iou", "box_ap", "mean_box_iou")


def render(documents: Sequence[Document], compared: Compared | None = None) -> str:
    """The page.

    Args:
        compared: what `compare_cases.worst_cases` drew, if anything.
    """
    environment = Environment(loader=PackageLoader("afss_ros.evaluation", "."), autoescape=True)
    environment.filters["figure"] = table.figure
    figures = {
        "Accuracy over cost": cost_plot(documents),
        "Precision over recall, boxes at IoU 0.5": pr_plot(documents),
        "Precision over recall, masks at IoU 0.5": pr_plot(documents, "mask"),
        "Reliability: the share of boxes that are right (IoU 0.5) over their score": plots.reliability(
            _curves(documents, "reliability")
        ),
        "Craft missed over false alarms, by threshold": plots.false_alarms(_curves(documents, "false_alarms")),
        "Confusion: truth by row, shares of the row": confusion_plot(documents),
    }
    return environment.get_template("compare.html.jinja").render(
        documents=documents,
        names=compare.names(documents),
        rows=compare.rows(documents),
        compared=compared or Compared([], []),
        legend=legend(),
        plots=[(title, Markup(svg(plot))) for title, plot in figures.items() if plot is not None],
    )


def cost_plot(documents: Sequence[Document]) -> Figure | None:
    """The accuracy that all models have over each cost, with the Pareto front."""
    accuracy = next((a for a in _ACCURACIES if all(d.get(a) is not None for d in documents)), None)
    if accuracy is None:
        return None
    figure = new_figure(15, 4.2)
    panels = figure.subplots(1, len(COSTS), sharey=True)
    for axes, (cost, label) in zip(panels, COSTS.items(), strict=True):
        known = [(n, d) for n, d in zip(compare.names(documents), documents, strict=True) if d.get(cost) is not None]
        xs, ys = [d[cost] for _, d in known], [d[accuracy] for _, d in known]
        line = front(xs, ys)
        axes.plot([xs[i] for i in line], [ys[i] for i in line], drawstyle="steps-post", alpha=0.4, color=LIGHT)
        for (name, _), x, y in zip(known, xs, ys, strict=True):
            axes.scatter([x], [y], s=30)
            axes.annotate(name, (x, y), xytext=(5, 4), textcoords="offset points", fontsize=8, color=LIGHT)
        axes.set_xlabel(label)
        dress(axes)
    panels[0].set_ylabel(accuracy.replace("_", " "))
    return figure


def pr_plot(documents: Sequence[Document], kind: str = "box") -> Figure | None:
    """Precision of boxes at IoU 0.5 over recall, or of masks (`kind="mask"`), a line a model."""
    return plots.precision_recall(_curves(documents, f"{kind}_precision_50"))


def _curves(documents: Sequence[Document], key: str) -> dict[str, Any]:
    return {n: d["curves"].get(key) for n, d in zip(compare.names(documents), documents, strict=True)}


def confusion_plot(documents: Sequence[Document]) -> Figure | None:
    """Shares of each true class by prediction, a panel a model."""
    known = [(n, d["curves"]["confusion"]) for n, d in zip(compare.names(documents), documents, strict=True)]
    known = [(name, counts) for name, counts in known if counts is not None]
    if not known:
        return None
    figure = new_figure(4.2 * len(known), 4.2)
    for axes, (name, counts) in zip(figure.subplots(1, len(known), squeeze=False)[0], known, strict=True):
        pixels = np.array(counts, np.float64)
        used = np.flatnonzero((pixels.sum(0) + pixels.sum(1)) > 0)
        shares = pixels[np.ix_(used, used)] / np.maximum(pixels[used].sum(1, keepdims=True), 1)
        axes.imshow(shares, vmin=0, vmax=1, cmap="magma")
        ticks = [CLASS_NAMES[int(i)] for i in used]
        axes.set_xticks(range(len(used)), ticks, rotation=30, fontsize=8)
        axes.set_yticks(range(len(used)), ticks, fontsize=8)
        for (row, column), share in np.ndenumerate(shares):
            axes.text(column, row, f"{share:.2f}", ha="center", va="center", color=DARK if share > 0.6 else LIGHT)
        axes.set_title(name, color=LIGHT, fontsize=10)
        dress(axes, grid=False)
    return figure
