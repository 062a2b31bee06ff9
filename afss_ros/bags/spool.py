"""A folder of small bags within a budget: for recordings that go on for as long as a mission does.

One file holds a few items and is complete under its name once it is closed, so a crash costs the last few items, not
the recording. When the folder reaches its budget, the file with the least value goes first, of equals the oldest; the
value is in the file's name, so that the budget holds across restarts. A folder of bags is read like one bag.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from afss_ros.bags.errors import BagError
from afss_ros.bags.writer import BagWriter

_FILES = 16
"""Into how many files a full budget is divided, at least."""
_FILE_OVERHEAD = 32 << 10
"""Bytes of a file beside its items, at most: message definitions, index, what `started` writes."""
_NAME = re.compile(r"\d{8}T\d{6}-\d{9}-v(\d{3})\.mcap")
_PARTIAL = re.compile(r"\.\d{8}T\d{6}-\d{9}-v000\.mcap\.(\d+)\.partial")


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a spool may take.

    Attributes:
        bytes: of all files together.
        keep_free: bytes of the file system that stay free.
        items_per_file: how many items a crash may cost.
    """

    bytes: int
    keep_free: int = 0
    items_per_file: int = 32


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    value: int
    size: int


class Spool:
    """Writes items, each a few messages, into bags in `folder`. Not thread-safe.

    Args:
        folder: made when it is missing, with the first item.
        started: called with every new bag, to write what each must have, such as label_info.
        free: bytes free on the file system of a folder.
    """

    def __init__(
        self,
        folder: Path,
        budget: Budget,
        *,
        started: Callable[[BagWriter], None] = lambda _bag: None,
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self.folder = folder
        self._budget = budget
        self._started = started
        self._free = free
        self._closed_bytes = sum(f.size for f in self._files())
        self._bag: BagWriter | None = None
        self._items = self._open_bytes = 0
        self._value = 0.0

    @property
    def bytes(self) -> int:
        """Of all files; the open one by the size of its items, which is an upper bound."""
        return self._closed_bytes + self._open_bytes

    def write(self, size: int, value: float, put: Callable[[BagWriter], None]) -> None:
        """Write one item.

        Args:
            size: its bytes, at most.
            value: what it is worth, 0..1; a file is worth its best item.
            put: writes its messages into the bag.

        Raises:
            BagError: the item is larger than the budget, or no space is left beside `keep_free`; or the file system
                refuses, and then the items of the open bag are lost too. The spool stays usable.
        """
        is_full = self._open_bytes + size > self._budget.bytes // _FILES
        if (self._items and is_full) or self._items >= self._budget.items_per_file:
            self.close()
        try:
            self._make_room(size)
            put(self._open())
        except OSError as err:
            self._give_up()
            raise BagError(f"cannot write to {self.folder}: {err}") from err
        except BagError:
            self._give_up()
            raise
        self._items += 1
        self._open_bytes += size
        self._value = max(self._value, value)

    def close(self) -> None:
        """Complete the open bag, if there is one; the next item starts another.

        Raises:
            BagError: the file system refuses; the open bag's items are lost.
        """
        bag, self._bag, value = self._bag, None, self._value
        self._reset()
        if bag is None:
            return
        bag.close()
        named = bag.path.with_name(bag.path.name.replace("-v000", f"-v{round(100 * value):03d}"))
        try:
            self._closed_bytes += bag.path.replace(named).stat().st_size
        except OSError as err:
            raise BagError(f"cannot finish {named}: {err}") from err

    def _open(self) -> BagWriter:
        if self._bag is None:
            seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
            stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds))
            self._bag = BagWriter(self.folder / f"{stamp}-{nanoseconds:09d}-v000.mcap")
            self._open_bytes = _FILE_OVERHEAD
            self._started(self._bag)
        return self._bag

    def _make_room(self, size: int) -> None:
        """Remove the least valuable files until `size` bytes more keep the budget."""
        if self._bag is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._sweep()
            size += _FILE_OVERHEAD
        over = self.bytes + size - self._budget.bytes
        for file in sorted(self._files(), key=lambda f: (f.value, f.path.name)) if over > 0 else ():
            file.path.unlink(missing_ok=True)
            self._closed_bytes -= file.size
            over -= file.size
            if over <= 0:
                break
        free = self._free(self.folder)
        if over > 0 or free - size < self._budget.keep_free:
            self.close()
            raise BagError(
                f"no room for {size / 2**20:.1f} MiB in {self.folder}: {self._budget.bytes / 2**20:.0f} MiB may be"
                f" used; {free / 2**20:.0f} MiB are free, {self._budget.keep_free / 2**20:.0f} are to stay free"
            )

    def _sweep(self) -> None:
        """Remove what a crash left half-written, and count again what is there."""
        for path in self.folder.iterdir():
            partial = _PARTIAL.fullmatch(path.name)
            if partial and not _is_another_process(int(partial[1])):
                shutil.rmtree(path, ignore_errors=True)
        self._closed_bytes = sum(f.size for f in self._files())

    def _give_up(self) -> None:
        bag, self._bag = self._bag, None
        self._reset()
        if bag is not None:
            bag.discard()

    def _reset(self) -> None:
        self._items = self._open_bytes = 0
        self._value = 0.0

    def _files(self) -> list[_File]:
        """The spool's bags in the folder; whatever else lies there is none of its business."""
        found = []
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            named = _NAME.fullmatch(path.name)
            if named:
                with suppress(FileNotFoundError):
                    found.append(_File(path, int(named[1]), path.stat().st_size))
        return found


def _is_another_process(pid: int) -> bool:
    """Whether a process with this number runs that is not this one."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return pid != os.getpid()
