"""Plots for pages: precision over recall, and what scores are worth. Dark, as SVG, of plain figures."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

LIGHT, DARK = "#dfe4ee", "#10131a"
_FAINT = "#93a0b8"


def precision_recall(curves: Mapping[str, Sequence[float] | None]) -> Figure | None:
    """Precision over recall.

    Args:
        curves: by the name of the line: precision at evenly spaced recalls from 0 to 1; None where it is not known.

    Returns:
        None when no curve is known.
    """
    known = {name: curve for name, curve in curves.items() if curve is not None}
    if not known:
        return None
    figure = new_figure(7, 4.6)
    axes = figure.subplots()
    for name, curve in known.items():
        axes.plot(np.linspace(0, 1, len(curve)), curve, label=name)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(facecolor=DARK, labelcolor=LIGHT, fontsize=8)
    dress(axes)
    return figure


def reliability(curves: Mapping[str, Sequence[Mapping[str, float]] | None]) -> Figure | None:
    """The share of right boxes over their score, with how many there are; the diagonal is a score to be believed.

    Args:
        curves: by the name of the line: what `calibration.reliability` gives.

    Returns:
        None when there is no box.
    """
    known = {name: bins for name, bins in curves.items() if bins}
    if not known:
        return None
    figure = new_figure(7, 4.6)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    above.plot([0, 1], [0, 1], color=_FAINT, linestyle=":")
    for name, bins in known.items():
        scores = [b["score"] for b in bins]
        (line,) = above.plot(scores, [b["right"] for b in bins], marker="o", label=name)
        below.plot(scores, [b["count"] for b in bins], marker=".", color=line.get_color())
    above.set(ylabel="share that is right", xlim=(0, 1), ylim=(0, 1.02))
    above.legend(facecolor=DARK, labelcolor=LIGHT, fontsize=8)
    below.set(xlabel="score", ylabel="boxes")
    below.set_ylim(bottom=0)
    below.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    for axes in (above, below):
        dress(axes)
    return figure


def false_alarms(curves: Mapping[str, Sequence[Mapping[str, float | None]] | None]) -> Figure | None:
    """The share of true craft that is missed over false alarms an image, from the lowest threshold to the highest.

    Args:
        curves: by the name of the line: `false_alarms.Rates` by threshold.

    Returns:
        None where no set has both.
    """
    known = {name: _points(rates) for name, rates in curves.items() if rates}
    known = {name: points for name, points in known.items() if points}
    if not known:
        return None
    figure = new_figure(7, 4.6)
    axes = figure.subplots()
    for name, points in known.items():
        axes.plot([x for x, _, _ in points], [y for _, y, _ in points], marker=".", label=name)
        for x, y, threshold in points[::6]:
            axes.annotate(f"{threshold:.2f}", (x, y), color=_FAINT, fontsize=7)
    axes.set(xlabel="false alarms an image", ylabel="share of craft missed", ylim=(0, 1.02))
    axes.set_xlim(left=0)
    axes.legend(facecolor=DARK, labelcolor=LIGHT, fontsize=8)
    dress(axes)
    return figure


def _points(rates: Sequence[Mapping[str, float | None]]) -> list[tuple[float, float, float]]:
    """False alarms, misses and threshold wherever a share of misses is known."""
    return [
        (r["per_image"] or 0.0, missed, r["threshold"] or 0.0) for r in rates if (missed := r["missed"]) is not None
    ]


def svg(figure: Figure) -> str:
    """The figure as an <svg> element to be put into a page; the same figure gives the same bytes."""
    buffer = io.StringIO()
    with rc_context({"svg.hashsalt": "afss"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, inches."""
    return Figure(figsize=(width, height), layout="constrained", facecolor=DARK)


def dress(axes: Axes, *, grid: bool = True) -> None:
    """Give axes the colours of the page."""
    axes.set_facecolor(DARK)
    axes.tick_params(colors=LIGHT)
    axes.xaxis.label.set_color(LIGHT)
    axes.yaxis.label.set_color(LIGHT)
    for spine in axes.spines.values():
        spine.set_color("#3a4258")
    if grid:
        axes.grid(color="#242a38")
