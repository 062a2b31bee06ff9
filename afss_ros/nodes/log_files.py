"""Whether ROS can write its log files: rcl refuses to start where it cannot (a read-only home, or none)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

WITHOUT = ("--ros-args", "--disable-external-lib-logs")
"""ROS arguments with which the log goes to the console and /rosout alone."""


def obstacle() -> str:
    """Return why log files cannot be written where ROS would; empty where they can.

    The folder is made if need be, as rcl makes it: $ROS_LOG_DIR, or $ROS_HOME/log, or ~/.ros/log.
    """
    ros_home = os.environ.get("ROS_HOME") or (os.environ.get("HOME") and "~/.ros")
    name = os.environ.get("ROS_LOG_DIR") or (ros_home and f"{ros_home}/log")
    if not name:
        return "HOME is not set"
    folder = Path(name).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return f"{folder}: {error.strerror}"


def arguments(given: Sequence[str], obstacle: str) -> list[str]:
    """Return ROS's command line, without log files where something is in their way."""
    return [*given, *(WITHOUT if obstacle else ())]
