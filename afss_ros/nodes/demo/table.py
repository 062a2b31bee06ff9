"""The summary as tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from afss_ros.nodes.demo.ledger import Ledger


def results_table(result: dict[str, Any], ledger: Ledger) -> Table:
    """Where the frames went, and how fast. `result` is what summary.json says."""
    table = Table(title="What the perception node saw", show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column()
    table.add_row("frames sent", str(ledger.sent) + (f" ({ledger.unreadable} unreadable)" if ledger.unreadable else ""))
    table.add_row("  lost on the way", str(ledger.lost), style="red" if ledger.lost else "")
    table.add_row("  received", str(ledger.received))
    table.add_row("    processed", str(ledger.processed))
    table.add_row("    overwritten by newer ones", str(ledger.overwritten))
    table.add_row("    bad", str(ledger.bad), style="red" if ledger.bad else "")
    table.add_section()
    table.add_row("results per second", f"{result['fps']:.1f}")
    for stage, latency in result["latency_ms"].items():
        table.add_row(f"{stage}, ms", f"p50 {latency['p50']:.1f}   p95 {latency['p95']:.1f}")
    table.add_section()
    table.add_row("provider", result["provider"])
    table.add_row("model", Path(result["model"]["path"]).name)
    table.add_row("sha256", result["model"]["sha256"][:16])
    return table


def files_table(files: Sequence[Path]) -> Table:
    """What to open, as far as it was made."""
    what = {".mcap": "bag, for Foxglove and RViz", ".mp4": "video", ".png": "pictures", ".json": "figures"}
    table = Table(title="Look at", show_header=False, title_justify="left")
    for file in files:
        if file.exists():
            table.add_row(what[file.suffix], str(file))
    return table
