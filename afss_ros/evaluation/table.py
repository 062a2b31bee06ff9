"""Figures as tables for a terminal."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from afss_ros.datasets.check import Findings
from afss_ros.datasets.form import SHOWN_PROBLEMS

SEGMENTATION = ("whole", "body", "panel", "antenna", "mean_part")
DETECTION = ("box_ap", "box_ap50", "box_ap75", "mask_ap", "mask_ap50", "mean_box_iou", "score_error")
ALARMS = ("false_alarm_images", "false_alarms_per_hour", "false_alarms_per_image", "empty_called_craft", "missed_craft")
OUTLINE = ("boundary_f", "hausdorff95_px")
COST = ("params_m", "gmacs", "latency_ms_p50", "latency_ms_p95", "s_acc", "s_final")
STRATA = {
    "whole_iou": "whole",
    "body_iou": "body",
    "panel_iou": "panel",
    "box_ap": "box AP",
    "mean_box_iou": "box IoU",
    "false_alarm_images": "alarmed",
}


def figure(value: float | None, digits: int = 3) -> str:
    """A number as people read it; a dash for what could not be measured.

    >>> figure(0.98765), figure(None)
    ('0.988', '–')
    """
    return "–" if value is None else f"{value:.{digits}f}"


def render(document: dict[str, Any]) -> RenderableType:
    """The tables of an evaluation's JSON document, without the rows and columns that could not be measured."""
    tables: list[RenderableType] = [Text(f"{document['model']} on {document['data']}", style="bold")]
    if document["whole_iou"] is not None:
        tables.append(_segmentation(document))
    tables += [_column(document, (*DETECTION, *ALARMS, *OUTLINE)), _row(document, COST)]
    if thresholds := [t for t in document.get("thresholds", ()) if t is not None]:
        tables.append(_thresholds(thresholds))
    if document["strata"]:
        tables.append(_strata(document["strata"]))
    problems = [Text(problem, style="yellow") for problem in document["problems"][:SHOWN_PROBLEMS]]
    counted = f"{document['images']} images, {len(document['problems'])} unusable"
    return Group(*tables, *problems, f"{counted}; {document['provider']}; test-time augmentation: {document['tta']}")


def _segmentation(document: dict[str, Any]) -> Table:
    table = _table("class", "IoU", "95 %", "per image", "Dice", "per image")
    for name in SEGMENTATION:
        columns = [document[f"{name}_{m}"] for m in ("iou", "iou_per_image", "dice", "dice_per_image")]
        first, *rest = (figure(c) for c in columns)
        table.add_row(name.replace("_", " "), first, _interval(document["intervals_95"][f"{name}_iou"]), *rest)
    for name, figures in document["further_classes"].items():
        first, *rest = (figure(figures[m]) for m in ("iou", "iou_per_image", "dice", "dice_per_image"))
        table.add_row(Text(name), first, _interval(figures["iou_interval_95"]), *rest)
    return table


def _interval(bounds: list[float] | None) -> str:
    return "" if bounds is None else f"{bounds[0]:.2f}..{bounds[1]:.2f}"


def _column(document: dict[str, Any], names: tuple[str, ...]) -> Table:
    table = _table("", "figure", "95 %")
    for name in names:
        if document.get(name) is not None:
            interval = _interval(document["intervals_95"].get(name))
            table.add_row(name.replace("_", " "), figure(document[name]), interval)
    return table


def _thresholds(thresholds: list[dict[str, Any]]) -> Table:
    table = _table("false alarms allowed", "from score", "alarmed", "an hour", "missed")
    for chosen in thresholds:
        columns = (figure(chosen["threshold"]), figure(chosen["alarmed"]), figure(chosen["per_hour"], 0))
        table.add_row(f"{100 * chosen['rate']:g} % of empty images", *columns, figure(chosen["missed"]))
    return table


def _row(document: dict[str, Any], names: tuple[str, ...]) -> Table:
    table = _table(*(name.replace("_", " ") for name in names))
    table.columns[0].justify = "right"
    table.add_row(*(figure(document[name]) for name in names))
    return table


def _strata(strata: dict[str, dict[str, dict[str, float | None]]]) -> Table:
    every = [figures for groups in strata.values() for figures in groups.values()]
    names = [name for name in STRATA if any(figures[name] is not None for figures in every)]
    table = _table("by", "images", *(STRATA[name] for name in names))
    for grouping, groups in strata.items():
        for group, figures in groups.items():
            columns = (figure(figures[name]) for name in names)
            table.add_row(f"{grouping}: {group}", figure(figures["images"], 0), *columns)
        table.add_section()
    return table


def _table(*headings: str) -> Table:
    table = Table(box=SIMPLE_HEAD, collapse_padding=True)
    for number, heading in enumerate(headings):
        # A narrow terminal shortens names, never figures.
        table.add_column(heading, justify="right" if number else "left", no_wrap=True, min_width=number and 5)
    return table


def render_findings(name: str, findings: Findings) -> RenderableType:
    """What `datasets.check` found: what the set holds, then every problem."""
    table = _table("", "what", "how many")
    for heading, counter in (
        ("split", findings.samples),
        ("size", {f"{w}x{h}": n for (w, h), n in findings.sizes.most_common(SHOWN_PROBLEMS)}),
        ("instances", findings.instances),
    ):
        for key, number in counter.items():
            table.add_row(heading, str(key) or "(none)", str(number))
    if findings.unknown:
        table.add_row("instances", "(unknown, or not all)", f"in {findings.unknown} images")
    total = sum(findings.pixels.values())
    for key, number in findings.pixels.items():
        table.add_row("pixels", key, f"{100 * number / total:.2f} %")
    table.columns[1].justify = "left"
    problems = [Text(f"  {problem}", style="yellow") for problem in findings.problems]
    verdict = f"{len(problems)} problem{'s'[: len(problems) > 1]}" if problems else "no problems"
    notes = [Text(f"  note: {note}") for note in findings.notes]
    return Group(Text(name, style="bold"), table, Text(verdict, style="bold"), *problems, *notes)
