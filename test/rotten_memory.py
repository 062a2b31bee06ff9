"""perception_node whose memory rots on SIGUSR1: every session that is open then answers as another network's would.

Nothing but the memory of the open sessions is touched: a student that is loaded afterwards is sound. On SIGUSR2 the
file rots as well.
"""

from __future__ import annotations

import os
import signal
import sys
import weakref
from pathlib import Path
from types import FrameType
from typing import Any

from afss_ros.nodes.perception import program
from afss_ros.student import runtime
from afss_ros.student import student as students


def main() -> int:
    other = Path(os.environ["ROTTEN_MODEL"])
    open_sessions: weakref.WeakSet[Any] = weakref.WeakSet()

    class Session(runtime.BoundSession):
        def __init__(self, session: Any) -> None:
            super().__init__(session)
            open_sessions.add(self)

    def rot(_signal: int, _frame: FrameType | None) -> None:
        for session in list(open_sessions):
            rotten, _, _ = runtime.open_session(other.read_bytes(), name="rotten", provider="cpu", threads=1)
            session.__dict__ = runtime.BoundSession(rotten).__dict__

    def rot_the_file(_signal: int, _frame: FrameType | None) -> None:
        flying = Path(os.environ["FLYING_MODEL"])
        flying.write_bytes(flying.read_bytes()[:-1])

    students.BoundSession = Session  # type: ignore[attr-defined]
    signal.signal(signal.SIGUSR1, rot)
    signal.signal(signal.SIGUSR2, rot_the_file)
    return program.main()


if __name__ == "__main__":
    sys.exit(main())
