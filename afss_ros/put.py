"""Giving a finished file its name."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

_DEVICES = Path("/dev")


def put(finished: Path, path: Path) -> None:
    """Rename a finished file, or folder; a file that has the name already is replaced.

    Not so a device, a pipe or a socket: who writes to `/dev/null` as root means to throw the file away, and would leave
    the machine without it.

    Raises:
        OSError: the name is that of a device, a pipe or a socket, or it cannot be renamed.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        mode = stat.S_IFREG  # there is none yet
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) or path.absolute().parent == _DEVICES:
        raise OSError(
            errno.EEXIST, "is a device or a pipe, which a file must not take the place of; name a file", str(path)
        )
    finished.replace(path)
