"""Figures of tracks as tables for a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Group
from rich.table import Table


def render(document: dict[str, Any]) -> Group:
    """Identities, then bearings by size, then ranges."""
    return Group(_identities(document), _bearings(document["bearing"]), _ranges(document["range"]))


def _with_interval(document: dict[str, Any], name: str, digits: int = 3) -> str:
    interval = document.get(f"{name}_95")
    told = f"{document[name]:.{digits}f}"
    return told if interval is None else f"{told} ({interval[0]:.{digits}f} to {interval[1]:.{digits}f})"


def _identities(document: dict[str, Any]) -> Table:
    flights = "1 flight" if document["flights"] == 1 else f"{document['flights']} flights"
    minutes = 60 * document["hours"]
    lasted = f"{minutes:.1f} minutes" if minutes >= 2 else f"{60 * minutes:.1f} s"
    table = Table(
        title=f"{flights}, {lasted}; 95 % intervals over {document['intervals_over']}",
        title_justify="left",
    )
    table.add_column("figure")
    table.add_column("value (interval)", justify="right")
    for name in ("HOTA", "DetA", "AssA", "IDF1"):
        table.add_row(name, _with_interval(document, name))
    table.add_row("switches of identity", f"{document['switches']:.0f}")
    table.add_row("crossings, switched", f"{document['crossings']}, {document['crossings_switched']}")
    table.add_row("false detections an hour", f"{document['false_detections_per_hour']:.1f}")
    table.add_row("false confirmed tracks an hour", f"{document['false_tracks_per_hour']:.1f}")
    if "milliseconds_p50" in document:
        table.add_row("ms a frame, p50, p95", f"{document['milliseconds_p50']:.2f}, {document['milliseconds_p95']:.2f}")
    return table


def _bearings(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="Bearings, by size of the craft's box", title_justify="left")
    for column in ("diagonal, px", "sightings", "within the 95 % bound", "mean error / 2", "miss in lengths, p50, p95"):
        table.add_column(column, justify="right")
    for row in rows:
        size = f"{row['from_px']:.0f} to {row['to_px'] or 'inf'}"
        if not row["sightings"]:
            table.add_row(size, "0")
            continue
        misses = f"{row['miss_lengths_p50']:.3f}, {row['miss_lengths_p95']:.3f}" if "miss_lengths_p50" in row else ""
        table.add_row(
            size, str(row["sightings"]), _with_interval(row, "within_95"), _with_interval(row, "mean_error_over_2", 2),
            misses,
        )  # fmt: skip
    return table


def _ranges(row: dict[str, Any]) -> Table:
    other = row.get("for_another_length", 0)
    lengths = ", ".join(f"{name} {length:.2f}" for name, length in row.get("lengths_m", {}).items())
    table = Table(
        title="Ranges, from the known length", title_justify="left", caption_justify="left",
        caption=f"{other} more were told for another length than the craft's; in metres: {lengths}" if other else None,
    )  # fmt: skip
    for column in ("sightings", "within 90 %", "off, p50, p95"):
        table.add_column(column, justify="right")
    if row["sightings"]:
        table.add_row(
            str(row["sightings"]), _with_interval(row, "within_90"), f"{row['off_p50']:.1%}, {row['off_p95']:.1%}"
        )
    return table
