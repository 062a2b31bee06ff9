"""What a run keeps on disk: tensors and plain values, written whole or not at all, read without running any code."""

from __future__ import annotations

import io
from collections.abc import Set
from pathlib import Path
from typing import Any

import torch

from afss_ros.datasets.files import write_atomically
from afss_ros.refer.errors import ReferError


def write(path: Path, state: dict[str, Any]) -> None:
    """Write it, whole or not at all.

    Raises:
        DatasetError: it cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(path, buffer.getvalue())


def read(path: Path, wanted: Set[str], what: str, verb: str) -> dict[str, Any]:
    """What `write` wrote, on the CPU.

    Args:
        wanted: keys that it must have.
        what: it is, in words.
        verb: the command of `afss refer` that makes it.

    Raises:
        ReferError: it is missing, no regular file, or broken.
    """
    if path.exists() and not path.is_file():
        raise ReferError(f"{path}: is no regular file; give a run of `afss refer {verb}`")
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        if lacking := wanted - set(saved):
            raise KeyError(*lacking)
    except FileNotFoundError as err:
        raise ReferError(f"{path}: missing; {verb} with `afss refer {verb} CONFIG --out {path.parent}`") from err
    except Exception as err:  # torch raises many kinds for a file that is none of its own
        raise ReferError(f"{path}: is no {what} ({type(err).__name__}); {verb} it again") from err
    return dict(saved)
