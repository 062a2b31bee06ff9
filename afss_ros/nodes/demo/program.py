"""`make demo`, `ros2 run afss_ros demo`: play a source through the perception node and show what it saw.

Exit codes: 0 every frame is accounted for; 1 something failed, or the frames do not add up; 2 a wrong command line;
3 all was played but for unreadable inputs; 130 interrupted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from afss_ros.bags import BagError, BagWriter
from afss_ros.nodes import spinning
from afss_ros.nodes.demo import graph, pictures
from afss_ros.nodes.demo.errors import DemoError
from afss_ros.nodes.demo.graph import DemoGraph
from afss_ros.nodes.demo.ledger import summary
from afss_ros.nodes.demo.play import Played, play
from afss_ros.nodes.demo.settings import Options, Plan, parse, plan
from afss_ros.nodes.demo.table import files_table, results_table
from afss_ros.share import share
from afss_ros.sources import SourceError
from afss_ros.terminal import screen

BAG, VIDEO, SHEET, SUMMARY = "demo.mcap", "overlay.mp4", "contact_sheet.png", "summary.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; see the module for the exit codes."""
    options = parse(arguments)
    console = screen()
    try:
        return run(options, plan(options), console)
    except (DemoError, SourceError, BagError) as error:
        console.print(f"error: {error}", style="bold red", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("interrupted", style="yellow")
        return 130


def run(options: Options, todo: Plan, console: Console) -> int:
    """Play, record, draw, and write everything into `options.out`."""
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        for name in (BAG, VIDEO, SHEET, SUMMARY):
            (options.out / name).unlink(missing_ok=True)
    except OSError as error:
        raise DemoError(
            f"cannot write into {options.out} ({error.strerror}); choose another folder with --out"
        ) from error
    keep_to_this_machine()
    with _progress(console) as progress:
        played = _play(options, todo, progress)
        task = progress.add_task("drawing the video", total=None)
        _draw(options.out, played.overlays, todo.video_rate_hz)
        progress.remove_task(task)
    result = summary(played.ledger, played.report, played.fps)
    _write_json(options.out / SUMMARY, result)
    console.print(results_table(result, played.ledger))
    console.print(files_table([options.out / name for name in (SHEET, VIDEO, BAG, SUMMARY)]))
    discrepancies = played.ledger.discrepancies()
    for discrepancy in discrepancies:
        console.print(f"error: the frames do not add up: {discrepancy}", style="bold red", soft_wrap=True)
    return 1 if discrepancies else played.source_code


def keep_to_this_machine() -> None:
    """Set the environment of ROS for this process and its children, where the user has not.

    Large images need the Fast DDS profile (docs/ros.md), of which this one listens on the loopback alone; the discovery
    range does not see to that. A domain of its own keeps the demo's camera away from any robot, and from another demo.
    """
    profile = os.environ.setdefault(
        "FASTRTPS_DEFAULT_PROFILES_FILE", str(share() / "config" / "fastdds_this_machine.xml")
    )
    # The name that Fast DDS 3 reads (Kilted); it warns where it finds the first one alone.
    os.environ.setdefault("FASTDDS_DEFAULT_PROFILES_FILE", profile)
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))


def _play(options: Options, todo: Plan, progress: Progress) -> Played:
    task = progress.add_task("starting", total=todo.length)
    with spinning.ros([]) as stop, BagWriter(options.out / BAG) as bag:
        node = DemoGraph(bag, compressed=todo.compressed)

        def show(doing: str) -> None:
            progress.update(task, description=doing, completed=node.recorded(node.image_topic))

        try:
            played = play(options, todo, node, stop, show)
        finally:
            node.close()
    inputs = played.ledger.sent + played.ledger.unreadable
    progress.update(task, description="perceived", completed=inputs, total=inputs)
    return played


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def _draw(out: Path, count: int, rate_hz: float) -> None:
    if count == 0:
        return
    pictures.write_video(out / VIDEO, pictures.overlays(out / BAG, graph.OVERLAY), rate_hz)
    pictures.write_contact_sheet(out / SHEET, pictures.overlays(out / BAG, graph.OVERLAY), count)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    temporary = path.with_name(f".partial-{path.name}")
    temporary.write_text(json.dumps(content, indent=2) + "\n")
    temporary.replace(path)
