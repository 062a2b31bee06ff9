"""Steps for the tests of the driver: they compute nothing, and fail, crash or wait where they are told to."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Squares:
    """Squares of numbers; what is asked of some numbers besides is said by `files`.

    Attributes:
        folder: where a file `crash-5` makes every worker crash at 5, `once-5` only the first, which removes it,
            `hang-5` makes each wait for ever, `fail-5` raises, and `full` is a list of the nodes whose disk is full, of
            which `*` is every one.
    """

    folder: str = ""
    opens: bool = True

    @contextmanager
    def open(self) -> Iterator[Callable[[tuple[int, ...]], list[int]]]:
        if not self.opens:
            raise ValueError("there is no such model")
        yield lambda numbers: [self._square(number) for number in numbers]

    def _square(self, number: int) -> int:
        if not self.folder:
            return number**2
        folder = Path(self.folder)
        if (folder / f"once-{number}").exists():
            (folder / f"once-{number}").unlink()
            os._exit(9)
        if (folder / f"hang-{number}").exists():
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # nor does it listen
            while True:
                time.sleep(1000)
        if (folder / f"crash-{number}").exists():
            os._exit(9)
        if (folder / f"fail-{number}").exists():
            raise ValueError(f"{number} is no number")
        if (folder / "full").exists() and {node(), "*"} & set((folder / "full").read_text().split()):
            raise OSError(errno.ENOSPC, "No space left on device")
        if (folder / "slow").exists():
            (folder / f"begun-{number}-{os.getpid()}-{node()}").touch()
            time.sleep(0.05)
        return number**2


@dataclass(frozen=True, slots=True)
class Refusals:
    """Refuses every number, in the same words."""

    @contextmanager
    def open(self) -> Iterator[Callable[[tuple[int, ...]], list[int]]]:
        def refuse(numbers: tuple[int, ...]) -> list[int]:
            raise ValueError("wrong settings")

        yield refuse


def node() -> str:
    """Where this runs, on a cluster; empty where there is none, which would take seconds to ask Ray."""
    ray = sys.modules.get("ray")
    return "" if ray is None else str(ray.get_runtime_context().get_node_id())
