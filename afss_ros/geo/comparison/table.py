"""The table that a comparison ends with, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def markdown(document: Mapping[str, Any]) -> str:
    """Methods with their mean over seeds and its spread; what refinement gains, seed by seed; cities; the split.

    Args:
        document: plan, splits and results, as `run.compare` writes them into table.json.
    """
    by_method: dict[str, list[Mapping[str, Any]]] = {}
    for record in document["results"]:
        by_method.setdefault(record["method"], []).append(record)
    seeds = document["plan"]["seeds"]
    lines = [
        "# Footprints: U-Nets and SAM 2 on one blocked split",
        "",
        f"F1 of SpaceNet 2 (mean of cities) on the test's chips, mean and standard deviation over {len(seeds)} seeds;"
        " threshold and confidence chosen on validation.",
        "",
        "| method | F1 | by seed | found | false | missed | pixel IoU | threshold |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for method, records in by_method.items():
        f1 = [r["f1"] for r in records]
        counts = " | ".join(f"{np.mean([r[name] for r in records]):.1f}" for name in ("tp", "fp", "fn"))
        thresholds = ", ".join("-" if r["threshold"] is None else f"{r['threshold']:g}" for r in records)
        lines.append(
            f"| {method} | {_spread(f1)} | {', '.join(f'{v:.4f}' for v in f1)} | {counts} |"
            f" {np.mean([r['pixel_iou'] for r in records]):.4f} | {thresholds} |"
        )
    gains = _gains(by_method)
    if gains:
        lines += ["", "What refinement adds to the F1 of the same student, seed by seed:", "",
                  "| student | gain | by seed |", "| --- | --- | --- |", *gains]  # fmt: skip
    cities = list(dict.fromkeys(name for r in document["results"] for name in r["cities"]))
    if len(cities) > 1:
        lines += [
            "",
            f"| method | {' | '.join(name or 'other' for name in cities)} |",
            "| --- |" + " --- |" * len(cities),
        ]
        for method, records in by_method.items():
            values = [_spread([r["cities"][name]["f1"] for r in records if name in r["cities"]]) for name in cities]
            lines.append(f"| {method} | {' | '.join(values)} |")
    lines += ["", "| split | chips | touch a training chip |", "| --- | --- | --- |"]
    for name, split in document["splits"].items():
        chips, touching = (
            ", ".join(f"{k} {v}" for k, v in sorted(split[what].items())) for what in ("chips", "touching")
        )
        lines.append(f"| {name} | {chips} | {touching or '-'} |")
    checkpoint = (document["plan"]["sam2"] or {}).get("checkpoint")
    if checkpoint:
        lines += ["", f"SAM 2 began as `{checkpoint}`. Truth boxes at the test are an upper bound: nobody has them."]
    return "\n".join([*lines, ""])


def _gains(by_method: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    lines = []
    for records in by_method.values():
        if "of" not in records[0]:
            continue
        alone = {r["seed"]: r["f1"] for r in by_method[records[0]["of"]]}
        gain = [r["f1"] - alone[r["seed"]] for r in records]
        lines.append(f"| {records[0]['of']} | {_spread(gain, '+')} | {', '.join(f'{v:+.4f}' for v in gain)} |")
    return lines


def _spread(values: Sequence[float], sign: str = "") -> str:
    """Mean and, of several values, their standard deviation."""
    if not values:
        return "-"
    mean = format(float(np.mean(values)), f"{sign}.4f")
    return f"{mean} ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else mean
