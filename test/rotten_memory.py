"""perception_node whose memory rots on SIGUSR1: every session that is open then answers as another network's would.

Nothing but the memory of the open sessions is touched: a student that is loaded afterwards is sound. On SIGUSR2 the
file rots as well. On SIGRTMIN+1 one bit flips in the weights that the flying student holds: the highest of the exponent
of its first number. On SIGRTMIN+2 one flips in their copy, too. No student is loaded while the file that LOADING_GATE
names exists.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
import weakref
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from afss_ros.nodes.perception import program
from afss_ros.student import Student, runtime
from afss_ros.student import student as students
from afss_ros.student.memory.held import HeldWeights


def flip_a_bit(held: HeldWeights, *, copies: bool = False) -> str:
    """Flip the highest bit of the exponent of the first real number that is held; returns the tensor's name."""
    name, array = next((name, array) for name, array in held.arrays.items() if array.dtype == np.float32)
    at = array.ctypes.data - held._memory.ctypes.data + 3
    held._memory[at] ^= 0x40
    if copies:
        held._copy[at] ^= 0x20
    return name


def main() -> int:
    other = Path(os.environ["ROTTEN_MODEL"])
    open_sessions: weakref.WeakSet[Any] = weakref.WeakSet()

    class Session(runtime.BoundSession):
        def __init__(self, session: Any) -> None:
            super().__init__(session)
            open_sessions.add(self)

    replaced: list[dict[str, Any]] = []  # a run that is under way in another thread still writes into its memory

    def rot(_signal: int, _frame: FrameType | None) -> None:
        for session in list(open_sessions):
            rotten, _, _ = runtime.open_session(other.read_bytes(), name="rotten", provider="cpu", threads=1)
            replaced.append(session.__dict__)
            session.__dict__ = runtime.BoundSession(rotten).__dict__

    def rot_the_file(_signal: int, _frame: FrameType | None) -> None:
        flying = Path(os.environ["FLYING_MODEL"])
        flying.write_bytes(flying.read_bytes()[:-1])

    def flip(number: int, _frame: FrameType | None) -> None:
        for held in [each for each in gc.get_objects() if isinstance(each, HeldWeights)]:
            flip_a_bit(held, copies=number == signal.SIGRTMIN + 2)

    signal.signal(signal.SIGRTMIN + 1, flip)
    signal.signal(signal.SIGRTMIN + 2, flip)

    warm_up = Student.warm_up

    def wait_and_warm_up(student: Student, runs: int) -> list[float]:
        while Path(os.environ.get("LOADING_GATE", "/nowhere")).exists():
            time.sleep(0.01)
        return warm_up(student, runs)

    Student.warm_up = wait_and_warm_up  # type: ignore[assignment, method-assign]
    students.BoundSession = Session  # type: ignore[attr-defined]
    signal.signal(signal.SIGUSR1, rot)
    signal.signal(signal.SIGUSR2, rot_the_file)
    return program.main()


if __name__ == "__main__":
    sys.exit(main())
