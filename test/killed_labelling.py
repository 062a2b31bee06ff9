"""Labels a bag again and again, each time killed (SIGKILL) before a random file operation, until a run is finished.

A script of its own because it forks: `python killed_labelling.py BAG OUT SEED VIDEO`. Prints how often it was killed.
"""

from __future__ import annotations

import builtins
import os
import pathlib
import random
import signal
import sys
from collections.abc import Callable
from typing import Any

import cv2

from afss_ros.labelling.command import label
from afss_ros.labelling.settings import load_settings


def kill_before(count: int) -> None:
    """Die before the `count`-th time that this process writes, renames, removes or makes something."""
    left = [count]

    def counted(operation: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return operation(*arguments, **options)

        return run

    for owner, name in (
        (os, "write"), (os, "ftruncate"), (pathlib.Path, "write_bytes"), (pathlib.Path, "replace"),
        (pathlib.Path, "unlink"), (pathlib.Path, "mkdir"), (builtins, "open"),
    ):  # fmt: skip
        setattr(owner, name, counted(getattr(owner, name)))


def main() -> None:
    bag, out, seed, video = sys.argv[1:]
    cv2.setNumThreads(1)
    random.seed(int(seed))
    settings = load_settings(None, {"refine.views": "v4", "video.propagator": video, "video.chunk": 4, "batch": 3})
    kills = 0
    while True:
        child = os.fork()
        if child == 0:
            kill_before(random.Random(f"{seed}-{kills}").randint(2, 60))
            label(pathlib.Path(bag), pathlib.Path(out), settings)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            if os.WEXITSTATUS(status):
                sys.exit(f"a run failed with {os.WEXITSTATUS(status)}")
            break
        kills += 1
    sys.stdout.write(f"{kills}\n")


if __name__ == "__main__":
    main()
