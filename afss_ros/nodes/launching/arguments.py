"""The values of launch arguments, which are texts."""

from __future__ import annotations

import math
from pathlib import Path

from afss_ros.nodes.launching.errors import LaunchError

_WORDS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
"""launch's own conditions take the first two of each, YAML the others; Nav2's launch files write True."""


def boolean(name: str, value: str) -> bool:
    """Return what a boolean argument says, in any spelling that ROS users write.

    Raises:
        LaunchError: it says neither.
    """
    word = value.strip().lower()
    if word not in _WORDS:
        raise LaunchError(f"{name} must be true or false (or 1 and 0, yes and no, on and off), got {value!r}")
    return _WORDS[word]


def number(name: str, value: str) -> float:
    """Return the number that an argument says.

    Raises:
        LaunchError: it is none, or not finite.
    """
    try:
        read = float(value)
    except ValueError:
        read = math.nan
    if not math.isfinite(read):
        raise LaunchError(f"{name} must be a number, got {value!r}")
    return read


def source_path(value: str) -> str:
    """Return the path of a source, `~` expanded.

    Raises:
        LaunchError: nothing is there.
    """
    path = Path(value).expanduser()
    if not path.exists():
        raise LaunchError(f"no source at {path.absolute()}; give a folder of pictures, a video, or a rosbag2 bag")
    return str(path)
