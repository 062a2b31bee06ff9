"""Files that appear whole or not at all, and files of others, opened with care."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from afss_ros.datasets.errors import DatasetError
from afss_ros.put import put

LARGEST = 1 << 32
"""Bytes of the largest file that is read at once; more is taken for a mistake."""
TEMPORARY = re.compile(r"\..+\.\d+(\.partial)?")
"""Names of what `write_atomically` and `bags.BagWriter` leave when they are killed."""


def read_bytes(path: Path, largest: int = LARGEST) -> bytes:
    """The content of a regular file. A pipe would be waited on for ever, and a device has no end.

    Raises:
        DatasetError: it is missing, no regular file, too large, or cannot be read.
    """
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise DatasetError(f"{path}: is no regular file")
        if facts.st_size > largest:
            raise DatasetError(f"{path}: has {facts.st_size} bytes, more than the {largest} that are believed")
        return path.read_bytes()
    except FileNotFoundError as err:
        raise DatasetError(f"{path}: missing") from err
    except OSError as err:
        raise DatasetError(f"{path}: cannot be read ({err.strerror or err})") from err
    except (ValueError, MemoryError) as err:  # a name with a NUL in it, or half a surrogate
        if isinstance(err, DatasetError):
            raise
        raise DatasetError(f"{str(path)!r}: cannot be read ({type(err).__name__}: {err})") from err


def read_text(path: Path, largest: int = LARGEST) -> str:
    """The content of a regular file of UTF-8 text, a byte order mark left out.

    Raises:
        DatasetError: see `read_bytes`; or it is no UTF-8.
    """
    try:
        return read_bytes(path, largest).decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise DatasetError(f"{path}: is no UTF-8 text (byte {err.start})") from err


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        DatasetError: see `read_text`; or it is no JSON, or nested too deep.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError, MemoryError) as err:
        raise DatasetError(f"{path}: cannot be read as JSON ({type(err).__name__}: {err})") from err


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """Write to a temporary name beside `path`, then move it there: a kill leaves the old file or the new one.

    Raises:
        DatasetError: it cannot be written, on a full disk for one; what was there stays, and nothing half-written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        put(temporary, path)
    except OSError as err:
        temporary.unlink(missing_ok=True)
        raise DatasetError(f"{path}: cannot be written ({err})") from err


def remove_leftovers(root: Path) -> None:
    """Remove the temporary files of killed writers below a folder that nobody writes to."""
    for path in sorted(root.rglob(".*")):
        if not TEMPORARY.fullmatch(path.name):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep a folder for this process, made if need be and without what killed ones left; freed however it ends.

    Raises:
        DatasetError: another process works there, or the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as err:
        raise DatasetError(f"{folder}: cannot be made ({err.strerror or err}); choose another --out") from err
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as err:
        by = _holder(os.fstat(descriptor).st_ino)
        os.close(descriptor)
        raise DatasetError(f"{folder}: {by} is writing here; wait for it, or choose another --out") from err
    try:
        remove_leftovers(folder)
        yield
    finally:
        os.close(descriptor)


def _holder(inode: int) -> str:
    """Who holds the lock of a file, in words: its process and command where the system tells."""
    try:
        for line in Path("/proc/locks").read_text().splitlines():
            fields = line.split()
            if "FLOCK" in fields and fields[5].endswith(f":{inode}"):
                command = Path(f"/proc/{fields[4]}/cmdline").read_bytes().split(b"\0")
                words = " ".join(
                    Path(word).name if n == 0 else word for n, word in enumerate(map(os.fsdecode, command))
                )
                return f"process {fields[4]} ({words.strip()[:200]})"
    except (OSError, IndexError):
        pass
    return "another process"


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
