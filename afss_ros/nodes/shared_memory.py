"""Shared memory of programs that died: Fast DDS leaves it behind, and it stays until the machine is started anew.

A segment is as large as the profile says, 35 MB with `config/fastdds.xml`: a node that is killed and respawned once an
hour would take 25 GB in a month. Beside each segment lies a file that its program keeps locked as long as it lives, by
which Fast DDS' own `fastdds shm clean` goes, too.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_FOLDER = Path("/dev/shm")
_LOCK = re.compile(r"(?:fastrtps|fastdds)_[0-9a-f]{16}_el")
_LEAST_AGE_S = 2.0
"""A program that begins makes the file a moment before it locks it."""


class Swept(NamedTuple):
    """What was taken away."""

    segments: int
    bytes: int


def sweep(folder: Path = _FOLDER, *, least_age_s: float = _LEAST_AGE_S) -> Swept:
    """Take away the segments of programs that died, as far as they belong to this user.

    Args:
        folder: where shared memory lies; where there is none, nothing is done.
        least_age_s: seconds; younger ones are left alone.
    """
    segments = freed = 0
    with suppress(OSError):
        for lock in [path for path in folder.iterdir() if _LOCK.fullmatch(path.name)]:
            with suppress(OSError):  # gone meanwhile, or another user's
                if time.time() - lock.stat().st_mtime >= least_age_s and _is_free(lock):
                    segment = lock.with_name(lock.name.removesuffix("_el"))
                    size = segment.stat().st_blocks * 512 if segment.exists() else 0
                    segment.unlink(missing_ok=True)
                    lock.unlink(missing_ok=True)
                    segments, freed = segments + 1, freed + size
    return Swept(segments, freed)


def _is_free(lock: Path) -> bool:
    """Whether nobody holds a lock: the kernel lets go of a dead program's."""
    file = os.open(lock, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    return True
