"""Arguments that belong to one include.

`IncludeLaunchDescription` sets its arguments where it is written, not inside the file that it includes, so a second
include in the same launch file finds them set. The file that was included first cannot take them back: their launch
file may read them on. It marks them as used instead, and the next include of one of our files passes over what is
marked. A value that is set anew, even to the same text, carries no mark.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping


class Used(str):
    """The value of an argument that an earlier include was given, or took its default for."""

    __slots__ = ()


def forget_used(configurations: MutableMapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Remove the named arguments that only an earlier include was given; returns what they were."""
    used = {name: str(configurations[name]) for name in names if isinstance(configurations.get(name), Used)}
    for name in used:
        del configurations[name]
    return used


def mark_used(configurations: MutableMapping[str, str], names: Iterable[str], argv: Iterable[str] = ()) -> None:
    """Mark the named arguments as used, but for those of the command line `argv`: they are for the whole launch."""
    kept = {word.partition(":=")[0] for word in argv}
    for name in names:
        if name in configurations and name not in kept:
            configurations[name] = Used(configurations[name])
