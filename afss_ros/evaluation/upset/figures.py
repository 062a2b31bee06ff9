"""A campaign in figures: a row a kind, and a picture of what each bit of a number is worth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from afss_ros.evaluation.upset.campaign import RUINED, Upset
from afss_ros.evaluation.upset.sites import KINDS


def summarise(upsets: Sequence[Upset]) -> dict[str, dict[str, int]]:
    """Counts by kind, and of all together.

    `seen_to_the_bit` and `seen_by_answer` count, among the flips that changed something in the frames, those that the
    known answer shows on the processor that flies, and on another.
    """
    rows = {kind: [upset for upset in upsets if upset.site.kind == kind] for kind in KINDS}
    return {name: _counts(row) for name, row in {**rows, "all": list(upsets)}.items() if row}


def _counts(upsets: Sequence[Upset]) -> dict[str, int]:
    harmful = [upset for upset in upsets if not upset.harmless]
    return {
        "flips": len(upsets),
        "harmless": len(upsets) - len(harmful),
        "change_pixels": sum(bool(upset.pixels) for upset in upsets),
        "change_detections": sum(bool(upset.detections) for upset in upsets),
        "ruin_masks": sum(upset.ruins for upset in upsets),
        "refused": sum(bool(upset.refused) for upset in upsets),
        "seen_to_the_bit": sum(upset.answer_changed for upset in harmful),
        "seen_by_answer": sum(upset.answer_wrong for upset in harmful),
        "ruin_unseen": sum(upset.ruins and not upset.answer_changed for upset in upsets),
    }


def table(summary: dict[str, dict[str, int]]) -> Table:
    """The counts for a terminal."""
    heading = (
        "flips",
        "harmless",
        "pixels",
        "detections",
        f"ruin (< {RUINED:g})",
        "refused",
        "seen to the bit",
        "by answer",
    )
    drawn = Table("kind", *heading, box=SIMPLE_HEAD)
    drawn.columns[0].min_width = max(map(len, KINDS))
    for column in drawn.columns[1:]:
        column.justify = "right"
    keys = ("flips", "harmless", "change_pixels", "change_detections", "ruin_masks", "refused")
    for kind, counts in summary.items():
        seen = (counts["seen_to_the_bit"], counts["seen_by_answer"])
        drawn.add_row(kind.replace("_", " "), *(str(counts[key]) for key in keys), *map(str, seen))
    return drawn


def plot(upsets: Sequence[Upset], path: Path, title: str) -> None:
    """Agreement of the worst frame over the bit that was flipped, a colour a kind, as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    axes: Any = figure.subplots()
    for number, kind in enumerate(KINDS):
        own = [upset for upset in upsets if upset.site.kind == kind]
        if own:
            places = [upset.site.bit + 0.12 * (number - 2) for upset in own]
            label = f"{kind.replace('_', ' ')} ({len(own)})"
            axes.scatter(places, [upset.agreement for upset in own], s=12, alpha=0.6, label=label)
    axes.axhline(RUINED, color="grey", linewidth=0.8, linestyle=":")
    axes.set(xlabel="bit that was flipped", ylabel="agreement with the sound masks, worst frame", ylim=(-0.03, 1.03))
    axes.set_title(title)
    axes.legend(fontsize="small", loc="lower left")
    figure.savefig(str(path), dpi=110)
