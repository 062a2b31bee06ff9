"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from afss_ros.datasets.errors import DatasetError


def write_atomically(path: Path, content: bytes) -> None:
    """Write to a temporary name beside `path`, then move it there: a kill leaves the old file or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as err:
        temporary.unlink(missing_ok=True)
        raise DatasetError(f"{path}: cannot be written ({err})") from err


def mend_last_line(descriptor: int, complete: int) -> None:
    """Cut a file opened with O_APPEND to its `complete` bytes, and end its last line where that has no end."""
    os.ftruncate(descriptor, complete)
    if complete and os.pread(descriptor, 1, complete - 1) != b"\n":
        append_line(descriptor, b"\n")


def append_line(descriptor: int, line: bytes) -> None:
    """Append a line to a file opened with O_APPEND, whole or not at all.

    Raises:
        OSError: the file cannot grow (a full disk writes what fits, and that is taken back).
    """
    before = os.fstat(descriptor).st_size
    try:
        written = os.write(descriptor, line)
        if written < len(line):
            raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}: {written} of {len(line)} bytes fit")
    except OSError:
        os.ftruncate(descriptor, before)
        raise
