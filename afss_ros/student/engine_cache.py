"""Compiled engines on disk: one folder a model, the least used ones removed when they take too much room."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

_log = logging.getLogger(__name__)

BUDGET_BYTES = 2 * 1024**3
"""Of all engines together; some ten of a student's size."""


def make_room(everyone: Path, own: Path, budget_bytes: int = BUDGET_BYTES) -> None:
    """Make the folder `own` below `everyone`, the newest now, and remove the oldest others over the budget.

    What cannot be made or removed is logged: an engine can be compiled again, so a full or read-only disk is no reason
    not to fly.
    """
    try:
        own.mkdir(parents=True, exist_ok=True)
        os.utime(own)
        others = sorted((path for path in everyone.iterdir() if path != own), key=lambda path: path.stat().st_mtime)
        left = sum(map(_size, others)) + _size(own)
        for path in others:
            if left <= budget_bytes:
                break
            left -= _size(path)
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            _log.info("removed the engines of another model: %s", path)
    except OSError as error:
        _log.warning("the engine cache %s cannot be kept in order: %s", everyone, error)


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [inner for inner in path.rglob("*") if inner.is_file()]
    return sum(file.stat().st_size for file in files)
