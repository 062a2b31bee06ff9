"""A hash of all of a checkpoint, in the comment that the zip archive `torch.save` writes may end with.

torch compares no checksum when it loads, so a flipped bit would be trained on. One file is written at once, so there is
no moment in which hash and content are of two different ones.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import Any

import torch

_MARK = b"afss sha256 "
_COMMENT_BYTES = len(_MARK) + 64
_NO_COMMENT = b"\0\0"


class BrokenSealError(Exception):
    """A checkpoint is not what was written."""


def seal(archive: bytes) -> bytes:
    """A zip archive without a comment, with its hash as comment."""
    if not archive.endswith(_NO_COMMENT):
        raise ValueError("the archive has a comment already")
    body = archive[: -len(_NO_COMMENT)] + _COMMENT_BYTES.to_bytes(2, "little")
    return body + _MARK + hashlib.sha256(body).hexdigest().encode()


def check(archive: bytes) -> None:
    """Compare a checkpoint with its hash; one without, of an earlier version, with the checksums of its parts.

    Raises:
        BrokenSealError: it differs.
    """
    body, comment = archive[:-_COMMENT_BYTES], archive[-_COMMENT_BYTES:]
    if comment.startswith(_MARK):
        if comment != _MARK + hashlib.sha256(body).hexdigest().encode():
            raise BrokenSealError("its content has another hash than when it was written")
        return
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as file:
            damaged = file.testzip()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise BrokenSealError(f"it is no whole archive: {error}") from error
    if damaged is not None:
        raise BrokenSealError(f"{damaged} in it has another checksum than when it was written")


def not_finite(state: Any, name: str = "") -> str:
    """The name of the first tensor in nested data with a NaN or an infinite value; "" where all are finite."""
    if isinstance(state, torch.Tensor):
        return name if state.is_floating_point() and not bool(torch.isfinite(state).all()) else ""
    entries = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, (list, tuple)) else ()
    for key, value in entries:
        if found := not_finite(value, f"{name}.{key}" if name else str(key)):
            return found
    return ""
