"""`afss loop` and `afss ablate`: from recordings to a student that beats its teacher, and what each step is worth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from afss_ros.cli.stopping import stoppable
from afss_ros.cli.threads import Threads, within
from afss_ros.terminal import say, screen

Changes = Annotated[list[str] | None, typer.Option("--set", help="name=value of the configuration; may be repeated.")]


def loop(
    config: Annotated[Path, typer.Argument(help="See config/loop.yaml.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Where all steps go; continues what is there.")] = Path(
        "runs/loop"
    ),
    changes: Changes = None,
    threads: Threads = None,
) -> None:
    """Label, select, train, relabel, train, evaluate: resumable step by step, with one report at the end."""
    from afss_ros.labelling.settings import parse_overrides
    from afss_ros.loop import config as configs
    from afss_ros.loop import run

    chosen = configs.load(config, parse_overrides(changes or []))
    with stoppable(), screen(errors=True).status("starting") as status, within(threads):
        outcome = run.run(chosen, out, told=lambda line: status.update(Text(line)))
    gain = outcome["gain"]
    kind = "mask" if gain["kind"] == "segm" else "box"
    before, after, difference = (points(gain[name]) for name in ("before", "after", "difference"))
    gained = f"{kind} AP in points: {gain['over']} {before}, student {after}, difference {difference}"
    say(gained)
    say(f"{out / 'report.html'}")


def ablate(
    config: Annotated[Path, typer.Argument(help="See config/ablation.yaml.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Where all steps go; continues what is there.")] = Path(
        "runs/ablation"
    ),
    changes: Changes = None,
    threads: Threads = None,
) -> None:
    """Run a loop several times, each time with something changed, and say what each change is worth."""
    from afss_ros.labelling.settings import parse_overrides
    from afss_ros.loop import ablation

    chosen = ablation.load(config, parse_overrides(changes or []))
    with stoppable(), screen(errors=True).status("starting") as status, within(threads):
        rows = ablation.run(chosen, out, told=lambda line: status.update(Text(line)))
    say(ablation.table(rows))
    say(f"{out / 'ablation.html'}")


def points(figure: Mapping[str, Any]) -> str:
    """A figure of `loop.gain` in points, with its interval."""
    value, bounds = 100 * figure["value"], figure["interval"]
    return f"{value:.1f}" if bounds is None else f"{value:.1f} ({100 * bounds[0]:.1f} to {100 * bounds[1]:.1f})"
