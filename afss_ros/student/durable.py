"""Single steps on a disk that may lose power after any of them: when one returns, it is on the disk."""

from __future__ import annotations

import os
from pathlib import Path

from afss_ros.put import put as give_name


def append(path: Path, piece: bytes) -> None:
    """Add `piece` to the end of a file, which is made if need be. Cut short, it leaves a part of the piece."""
    with path.open("ab") as file:
        file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    _settle(path.parent)


def put(path: Path, content: bytes) -> None:
    """Give a file new content, all of it or none."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        move(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def move(source: Path, target: Path) -> None:
    """Rename within a folder; what was there is replaced."""
    give_name(source, target)
    _settle(target.parent)


def remove(path: Path) -> None:
    """Remove a file, if there is one."""
    path.unlink(missing_ok=True)
    _settle(path.parent)


def _settle(folder: Path) -> None:
    """A name is on the disk only once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
