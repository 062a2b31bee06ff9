"""Pickles of others: plain values only. A pickle is a program, and any class that it names could be anything."""

from __future__ import annotations

import io
import pickle
import pickletools
from pathlib import Path
from typing import Any, NoReturn

from afss_ros.datasets.files import read_bytes
from afss_ros.refer.errors import ReferError

LARGEST = 1 << 30
"""Bytes of a file that is read."""


class _Plain(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> NoReturn:
        raise pickle.UnpicklingError(f"it names {module_name}.{global_name}, and only plain values are read")

    def persistent_load(self, pid: Any) -> NoReturn:
        raise pickle.UnpicklingError("it refers to something outside itself")


def load(path: Path) -> Any:
    """Lists, dicts, texts and numbers of a pickle, of Python 2 as well.

    Raises:
        ReferError: it holds anything else, or is none; nothing of it was run.
        DatasetError: it cannot be read.
    """
    content = read_bytes(path, LARGEST)
    try:
        _refuse_claims(content)
        # What pickles of Python 2 call texts are bytes there.
        return _Plain(io.BytesIO(content), encoding="utf-8", errors="replace").load()
    except Exception as err:  # a broken pickle raises what it likes
        raise ReferError(f"{path}: is no pickle of plain values ({type(err).__name__}: {err})") from err


def _refuse_claims(content: bytes) -> None:
    """A place in the memo is made room for up to its number, which a few bytes can put at a thousand million."""
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and argument is not None and argument > len(content):
            raise pickle.UnpicklingError(f"it remembers a value as number {argument}, and has {len(content)} bytes")
