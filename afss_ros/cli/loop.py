"""`afss loop`: every step from recordings to a student that beats its teacher, and the proof."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def loop(
    config: Annotated[Path, typer.Argument(help="See config/loop.yaml.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Where all steps go; continues what is there.")] = Path(
        "runs/loop"
    ),
) -> None:
    """Label, select, train, relabel, train, evaluate: resumable step by step, with one report at the end."""
    from afss_ros.loop import config as configs
    from afss_ros.loop import run

    chosen = configs.load(config)
    with Console(stderr=True).status("starting") as status:
        outcome = run.run(chosen, out, told=lambda line: status.update(line))
    parts = []
    for name in ("before", "after", "difference"):
        part = outcome["gain"][name]
        bounds = part["interval"]
        between = "" if bounds is None else f" ({100 * bounds[0]:.1f} to {100 * bounds[1]:.1f})"
        parts.append(f"{100 * part['value']:.1f}{between}")
    Console().print(f"mask AP in points: teacher {parts[0]}, student {parts[1]}, difference {parts[2]}")
    Console().print(f"{out / 'report.html'}", soft_wrap=True)
