"""The page of an ablation: a plot and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from matplotlib.figure import Figure

from afss_ros.datasets.files import write_atomically
from afss_ros.evaluation import plots

_INK, _PAPER, _STUDENT, _TEACHER = "#dfe4ee", "#10131a", "#7fe39b", "#93a0b8"


def write(path: Path, config: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the page; `rows` are those of `ablation.run`."""
    environment = Environment(loader=PackageLoader("afss_ros.loop", "."), autoescape=True)
    content = environment.get_template("ablation.html.jinja").render(
        rows=rows,
        kind="mask" if rows[0]["kind"] == "segm" else "box",
        plot=Markup(plots.svg(plot(rows))),
        config=yaml.safe_dump(dict(config), sort_keys=False),
    )
    write_atomically(path, content.encode())


def plot(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Average precision of each row's teacher and student, with intervals, the first row on top."""
    figure = Figure(figsize=(9, 1.2 + 0.42 * len(rows)), layout="constrained", facecolor=_PAPER)
    axes = figure.subplots()
    for offset, (key, color) in zip((-0.14, 0.14), (("teacher", _TEACHER), ("student", _STUDENT)), strict=True):
        values = [100 * row[key]["value"] for row in rows]
        bounds = [[100 * b for b in row[key]["interval"] or [row[key]["value"]] * 2] for row in rows]
        reach = [[abs(v - b[side]) for v, b in zip(values, bounds, strict=True)] for side in (0, 1)]
        places = [i + offset for i in range(len(rows))]
        axes.errorbar(values, places, xerr=reach, fmt="o", color=color, capsize=3, label=key)
    axes.set_yticks(range(len(rows)), [row["name"] for row in rows])
    axes.set(xlabel="average precision, points; 95 % intervals over sequences")
    axes.invert_yaxis()
    axes.set_facecolor(_PAPER)
    axes.grid(axis="x", color="#2a3040")
    axes.tick_params(colors=_INK)
    axes.xaxis.label.set_color(_INK)
    axes.legend(facecolor=_PAPER, labelcolor=_INK, fontsize=8)
    return figure
