"""The nodes as programs: each is imported when it is started, so that what is missing is said in one line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from afss_ros import extras

FAILED = 1


def perception_node(args: Sequence[str] | None = None) -> int:
    return _start("perception_node", "perception.program", args, extra="cpu")


def source_node(args: Sequence[str] | None = None) -> int:
    return _start("source_node", "source.node", args, extra="cpu")


def recorder_node(args: Sequence[str] | None = None) -> int:
    return _start("recorder_node", "recorder.node", args, extra="cpu")


def labelling_node(args: Sequence[str] | None = None) -> int:
    return _start("labelling_node", "labelling.node", args, extra="ground")


def demo(args: Sequence[str] | None = None) -> int:
    return _start("demo", "demo.program", args, extra="cpu")


def _start(name: str, module: str, args: Sequence[str] | None, *, extra: str) -> int:
    """Run a node's `main`; exit code 1 and one line where something that it imports is missing or broken."""
    try:
        return int(import_module(f"afss_ros.nodes.{module}").main(args))
    except ImportError as error:
        said = extras.explained(error, extra)
        if said is None:
            raise
        # On stderr, in the form of ROS's log: rclpy may be what is missing.
        sys.stderr.write(f"[FATAL] [{name}]: {said}\n")
        return FAILED
