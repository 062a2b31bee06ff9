"""perception_node whose threads can be told to end, and whose memory and file can rot (`rotten_memory`).

SIGRTMIN raises SystemExit in the thread that perceives, wherever it is.
"""

from __future__ import annotations

import ctypes
import signal
import sys
import threading
from types import FrameType

import rotten_memory


def end_thread(_signal: int, _frame: FrameType | None) -> None:
    for thread in threading.enumerate():
        if thread.name == "perceive" and thread.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))


if __name__ == "__main__":
    signal.signal(signal.SIGRTMIN, end_thread)
    sys.exit(rotten_memory.main())
