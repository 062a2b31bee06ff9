"""The report with pictures: one HTML file that holds everything it shows, so that it can be mailed or archived."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from matplotlib.figure import Figure

from afss_ros.evaluation import cases, plots, table
from afss_ros.evaluation.evaluate import ImageResult, Perceive, Report
from afss_ros.perception import Frame

CASES = 8
"""How many of the worst and of the best images are shown."""


def render(document: dict[str, Any], report: Report, model: Perceive) -> str:
    """The page.

    Args:
        document: the figures, as `run.run` returns them.
        report: whose images are ranked by whole-craft IoU, or box IoU without masks.
        model: asked again about the images that are shown; keeping every picture would take too much memory.
    """
    ranked = cases.ranked(report.images)
    worst = ranked[:CASES]
    best = ranked[: -CASES - 1 : -1] if len(ranked) > CASES else []
    environment = Environment(loader=PackageLoader("afss_ros.evaluation", "."), autoescape=True)
    environment.filters["figure"] = table.figure
    return environment.get_template("report.html.jinja").render(
        d=document,
        segmentation=table.SEGMENTATION,
        detection=table.DETECTION,
        outline=table.OUTLINE,
        alarms=table.ALARMS,
        cost=table.COST,
        plots=[(title, Markup(plots.svg(plot))) for title, plot in _plots(document).items() if plot is not None],
        legend=cases.legend(report.further),
        sections=[
            ("Worst cases", [_case(r, report, model) for r in worst]),
            ("Best cases", [_case(r, report, model) for r in best]),
        ],
    )


def _plots(document: dict[str, Any]) -> dict[str, Figure | None]:
    curves = document["curves"]
    lines = {"boxes": curves["box_precision_50"], "masks": curves["mask_precision_50"]}
    error = table.figure(document["score_error"])
    return {
        "Precision over recall at IoU 0.5": plots.precision_recall(lines),
        f"Reliability of the scores, expected error {error}": plots.reliability({"boxes": curves["reliability"]}),
        "Craft missed over false alarms, by threshold": plots.false_alarms({"boxes": curves["false_alarms"]}),
    }


def _case(result: ImageResult, report: Report, model: Perceive) -> dict[str, Any]:
    case = cases.Case.read(result.sample, report.dataset.class_names, report.further, result.size)
    seen = model(Frame(case.image, source=str(result.sample.image)))
    return {
        "key": result.sample.key,
        "quality": result.quality,
        "pictures": [case.show_image(), case.show_truth(), case.show_seen(seen)],
        "detail": case.window is not None,
    }
